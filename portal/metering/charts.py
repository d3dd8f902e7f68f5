"""The chart of the usage page and the words on its axis."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.core import Locale
from babel.dates import format_datetime
from flask_babel import get_locale
from flask_babel import gettext as _
from markupsafe import Markup

from portal.kit.clock import isoformat_z
from portal.metering.holdings import Holding
from portal.metering.reliability import Reliability
from portal.metering.report import Report
from portal.metering.spans import Step
from portal.web.figures import Chart, Series, chart_data, compact
from portal.web.formatting import date_pattern, instant_text, number, written

# Slot 1 is what counts and slot 2 what does not, on every page; several APIs take the others, so none means two things.
_SEVERAL = (1, 3, 5, 6, 7)
_NOT_COUNTED = 2
_REST = 8


def bar_label(start: datetime, step: Step, zone: str, *, long: bool = False) -> str:
    """Name a bar by its first instant in `zone`: "3 Mar", or "Tue 14:00"; `long` adds what a table has room for."""
    pattern = ("EEE d MMM y" if long else "d MMM") if step == "day" else ("d MMM y, HH:mm" if long else "EEE HH:mm")
    return _named(start, zone, date_pattern(pattern), get_locale() or Locale("en"))


@lru_cache(maxsize=4096)  # a page names the same bars several times, and the next page names them again
def _named(start: datetime, zone: str, pattern: str, locale: Locale) -> str:
    return format_datetime(start, pattern, tzinfo=ZoneInfo(zone), locale=locale)


def call_time(at: datetime) -> Markup:
    """Return a `<time>` to the second in the reader's zone, with zone and UTC in its title."""
    exact = f"{instant_text(at)} · {isoformat_z(at)}"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        isoformat_z(at), exact, written(at, "d MMM HH:mm:ss")
    )


def clock_time(at: datetime) -> Markup:
    """Return a `<time>` of hours and minutes in the reader's zone, with the exact instant in its title."""
    exact = f"{instant_text(at)} · {isoformat_z(at)}"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(isoformat_z(at), exact, written(at, "HH:mm"))


def usage_chart(report: Report, holdings: Sequence[Holding]) -> Chart:
    """Return the stacked bars: counted calls by subscription when several are shown, and what is not counted on top."""
    labels = [bar_label(bar.start, report.span.step, report.span.zone) for bar in report.bars]
    series = _counted(report, {held.subscription_id: held.name for held in holdings})
    series.append(Series(_("Not counted"), [bar.usage.not_billed for bar in report.bars], slot=_NOT_COUNTED))
    summary = _(
        "Calls per %(step)s, %(bars)s bars, %(calls)s calls in all. The table beneath has the figures.",
        step=_("hour") if report.span.step == "hour" else _("day"),
        bars=number(len(labels)),
        calls=number(report.total.calls),
    )
    return chart_data(labels, series, unit=_("calls"), summary=summary, partial=report.span.is_running, show=_whole)


def bar_rows(report: Report) -> list[tuple[str, ...]]:
    """Return the bars as rows of a table, the last first: when, counted, not counted, errors, average in milliseconds."""
    rows: list[tuple[str, ...]] = []
    for bar in reversed(report.bars):
        label, used = bar_label(bar.start, report.span.step, report.span.zone, long=True), bar.usage
        if not rows and report.span.is_running:
            label = "{} ({})".format(label, _("so far"))
        average = "–" if used.average_ms is None else number(used.average_ms)
        rows.append((label, number(used.billable_calls), number(used.not_billed), number(used.errors), average))
    return rows


def reliability_charts(found: Reliability) -> dict[str, Chart]:
    """Return the drawings of a provider's days: latency percentiles, and the share of calls that failed."""
    telling = found.telling
    labels = [bar_label(day, "day", "UTC") for day, _quality in telling]
    latency = [
        Series(_("Median"), [quality.p50 or 0 for _day, quality in telling], slot=3),
        Series("p95", [quality.p95 or 0 for _day, quality in telling], slot=1),
        Series("p99", [quality.p99 or 0 for _day, quality in telling], slot=4),
    ]
    failing = [Series(_("Failed"), [float(100 * (quality.error_rate or 0)) for _day, quality in telling], slot=2)]
    return {
        "latency": chart_data(
            labels, latency, kind="line", unit="ms", summary=_("Latency per day. The table beneath has the figures.")
        ),
        "failing": chart_data(
            labels, failing, unit="%", summary=_("Share of failed calls per day. The table beneath has the figures.")
        ),
    }


def _whole(calls: float) -> str:
    """Write a number of the axis; there is no half call."""
    return compact(calls) if calls == int(calls) else ""


def _counted(report: Report, names: dict[int, str]) -> list[Series]:
    if len(names) < 2:
        return [Series(_("Counted"), [bar.usage.billable_calls for bar in report.bars], slot=1)]
    order = [subscription for subscription, calls in report.counted_by_subscription().items() if calls]
    shown, rest = order[: len(_SEVERAL)], order[len(_SEVERAL) :]
    series = [
        Series(names.get(subscription, "?"), [bar.counted.get(subscription, 0) for bar in report.bars], slot=slot)
        for subscription, slot in zip(shown, _SEVERAL, strict=False)
    ]
    if rest:
        values = [sum(bar.counted.get(subscription, 0) for subscription in rest) for bar in report.bars]
        series.append(Series(_("Other subscriptions"), values, slot=_REST))
    return series
