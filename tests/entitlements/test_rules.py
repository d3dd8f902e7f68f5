"""Rows follow what a subscription supports, whatever happens and however often anybody looked."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from portal.entitlements.rules import reconcile, support, union
from portal.entitlements.types import Grant, Move, Steps, Support
from portal.subscriptions.rules import access
from portal.subscriptions.types import Access

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
FEATURE = 7


def grant(number: int, source: Any, start: int, end: int | None, quantity: int | None = None) -> Grant:
    until = None if end is None else START + end * DAY
    amount = None if quantity is None else Decimal(quantity)
    return Grant(number, FEATURE, source, 1, START + start * DAY, until, amount)


NAMES = {FEATURE: ("api.rates", "Rates")}


def test_any_live_row_allows_and_quantities_add_up() -> None:
    rows = [
        grant(1, "subscription", 0, 30, 100),
        grant(2, "manual", 0, None, 50),
        grant(3, "trial", 0, 5, 999),
        grant(4, "purchase", 20, 40, 7),
        replace(grant(5, "grace", 0, 30, 1000), revoked_at=START, revoke_reason="mistake"),
    ]
    [right] = union(rows, NAMES, START + 10 * DAY)
    assert (right.code, right.quantity, right.sources) == ("api.rates", Decimal(150), ("manual", "subscription"))
    assert right.until is None
    assert right.steady_until == START + 20 * DAY
    assert union(rows[2:3], NAMES, START + 5 * DAY) == []
    [alone] = union(rows[:1], NAMES, START)
    assert (alone.until, alone.steady_until) == (START + 30 * DAY, START + 30 * DAY)


def test_rows_without_a_quantity_count_nothing() -> None:
    [right] = union([grant(1, "subscription", 0, None)], NAMES, START)
    assert right.quantity is None
    assert right.steady_until is None


def test_a_row_that_has_not_begun_is_revoked_and_one_that_has_is_closed() -> None:
    rows = [grant(1, "subscription", 0, 10), grant(2, "grace", 12, 20), grant(3, "trial", -9, -2)]
    assert reconcile(rows, None, START + 5 * DAY) == Steps(revoke=(2,), close=(1,))


def test_the_row_that_is_live_goes_on_and_the_one_a_faster_clock_wrote_ahead_gives_way() -> None:
    rows = [grant(2, "subscription", 10, 20), grant(1, "subscription", 0, 10)]
    wanted = Support(FEATURE, "subscription", START, START + 30 * DAY)
    assert reconcile(rows, wanted, START + 5 * DAY) == Steps(revoke=(2,), move=Move(1, START, START + 30 * DAY))
    assert reconcile(rows[:1], wanted, START + 5 * DAY) == Steps(move=Move(2, START + 5 * DAY, START + 30 * DAY))


@dataclass
class Table:
    """The entitlements table in memory, as strict as the real one about overlaps and empty windows."""

    rows: list[Grant] = field(default_factory=list)
    writes: int = 0

    def take(self, steps: Steps) -> None:
        self.writes += bool(steps)
        revoked, closed = set(steps.revoke), set(steps.close)
        assert not revoked & closed
        self.rows = [row for row in self.rows if row.id not in revoked]

    def derive(self, found: Access, now: datetime) -> None:
        steps = reconcile(self.rows, support(found, FEATURE), now)
        self.take(steps)
        for n, row in enumerate(self.rows):
            if row.id in steps.close:
                self.rows[n] = replace(row, valid_to=now)
            elif steps.move and row.id == steps.move.grant_id:
                self.rows[n] = replace(row, valid_from=steps.move.valid_from, valid_to=steps.move.valid_to)
        if steps.open:
            new = steps.open
            number = 1 + max((row.id for row in self.rows), default=0)
            self.rows.append(Grant(number, new.feature_id, new.source, 1, new.valid_from, new.valid_to))
        self.check()

    def check(self) -> None:
        far = datetime.max.replace(tzinfo=UTC)
        for n, one in enumerate(self.rows):
            assert one.valid_to is None or one.valid_from < one.valid_to
            for other in self.rows[n + 1 :]:
                assert (
                    one.source != other.source
                    or (one.valid_to or far) <= other.valid_from
                    or (other.valid_to or far) <= one.valid_from
                ), "rows of one source overlap"

    def allows(self, at: datetime) -> bool:
        return any(row.holds(at) for row in self.rows)

    def ahead(self, now: datetime) -> list[tuple[str, datetime, datetime | None]]:
        """Return what will be answered from `now` on."""
        left = [
            (r.source, max(r.valid_from, now), r.valid_to) for r in self.rows if r.valid_to is None or r.valid_to > now
        ]
        return sorted(left, key=lambda window: window[1])


days = st.integers(-3, 45).map(lambda n: START + n * DAY)


@st.composite
def facts(draw: st.DrawFn) -> dict[str, Any]:
    start = START + draw(st.integers(-3, 30)) * DAY
    return {
        "status": draw(
            st.sampled_from(["active", "active", "trialing", "past_due", "unpaid", "paused", "incomplete", "canceled"])
        ),
        "current_period_start": start,
        "current_period_end": start + draw(st.integers(1, 31)) * DAY,
        "trial_end": draw(st.none() | days),
        "cancel_at": draw(st.none() | st.none() | days),
        "cancel_at_period_end": draw(st.booleans()),
        "past_due_since": draw(st.none() | days),
        "grace_until": draw(st.none() | days),
        "renews_itself": draw(st.booleans()),
    }


# How far the next instant is away: mostly ahead, sometimes the same, sometimes back (another machine's clock).
steps_in_time = st.sampled_from([MINUTE, 30 * MINUTE, DAY, 5 * DAY, timedelta(0), -MINUTE, -DAY])
histories = st.lists(st.tuples(steps_in_time, facts()), min_size=1, max_size=8)


@given(histories, st.lists(st.timedeltas(timedelta(0), 60 * DAY), max_size=8))
def test_from_now_on_rows_answer_as_the_subscription_would(
    history: list[tuple[timedelta, dict[str, Any]]], later: list[timedelta]
) -> None:
    table, now = Table(), START
    for step, known in history:
        now += step
        found = access(**known, now=now)
        table.derive(found, now)
        for instant in [now, *(now + delay for delay in later)]:
            expected = found.allowed and (found.valid_to is None or instant < found.valid_to)
            assert table.allows(instant) == expected
        written = table.writes
        table.derive(found, now)
        assert table.writes == written, "a second run writes nothing"


@given(histories, st.lists(st.integers(0, 3), min_size=8, max_size=8))
def test_what_is_answered_from_now_on_does_not_depend_on_how_often_anybody_looked(
    history: list[tuple[timedelta, dict[str, Any]]], looks: list[int]
) -> None:
    """One table is derived at every change, the other seldom or several times; both end in the same answers."""
    busy, lazy, now = Table(), Table(), START
    known: dict[str, Any] = {}
    for (step, facts_now), times in zip(history, looks, strict=False):
        now, known = now + abs(step), facts_now
        busy.derive(access(**known, now=now), now)
        for n in range(times):
            instant = now + n * timedelta(seconds=1)
            lazy.derive(access(**known, now=instant), instant)
    end = now + MINUTE
    for table in (busy, lazy):
        table.derive(access(**known, now=end), end)
    assert busy.ahead(end) == lazy.ahead(end)


@given(histories)
def test_the_past_is_never_rewritten(history: list[tuple[timedelta, dict[str, Any]]]) -> None:
    """Only the first row may begin before anybody heard of the sale; from then on what was answered stays."""
    table, now, answered = Table(), START, {}
    for step, known in history:
        now += abs(step) + MINUTE
        is_first = not table.rows
        table.derive(access(**known, now=now), now)
        if not is_first:
            assert {at: table.allows(at) for at in answered} == answered
            for at in (now, now + timedelta(seconds=30)):
                answered[at] = table.allows(at)
