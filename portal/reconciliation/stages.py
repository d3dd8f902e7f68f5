"""What a run goes through, one page at a time. A page is worked from its cursor alone, so it may be worked again."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from portal.db import SYSTEM, scoped
from portal.kit.clock import isoformat_z
from portal.ports.billing import InvoiceSnapshot, PaymentSnapshot
from portal.reconciliation import facts, other_facts, others, paid_facts
from portal.reconciliation.looking import Asking, Look, known_keys, look_at_payments, settle
from portal.reconciliation.other_facts import Named
from portal.reconciliation.paying import list_of, moved_at
from portal.reconciliation.reading import ask, ask_one
from portal.reconciliation.types import EventFact, Found

AT_ONCE = 40
LISTED_AT_ONCE = 100
SAMPLED = 20
MOST_INVOICES = 100
_LISTS = ("payment", "refund", "dispute", "ours")


@dataclass(frozen=True, slots=True)
class Page:
    """What one page brought. `cursor` is where the next begins, None after the last.

    `asked_in_vain` is true when the other side answered nothing at all.
    """

    found: tuple[Found, ...] = ()
    skipped: int = 0
    cursor: str | None = None
    asked_in_vain: bool = False


Stage = Callable[[int, str, Asking], Page]


def _subscriptions(_run: int, cursor: str, asking: Asking) -> Page:
    now = asking.clock.now()
    with scoped(SYSTEM):
        due = facts.list_due(int(cursor or 0), AT_ONCE, since=asking.since, age=asking.age, now=now)
    keys = [str(number) for number, is_fresh in due if not is_fresh]
    found = settle("subscription", keys, asking)
    return _page(found, due[-1][0] if len(due) == AT_ONCE else None, skipped=len(due) - len(keys))


def _strangers(_run: int, cursor: str, asking: Asking) -> Page:
    """Go through the provider's own list for what we never heard of."""
    answer = ask_one(
        cursor, lambda after: asking.payments.list_all_subscriptions(after=after or None, limit=LISTED_AT_ONCE)
    )
    if answer.value is None:
        return Page((Found("stripe-subscription:", "unknown"),), asked_in_vain=True)
    listed = answer.value
    with scoped(SYSTEM):
        held = other_facts.list_held([one.id for one in listed.subscriptions])
    strange = [
        one for one in listed.subscriptions if one.id not in held and _has_settled(one.current_period_start, asking)
    ]
    found = settle("stripe-subscription", [one.id for one in strange], asking)
    return _page(found, listed.next_after)


def _customers(_run: int, cursor: str, asking: Asking) -> Page:
    with scoped(SYSTEM):
        listed = other_facts.list_customer_ids(int(cursor or 0), AT_ONCE, livemode=asking.livemode)
    found = settle("customer", [customer for _account, customer in listed], asking)
    return _page(found, listed[-1][0] if len(listed) == AT_ONCE else None)


def _invoices(_run: int, cursor: str, asking: Asking) -> Page:
    """Go through the newest invoices of each customer, and judge those made since the run looks back."""
    with scoped(SYSTEM):
        listed = other_facts.list_customer_ids(int(cursor or 0), AT_ONCE, livemode=asking.livemode)
    customers = [customer for _account, customer in listed]
    answers = ask(customers, lambda one: asking.payments.list_invoices(one, limit=MOST_INVOICES))
    recent = [
        one
        for answer in answers
        for one in answer.value or ()
        if asking.since <= one.created_at and _has_settled(one.created_at, asking)
    ]
    unread = [
        Found(f"customer:{one}", "unknown")
        for one, answer in zip(customers, answers, strict=True)
        if answer.state == "unreachable"
    ]
    found = settle("invoice", [one.id for one in recent], asking, _first_looks(recent))
    return _page([*unread, *found], listed[-1][0] if len(listed) == AT_ONCE else None)


def _first_looks(invoices: list[InvoiceSnapshot]) -> list[Look]:
    with scoped(SYSTEM):
        ours = other_facts.list_invoices([one.id for one in invoices])
        whose = other_facts.list_customers({one.customer_id for one in invoices})
    return [
        Look(
            tuple(others.compare_invoice(ours.get(one.id), one)),
            Named(whose[one.customer_id][0].account_id, one.number or one.id, whose[one.customer_id][1].whose),
        )
        for one in invoices
    ]


def _payments(_run: int, cursor: str, asking: Asking) -> Page:
    """Go through what was begun, refunded and disputed since the run looks back, then through ours that are not settled."""
    where, _, after = (cursor or f"{_LISTS[0]}:").partition(":")
    keys, next_after = _list_payments(where, after, asking)
    if keys is None:
        return Page((Found("payment:", "unknown"),), asked_in_vain=True)
    answers = [
        (key, answer)
        for key, answer in zip(keys, ask(keys, asking.payments.fetch_payment), strict=True)
        if answer.value is None or list_of(answer.value, asking.since) == where
    ]
    with scoped(SYSTEM):
        events = paid_facts.list_events([answer.value for _key, answer in answers if answer.value])
    judged = [
        (key, answer)
        for key, answer in answers
        if answer.value is None or _is_quiet(answer.value, events.get(key), asking)
    ]
    first = look_at_payments([key for key, _answer in judged], [answer for _key, answer in judged])
    ours = {
        key: look
        for (key, _answer), look in zip(judged, first, strict=True)
        if look.named.account_id is not None or not look.is_known
    }
    found = settle("payment", list(ours), asking, list(ours.values()))
    return _page(found, _goes_on(where, next_after), skipped=len(answers) - len(judged))


def _is_quiet(theirs: PaymentSnapshot, event: EventFact | None, asking: Asking) -> bool:
    """True when nothing about a payment is on its way to us any more, as far as anybody can tell."""
    if event is not None and event.state in ("pending", "retry") and not _has_settled(event.received_at, asking):
        return False
    return _has_settled(moved_at(theirs), asking)


def _goes_on(where: str, next_after: str | None) -> str | None:
    if next_after is not None:
        return f"{where}:{next_after}"
    following = _LISTS[_LISTS.index(where) + 1 :]
    return f"{following[0]}:" if following else None


def _list_payments(where: str, after: str, asking: Asking) -> tuple[list[str] | None, str | None]:
    """Return the next payments of a list and where it goes on; None when nobody answers."""
    if where == "ours":
        with scoped(SYSTEM):
            due = paid_facts.list_due(int(after or 0), AT_ONCE, since=asking.since, livemode=asking.livemode)
        return [key for _number, key in due], str(due[-1][0]) if len(due) == AT_ONCE else None
    kind: Any = where
    answer = ask_one(
        after,
        lambda one: asking.payments.list_payments_of(kind, since=asking.since, after=one or None, limit=AT_ONCE),
    )
    if answer.value is None:
        return None, None
    return list(answer.value.payment_ids), answer.value.next_after


def _prices(_run: int, cursor: str, asking: Asking) -> Page:
    with scoped(SYSTEM):
        ids = other_facts.list_price_ids(int(cursor or 0), AT_ONCE)
    found = settle("price", [str(number) for number in ids], asking)
    return _page(found, ids[-1] if len(ids) == AT_ONCE else None)


def _deliveries(_run: int, cursor: str, asking: Asking) -> Page:
    before = asking.clock.now() - others.STUCK_AFTER
    with scoped(SYSTEM):
        ids = other_facts.list_undone_ids(int(cursor or 0), AT_ONCE, before=before)
    found = settle("event", [str(number) for number in ids], asking)
    return _page(found, ids[-1] if len(ids) == AT_ONCE else None)


def _hours(run: int, _cursor: str, asking: Asking) -> Page:
    """Count some hours again from the log; which ones follows from the run's number, so that a page repeats itself."""
    until = asking.clock.now() - max(asking.age, timedelta(minutes=2))
    share = random.Random(run).random()  # noqa: S311 - a sample, not a secret
    instant = asking.since + (until - asking.since) * (0.2 + 0.8 * share)
    with scoped(SYSTEM):
        hours = other_facts.sample_hours(run, SAMPLED, since=asking.since, instant=instant)
    return _page(settle("usage", [f"{number}:{isoformat_z(hour)}" for number, hour in hours], asking), None)


def _keys(_run: int, _cursor: str, asking: Asking) -> Page:
    """Compare every key with the gateway's own copy, where the gateway keeps one."""
    known = known_keys(asking)
    if known is None:
        return Page()
    with scoped(SYSTEM):
        ours = other_facts.list_keys(list(known), now=asking.clock.now(), settled=asking.age)
    first = [Look(tuple(others.compare_key(key, known.get(key.id))), named) for key, named in ours]
    return _page(settle("key", [str(key.id) for key, _named in ours], asking, first), None)


def _has_settled(since: datetime, asking: Asking) -> bool:
    """True when something is old enough that its delivery should have been worked. Clocks differ: no age asks nothing."""
    return not asking.age or since <= asking.clock.now() - asking.age


def _page(found: list[Found], cursor: object, *, skipped: int = 0) -> Page:
    in_vain = bool(found) and all(one.verdict == "unknown" for one in found)
    return Page(tuple(found), skipped, None if cursor is None else str(cursor), in_vain)


STAGES: dict[str, Stage] = {
    "subscriptions": _subscriptions,
    "strangers": _strangers,
    "customers": _customers,
    "invoices": _invoices,
    "payments": _payments,
    "prices": _prices,
    "deliveries": _deliveries,
    "usage": _hours,
    "keys": _keys,
}
