"""What a subscription gives access to, by status and instant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kit.periods import Period
from portal.subscriptions.rules import access, access_of
from portal.subscriptions.types import Access, SubscriptionView
from tests.worked_tables import instant, worked_rows

START, END = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
DAY, MOMENT = timedelta(days=1), timedelta(microseconds=1)


def ask(status: Any, now: datetime, **facts: Any) -> Access:
    return access(status, current_period_start=START, current_period_end=END, now=now, **facts)


@pytest.mark.parametrize(
    ("case", "status", "facts", "at", "source", "until", "reason"),
    worked_rows("entitlements.md", "What a subscription supports"),
)
def test_each_status_gives_what_the_table_says(
    case: str, status: Any, facts: dict[str, Any], at: str, source: str | None, until: str | None, reason: str
) -> None:
    known = {name: instant(value) if isinstance(value, str) else value for name, value in facts.items()}
    found = ask(status, instant(at), **known)
    assert (found.allowed, found.source, found.reason) == (source is not None, source, reason)
    assert found.valid_to == (None if until is None else instant(until))


def test_a_provider_clock_ahead_of_ours_does_not_lock_out_somebody_who_just_paid() -> None:
    found = ask("active", START - timedelta(seconds=3))
    assert found.allowed
    assert found.valid_from == START - timedelta(seconds=3)


statuses = st.sampled_from(["active", "trialing", "past_due"])
offsets = st.integers(-50, 120).map(lambda days: START + days * DAY)
maybe = st.none() | offsets


@given(statuses, offsets, maybe, maybe, st.booleans(), maybe, maybe, st.booleans())
def test_access_holds_during_its_window_and_ends_with_it(
    status: Any,
    now: datetime,
    trial_end: datetime | None,
    cancel_at: datetime | None,
    at_period_end: bool,
    past_due_since: datetime | None,
    grace_until: datetime | None,
    renews_itself: bool,
) -> None:
    facts = {
        "trial_end": trial_end, "cancel_at": cancel_at, "cancel_at_period_end": at_period_end,
        "past_due_since": past_due_since, "grace_until": grace_until, "renews_itself": renews_itself,
    }  # fmt: skip
    found = ask(status, now, **facts)
    if not found.allowed:
        assert (found.source, found.valid_from, found.valid_to) == (None, None, None)
        return
    assert found.valid_from is not None
    assert found.valid_from <= now
    assert cancel_at is None or (found.valid_to is not None and found.valid_to <= cancel_at) or cancel_at > END
    if found.valid_to is None:
        assert renews_itself
    else:
        assert now < found.valid_to
        assert ask(status, found.valid_to - MOMENT, **facts).allowed
        assert not ask(status, found.valid_to, **facts).allowed


def test_a_view_without_a_provider_id_renews_itself() -> None:
    view = SubscriptionView(
        id=1, account_id=1, product_id=1, plan_id=1, price_id=1, stripe_subscription_id=None, status="active",
        quantity=1, period=Period(START, END), anchor_at=START, trial_end=None, cancel_at=None,
        cancel_at_period_end=False, canceled_at=None, ended_at=None, past_due_since=None, grace_until=None,
        read_at=START,
    )  # fmt: skip
    assert access_of(view, END + 90 * DAY).valid_to is None
    assert not view.has_ended
