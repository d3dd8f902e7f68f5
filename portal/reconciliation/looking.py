"""Looking at records of one kind: both sides read anew, compared, and looked at a second time before anything is said.

A record is named `kind:key`. What heals between the two looks was only on its way, and is counted as that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from portal.db import SYSTEM, scoped
from portal.kit.clock import Clock
from portal.ports.billing import PaymentSnapshot
from portal.ports.gateway import Gateway, GatewayUnavailable, KnownKey
from portal.ports.payments import Payments
from portal.reconciliation import facts, other_facts, others, paid_facts
from portal.reconciliation.matching import compare
from portal.reconciliation.other_facts import Named
from portal.reconciliation.paying import compare_payment
from portal.reconciliation.reading import Answer, ask, read_subscriptions
from portal.reconciliation.types import Found, Mismatch, Ours, Reading
from portal.settings import Settings

_NOBODY = Named(None, "", "")
_UNDONE = ("dead", "pending", "retry")


@dataclass(frozen=True, slots=True)
class Asking:
    """What a comparison needs from outside. `age`: what was read more recently is left alone."""

    payments: Payments
    gateway: Gateway | None
    clock: Clock
    livemode: bool
    since: datetime
    age: timedelta


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a record saw; `is_known` is false when the other side could not be asked."""

    mismatches: tuple[Mismatch, ...]
    named: Named = _NOBODY
    is_known: bool = True


Looking = Callable[[Sequence[str], Asking], list[Look]]


def settle(kind: str, keys: Sequence[str], asking: Asking, first: list[Look] | None = None) -> list[Found]:
    """Judge records: what a first look (the caller's, if it had one) doubts is looked at once more."""
    look = KINDS[kind]
    first = look(keys, asking) if first is None else first
    doubtful = [key for key, seen in zip(keys, first, strict=True) if seen.mismatches]
    again = dict(zip(doubtful, look(doubtful, asking), strict=True)) if doubtful else {}
    return [_judge(f"{kind}:{key}", seen, again.get(key)) for key, seen in zip(keys, first, strict=True)]


def look_at(record: str, asking: Asking) -> Found:
    """Judge one record by one fresh look: for whoever has just repaired it, or asks about it alone."""
    kind, _, key = record.partition(":")
    (seen,) = KINDS[kind]([key], asking)
    return _judge(record, seen, seen if seen.mismatches else None)


def _judge(record: str, first: Look, second: Look | None) -> Found:
    named = first.named
    found = Found(record, "in_sync", (), named.account_id, named.subscription_id, named.title, named.whose)
    if second is None:
        return found if first.is_known else replace(found, verdict="unknown")
    seen = {(one.subject, one.code) for one in first.mismatches}
    confirmed = tuple(one for one in second.mismatches if (one.subject, one.code) in seen)
    if confirmed:
        return replace(found, verdict="mismatched", mismatches=confirmed)
    return replace(found, verdict="healed" if second.is_known else "unknown")


def read_both(ids: Sequence[int], payments: Payments) -> list[tuple[Ours, Reading]]:
    """Return subscriptions of ours with the provider's side of each, and the names of the prices on both."""
    with scoped(SYSTEM):
        all_ours = facts.list_ours(ids)
    readings = read_subscriptions(all_ours, payments)
    with scoped(SYSTEM):
        names = facts.name_prices({one.snapshot.price_id for one in readings if one.snapshot})
    named = [replace(ours, price_names={**names, **ours.price_names}) for ours in all_ours]
    return list(zip(named, readings, strict=True))


def name_of(ours: Ours) -> Named:
    """Return what a page calls a subscription."""
    return Named(ours.held.account_id, f"{ours.product_name} · {ours.plan_name}", ours.account_name, ours.held.id)


def _subscriptions(keys: Sequence[str], asking: Asking) -> list[Look]:
    now = asking.clock.now()
    seen = {
        str(ours.held.id): Look(
            compare(ours, reading, now, livemode=asking.livemode), name_of(ours), reading.state != "unreachable"
        )
        for ours, reading in read_both([int(key) for key in keys], asking.payments)
    }
    return [seen.get(key, Look(())) for key in keys]


def _strangers(keys: Sequence[str], asking: Asking) -> list[Look]:
    answers = ask(keys, asking.payments.fetch_subscription)
    with scoped(SYSTEM):
        held = other_facts.list_held(keys)
    looks = []
    for key, answer in zip(keys, answers, strict=True):
        if key in held or answer.value is None:
            looks.append(Look((), is_known=answer.state != "unreachable"))
            continue
        with scoped(SYSTEM):
            stranger, named = other_facts.find_stranger(answer.value.customer_id, answer.value.price_id)
        looks.append(Look(tuple(others.compare_stranger(answer.value, stranger)), named))
    return looks


def _customers(keys: Sequence[str], asking: Asking) -> list[Look]:
    answers = ask(keys, asking.payments.fetch_customer)
    with scoped(SYSTEM):
        ours = other_facts.list_customers(keys)
    looks = []
    for key, answer in zip(keys, answers, strict=True):
        if key not in ours or answer.state == "unreachable":
            looks.append(Look((), ours[key][1] if key in ours else _NOBODY, is_known=answer.state != "unreachable"))
            continue
        customer, named = ours[key]
        looks.append(Look(tuple(others.compare_customer(customer, answer.value)), named))
    return looks


def _invoices(keys: Sequence[str], asking: Asking) -> list[Look]:
    answers = ask(keys, asking.payments.fetch_invoice)
    with scoped(SYSTEM):
        ours = other_facts.list_invoices(keys)
        whose = other_facts.list_customers({one.value.customer_id for one in answers if one.value})
    looks = []
    for key, answer in zip(keys, answers, strict=True):
        if answer.value is None:
            looks.append(Look((), is_known=answer.state != "unreachable"))
            continue
        known = whose.get(answer.value.customer_id)
        named = Named(
            known[0].account_id if known else None, answer.value.number or key, known[1].whose if known else ""
        )
        looks.append(Look(tuple(others.compare_invoice(ours.get(key), answer.value)), named))
    return looks


def _payments(keys: Sequence[str], asking: Asking) -> list[Look]:
    return look_at_payments(keys, ask(keys, asking.payments.fetch_payment))


def look_at_payments(keys: Sequence[str], answers: Sequence[Answer[PaymentSnapshot]]) -> list[Look]:
    """Look at payments with what the provider answered about each; those of nobody we know are none of ours."""
    all_theirs = [one.value for one in answers if one.value]
    with scoped(SYSTEM):
        ours, events = paid_facts.list_payments(keys), paid_facts.list_events(all_theirs)
        whose = other_facts.list_customers({one.customer_id for one in all_theirs if one.customer_id})
    looks = []
    for key, answer in zip(keys, answers, strict=True):
        held, named = ours.get(key, (None, _NOBODY))
        known = whose.get(answer.value.customer_id or "") if answer.value else None
        if held is None and known is not None:
            named = Named(known[0].account_id, key, known[1].whose)
        is_ours = held is not None or known is not None
        found = compare_payment(key, held, answer.value, events.get(key)) if is_ours and answer.is_known else ()
        looks.append(Look(tuple(found), named, is_known=answer.is_known))
    return looks


def _prices(keys: Sequence[str], asking: Asking) -> list[Look]:
    with scoped(SYSTEM):
        ours = other_facts.list_prices([int(key) for key in keys])
    names = {str(number): price.stripe_price_id for number, (price, _named) in ours.items()}
    answers = dict(zip(names, ask(list(names.values()), asking.payments.fetch_price), strict=True))
    looks = []
    for key in keys:
        if key not in answers:
            looks.append(Look(()))
            continue
        price, named = ours[int(key)]
        answer = answers[key]
        found = () if answer.state == "unreachable" else tuple(others.compare_price(price, answer.value))
        looks.append(Look(found, named, is_known=answer.state != "unreachable"))
    return looks


def _deliveries(keys: Sequence[str], asking: Asking) -> list[Look]:
    with scoped(SYSTEM):
        held = other_facts.list_deliveries([int(key) for key in keys])
    looks = []
    for key in keys:
        one = held.get(int(key))
        found = others.compare_delivery(one, asking.clock.now()) if one and one.state in _UNDONE else ()
        looks.append(Look(tuple(found), Named(None, one.type if one else "", "")))
    return looks


def _hours(keys: Sequence[str], _asking: Asking) -> list[Look]:
    looks = []
    for key in keys:
        number, _, hour = key.partition(":")
        at = datetime.fromisoformat(hour)
        with scoped(SYSTEM):
            sums = other_facts.find_sums(int(number), at)
            ours = facts.find_ours(int(number))
        named = name_of(ours) if ours else _NOBODY
        found = () if sums is None else tuple(others.compare_hour(int(number), at, *sums))
        looks.append(Look(found, named))
    return looks


def _keys(keys: Sequence[str], asking: Asking) -> list[Look]:
    known = known_keys(asking)
    if known is None:
        return [Look((), is_known=False) for _key in keys]
    with scoped(SYSTEM):
        ours = other_facts.list_keys(
            list(known), now=asking.clock.now(), settled=asking.age, only=[int(key) for key in keys]
        )
    seen = {str(key.id): Look(tuple(others.compare_key(key, known.get(key.id))), named) for key, named in ours}
    return [seen.get(key, Look(())) for key in keys]


def known_keys(asking: Asking) -> dict[int, KnownKey] | None:
    """Return the keys that the gateway holds a copy of; None when it keeps none or cannot be asked."""
    if asking.gateway is None:
        return None
    try:
        known = asking.gateway.list_known()
    except GatewayUnavailable:
        return None
    return None if known is None else {one.key_id: one for one in known}


KINDS: dict[str, Looking] = {
    "subscription": _subscriptions,
    "stripe-subscription": _strangers,
    "customer": _customers,
    "invoice": _invoices,
    "payment": _payments,
    "price": _prices,
    "event": _deliveries,
    "usage": _hours,
    "key": _keys,
}


def asking_from(payments: Payments, gateway: Gateway | None, clock: Clock, settings: Settings) -> Asking:
    """Return what looking at single records needs, from an edge's ports: whoever asks now is not told to wait."""
    since = clock.now() - timedelta(days=settings.reconciliation_days_back)
    return Asking(payments, gateway, clock, settings.livemode, since, timedelta(0))
