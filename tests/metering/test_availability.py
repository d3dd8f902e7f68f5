"""What a call says about its provider: one definition, told twice, in Python and in SQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import product

import pytest
from flask import Flask
from sqlalchemy import text

from portal.db import SYSTEM, scoped
from portal.metering.availability import ASKED_SQL, FAILED_SQL, availability, outcome_of
from portal.metering.quality_words import rate, share, strip
from portal.metering.reliability import reliability_of
from portal.metering.types import ApiDay

SOURCES = ("upstream", "kong", "error", "exit", "")
STATUSES = (200, 304, 404, 429, 499, 500, 502, 503, 504, 599)
DECISIONS = (None, "admitted", "upstream-failed", "upstream-timeout", "rate-limited", "quota-exceeded")
MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("source", "status", "decision", "upstream_ms", "outcome"),
    [
        ("upstream", 200, "admitted", 12, "answered"),
        ("upstream", 404, "admitted", 12, "answered"),
        ("upstream", 503, "admitted", 12, "failed"),
        ("kong", 502, "upstream-failed", None, "failed"),
        ("kong", 504, "upstream-timeout", None, "failed"),
        ("kong", 502, None, 2, "failed"),
        ("kong", 503, None, None, "not asked"),
        ("kong", 401, None, None, "not asked"),
        ("kong", 429, "rate-limited", None, "not asked"),
        ("kong", 503, "unavailable", None, "not asked"),
    ],
)
def test_what_a_call_says(
    source: str, status: int, decision: str | None, upstream_ms: int | None, outcome: str
) -> None:
    assert outcome_of(source, status, decision, upstream_ms) == outcome


def test_sql_says_the_same_for_every_combination(app: Flask) -> None:
    statement = text(
        f"SELECT {ASKED_SQL}, {FAILED_SQL} FROM (SELECT CAST(:source AS text) AS source,"  # noqa: S608
        " CAST(:status AS smallint) AS status, CAST(:decision AS text) AS decision,"
        " CAST(:upstream_ms AS bigint) AS upstream_ms) AS log"
    )
    with scoped(SYSTEM) as session:
        for source, status, decision, upstream_ms in product(SOURCES, STATUSES, DECISIONS, (None, 3)):
            values = {"source": source, "status": status, "decision": decision, "upstream_ms": upstream_ms}
            asked, failed = session.execute(statement, values).one()
            said = "failed" if failed else "answered" if asked else "not asked"
            assert said == outcome_of(source, status, decision, upstream_ms), values


def test_a_small_sample_says_nothing() -> None:
    assert availability(49, 0) is None
    assert availability(50, 1) == Fraction(49, 50)
    assert availability(0, 0, smallest=0) is None


def a_day(n: int, asked: int, failed: int) -> ApiDay:
    return ApiDay(MIDNIGHT + timedelta(days=n), asked, failed, 1, ((40, asked),))


def test_every_day_has_its_place_whether_it_had_calls_or_not() -> None:
    found = reliability_of([a_day(1, 100, 1), a_day(3, 9, 9)], MIDNIGHT, 5)
    assert [day for day, _quality in found.days] == [MIDNIGHT + timedelta(days=n) for n in range(5)]
    assert [quality.availability for _day, quality in found.days] == [None, Fraction(99, 100), None, None, None]
    assert (found.total.asked, found.total.failed) == (109, 10)
    assert found.total.availability == Fraction(99, 109)
    assert found.total.p50 == 40
    assert len(found.telling) == 1


def test_a_day_that_went_on_is_told_anew() -> None:
    """Days are remembered by all that they say, so what was added to one is never missing."""
    slower = ApiDay(MIDNIGHT, 100, 1, 1, ((40, 49), (60, 51)))
    found = [reliability_of([day], MIDNIGHT, 1).days[0][1].p50 for day in (a_day(0, 100, 1), slower, a_day(0, 100, 1))]
    assert found == [40, 94, 40]


@pytest.mark.usefixtures("app")
def test_a_share_is_never_rounded_up_to_perfect(app: Flask) -> None:
    with app.test_request_context():
        assert share(Fraction(999_999, 1_000_000)) == "99.99%"
        assert share(Fraction(1)) == "100%"
        assert rate(Fraction(1, 1_000_000)) == "0.01%"
        assert rate(Fraction(0)) == "0%"
        assert share(None) == "–"
        days = [a_day(0, 1000, 1), a_day(1, 1000, 5), a_day(2, 1000, 100), a_day(3, 5, 5)]
        assert [how for _title, how in strip(reliability_of(days, MIDNIGHT, 5))] == [
            "good", "fair", "bad", "unknown", "unknown"
        ]  # fmt: skip
