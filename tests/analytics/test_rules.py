"""The arithmetic of the figures: the worked tables, and what must hold for any subscriptions at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from portal.analytics import rules
from portal.analytics.types import Entry, Held, Rate, Reduction, Taken
from portal.kit.periods import Period
from tests.worked_tables import instant, worked_rows

NOW = instant("2026-03-10")
FEBRUARY = Period(instant("2026-02-01"), instant("2026-03-01"))
_INSTANTS = ("started_at", "trial_end", "ended_at", "past_due_since")


def held(number: int = 1, **facts: Any) -> Held:
    """A subscription of the tables."""
    rate = Rate(facts.pop("amount", 2900), "eur")
    changes = tuple((instant(at), Rate(amount, "eur")) for at, amount in facts.pop("changes", ()))
    times = {name: instant(facts.pop(name)) for name in _INSTANTS if name in facts}
    facts = {"account_id": 1, "product_id": 1, "status": "active", **facts}
    return Held(id=number, rate=rate, changes=changes, **times, **facts)


def test_per_month_as_documented() -> None:
    for case, rate, quantity, reduction, expected in worked_rows("metrics.md", "Per month"):
        off = reduction and Reduction(
            percent_off=Decimal(reduction["percent_off"]) if "percent_off" in reduction else None,
            amount_off=reduction.get("amount_off"),
        )
        assert rules.monthly(Rate(currency="eur", **rate), quantity, off) == Fraction(expected), case


def test_states_as_documented() -> None:
    for case, facts, before, expected in worked_rows("metrics.md", "States"):
        assert rules.state_before(held(**facts), instant(before), NOW) == expected, case


def test_movement_as_documented() -> None:
    for case, many, flow, customers in worked_rows("metrics.md", "Movement"):
        found = rules.churn(rules.moves([held(n, **one) for n, one in enumerate(many, 1)], FEBRUARY, NOW), FEBRUARY)
        shown = [[one.before, one.new, one.more, one.less, one.lost, one.after] for one in found.flows]
        assert shown == ([flow] if flow else []), case
        assert [found.customers, found.lost_customers] == customers, case


def test_trials_as_documented() -> None:
    for case, facts, expected in worked_rows("metrics.md", "Trials"):
        found = rules.trials([held(**facts)], FEBRUARY, NOW)
        assert [found.running, found.started, found.converted, found.lost, found.undecided] == expected, case


def test_currencies_are_never_added_up() -> None:
    since = "2026-01-01"
    dollars = Held(2, 2, 1, "active", instant(since), Rate(1000, "usd"))
    some = [held(1, started_at=since), dollars, held(3, account_id=3, started_at=since)]
    assert [(one.currency, one.active) for one in rules.recurring(some, NOW, NOW)] == [("eur", 5800), ("usd", 1000)]
    assert [(one.currency, one.before) for one in rules.churn(rules.moves(some, FEBRUARY, NOW), FEBRUARY).flows] == [
        ("eur", 5800),
        ("usd", 1000),
    ]


def test_trials_and_overdue_stand_apart() -> None:
    some = [
        held(1, started_at="2026-01-01"),
        held(2, started_at="2026-01-01", status="past_due", past_due_since="2026-03-01", amount=100),
        held(3, started_at="2026-03-01", status="trialing", trial_end="2026-04-01", amount=10),
        held(4, started_at="2026-01-01", status="unpaid", amount=7),
        held(5, started_at="2026-01-01", status="paused", amount=7),
    ]
    (found,) = rules.recurring(some, NOW, NOW)
    assert (found.active, found.past_due, found.trialing) == (2900, 100, 10)


def test_a_discount_counts_until_it_ends() -> None:
    reduction = Reduction(percent_off=Decimal(50), ends_at=instant("2026-03-01"))
    one = Held(1, 1, 1, "active", instant("2026-01-01"), Rate(2900, "eur"), reduction=reduction)
    assert rules.value_before(one, instant("2026-03-01")) == 1450
    assert rules.value_before(one, instant("2026-03-01T00:00:01")) == 2900


def test_money_that_went_back_stands_beside_what_came() -> None:
    entries = [_entry("payment", 2900), _entry("invoice", 100), _entry("refund", -900), _entry("payment", 5, "usd")]
    assert rules.taken(entries, {"usd": (700, 1), "chf": (1, 2)}) == (
        Taken("eur", received=3000, payments=2, refunded=900, refunds=1),
        Taken("usd", received=5, payments=1, open=700, open_invoices=1),
        Taken("chf", open=1, open_invoices=2),
    )
    assert rules.taken(entries, {})[0].net == 2100


DAYS = st.integers(0, 120).map(lambda n: instant("2026-01-01") + timedelta(days=n / 2))


@st.composite
def any_held(draw: st.DrawFn, number: int = 0) -> Held:
    started = draw(DAYS)
    status = draw(st.sampled_from(rules.STATES))
    later = st.integers(1, 60).map(lambda n: started + timedelta(days=n / 2))
    rates = st.builds(
        Rate,
        st.integers(0, 5000),
        st.sampled_from(["eur", "usd"]),
        st.sampled_from(["day", "week", "month", "year"]),
        st.integers(1, 3),
    )
    return Held(
        id=draw(st.integers(1, 10**6)),
        account_id=draw(st.integers(1, 3)),
        product_id=draw(st.integers(1, 2)),
        status=status,
        started_at=started,
        rate=draw(rates),
        quantity=draw(st.integers(0, 3)),
        trial_end=draw(st.none() | later),
        ended_at=draw(later) if status in ("canceled", "incomplete_expired") else None,
        past_due_since=draw(later) if status == "past_due" else None,
        changes=tuple(draw(st.lists(st.tuples(later, rates), max_size=2))),
    )


@given(st.lists(any_held(), max_size=6), DAYS, st.integers(1, 40))
def test_what_moved_explains_the_difference_exactly(some: list[Held], start: datetime, days: int) -> None:
    period = Period(start, start + timedelta(days=days))
    found = rules.churn(rules.moves(some, period, NOW), period)
    for flow in found.flows:
        assert flow.before + flow.new + flow.more - flow.less - flow.lost == flow.after
    at_end = {one.currency: one.active + one.past_due for one in rules.recurring(some, period.end, NOW)}
    assert {one.currency: one.after for one in found.flows if one.after} == {
        currency: value for currency, value in at_end.items() if value
    }
    assert 0 <= found.lost_customers <= found.customers


@given(st.lists(any_held(), max_size=6), DAYS, st.integers(1, 20), st.integers(1, 20))
def test_the_end_of_a_period_is_the_start_of_the_next(some: list[Held], start: datetime, one: int, two: int) -> None:
    middle, end = start + timedelta(days=one), start + timedelta(days=one + two)
    first, second = Period(start, middle), Period(middle, end)
    ends = {flow.currency: flow.after for flow in rules.churn(rules.moves(some, first, NOW), first).flows if flow.after}
    begins = {
        flow.currency: flow.before for flow in rules.churn(rules.moves(some, second, NOW), second).flows if flow.before
    }
    assert ends == begins


@given(st.lists(any_held(), max_size=6), DAYS)
def test_every_subscription_that_has_begun_is_in_one_state(some: list[Held], at: datetime) -> None:
    begun = [one for one in some if at >= NOW or one.started_at < at]
    assert sum(rules.count_states(some, at, NOW).values()) == len(begun)


def _entry(kind: Any, amount: int, currency: str = "eur") -> Entry:
    return Entry(datetime(2026, 2, 3, tzinfo=UTC), kind, "x", 1, "Harbour", currency, amount)
