"""How reliable an API is, in words and as a strip of days."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from math import floor
from typing import Literal

from flask_babel import gettext as _
from flask_babel import ngettext

from portal.metering.charts import bar_label
from portal.metering.reliability import Quality, Reliability
from portal.web.formatting import number, percent

How = Literal["good", "fair", "bad", "unknown"]
GOOD, FAIR = Fraction(999, 1000), Fraction(99, 100)


def share(value: Fraction | None) -> str:
    """Return a share as a percentage, cut and not rounded: 99.996 % never reads 100 %."""
    return "–" if value is None else percent(floor(value * 10_000) / 10_000, 0 if value in (0, 1) else 2)


def rate(value: Fraction | None) -> str:
    """Return the share of failures, rounded up: one failure in a million never reads 0 %."""
    return "–" if value is None else percent(-floor(-value * 10_000) / 10_000, 0 if value in (0, 1) else 2)


def milliseconds(value: int | None) -> str:
    """Return a latency, a dash where the sample is too small."""
    return "–" if value is None else str(_("%(n)s ms", n=number(value)))


def strip(found: Reliability) -> list[tuple[str, How]]:
    """Return the days for `day_strip`: what a pointer reads, and how the day went."""
    return [(_title(day, quality), _how(quality)) for day, quality in found.days]


def rows(found: Reliability) -> list[tuple[str, ...]]:
    """Return the days with calls as rows of a table, the last first: day, calls, failed, available, median, p95, p99."""
    return [
        (
            bar_label(day, "day", "UTC", long=True),
            number(quality.asked),
            number(quality.failed),
            share(quality.availability),
            *(milliseconds(each) for each in (quality.p50, quality.p95, quality.p99)),
        )
        for day, quality in reversed(found.days)
        if quality.asked
    ]


def _how(quality: Quality) -> How:
    found = quality.availability
    return "unknown" if found is None else "good" if found >= GOOD else "fair" if found >= FAIR else "bad"


def _title(day: datetime, quality: Quality) -> str:
    name = bar_label(day, "day", "UTC")
    if not quality.asked:
        return str(_("%(day)s: no calls", day=name))
    calls = ngettext("%(n)s call", "%(n)s calls", quality.asked, n=number(quality.asked))
    if quality.availability is None:
        return str(_("%(day)s: %(calls)s, too few to say", day=name, calls=calls))
    return str(_("%(day)s: %(share)s of %(calls)s answered", day=name, share=share(quality.availability), calls=calls))
