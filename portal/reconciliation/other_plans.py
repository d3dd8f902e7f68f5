"""Repairs of what stands beside subscriptions. Making a plan writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from portal.db import SYSTEM, in_transaction, scoped
from portal.kit.clock import isoformat_z
from portal.kit.periods import Period
from portal.metering.rollups import mark_dirty
from portal.outbox.service import announce
from portal.payments.syncing import Also, Syncing, sync_invoice, sync_subscription
from portal.reconciliation import facts, other_facts
from portal.reconciliation.errors import NotPossible, UnknownRecord
from portal.reconciliation.looking import Asking
from portal.reconciliation.plans import Plan, State
from portal.reconciliation.reading import ask_one
from portal.reconciliation.subscription_plans import fields_of
from portal.webhooks.errors import NothingToReplay
from portal.webhooks.leases import UNDONE
from portal.webhooks.replaying import put_back_undone


def plan_stranger(key: str, asking: Asking, syncing: Syncing, _force: bool) -> Plan:
    """Return the plan of making a row of a subscription that only the provider has."""
    answer = ask_one(key, asking.payments.fetch_subscription)
    if answer.value is None:
        raise NotPossible("provider_unreachable" if answer.state == "unreachable" else "gone_there")
    theirs = answer.value
    with scoped(SYSTEM):
        stranger, _named = other_facts.find_stranger(theirs.customer_id, theirs.price_id)
        names = facts.name_prices([theirs.price_id])
        is_held = other_facts.list_held([key])
    for stands_in_the_way, why in (
        (stranger.account_id is None, "unknown_customer"),
        (stranger.product_id is None, "unknown_price"),
        (stranger.rival is not None, "bought_twice"),
        (bool(is_held), "held_already"),
    ):
        if stands_in_the_way:
            raise NotPossible(why)
    after = {**fields_of(theirs), "plan": names.get(theirs.price_id, theirs.price_id)}
    inputs = {"theirs": repr(theirs), "account": stranger.account_id}
    before = dict.fromkeys(after)
    return Plan(before, after, inputs, lambda also: _run(sync_subscription, key, syncing, also), stranger.account_id)


def plan_invoice(key: str, asking: Asking, syncing: Syncing, _force: bool) -> Plan:
    """Return the plan of mirroring an invoice again."""
    answer = ask_one(key, asking.payments.fetch_invoice)
    if answer.value is None:
        raise NotPossible("provider_unreachable" if answer.state == "unreachable" else "gone_there")
    theirs = answer.value
    with scoped(SYSTEM):
        ours = other_facts.list_invoices([key]).get(key)
        whose = other_facts.list_customers([theirs.customer_id]).get(theirs.customer_id)
    if whose is None:
        raise NotPossible("unknown_customer")
    before: State = {"status": ours.status if ours else None, "total": ours.total if ours else None}
    after: State = {"status": theirs.status, "total": theirs.total}
    inputs = {"ours": before, "theirs": repr(theirs)}
    return Plan(before, after, inputs, lambda also: _run(sync_invoice, key, syncing, also), whose[0].account_id)


def plan_hour(key: str, _asking: Asking, _syncing: Syncing, _force: bool) -> Plan:
    """Return the plan of counting an hour again from the log."""
    number, _, hour = key.partition(":")
    at = datetime.fromisoformat(hour)
    with scoped(SYSTEM):
        sums, ours = other_facts.find_sums(int(number), at), facts.find_ours(int(number))
    if ours is None:
        raise UnknownRecord(f"usage:{key}")
    if sums is None:
        raise NotPossible("sums_waiting")
    states: list[State] = [{"calls": one.calls, "billable": one.billable, "errors": one.errors} for one in sums]
    before, after = states

    def work(session: Session, also: Also) -> None:
        mark_dirty(Period(at, at + timedelta(hours=1)))
        also(session)

    act = _acting(work)
    inputs = {"before": before, "after": after}
    return Plan(before, after, inputs, act, ours.held.account_id, ours.organisation_id, afterwards=("sums", 0))


def plan_key(opens: bool) -> Callable[[str, Asking, Syncing, bool], Plan]:
    """Return the plan of telling the gateway again what our rows say of a key."""

    def make(key: str, asking: Asking, _syncing: Syncing, _force: bool) -> Plan:
        with scoped(SYSTEM) as session:
            row = session.execute(
                text("SELECT id, public_id, account_id, revoked_at FROM api_keys WHERE id = :id"), {"id": int(key)}
            ).one_or_none()
        if row is None:
            raise UnknownRecord(f"key:{key}")
        if asking.gateway is None:
            raise NotPossible("no_gateway")
        stamp = isoformat_z(asking.clock.now())
        if row.revoked_at is not None:
            topic, payload, afterwards = "gateway.refuse", {"public_id": row.public_id}, ("refuse", row.public_id)
        else:
            topic, payload, afterwards = (
                "entitlements.changed",
                {"account_id": row.account_id},
                ("agree", row.account_id),
            )

        def work(session: Session, also: Also) -> None:
            announce(topic, f"reconciliation:{key}:{stamp}", payload)
            also(session)

        act = _acting(work)
        before: State = {"opens": not opens}
        after: State = {"opens": opens}
        inputs = {"key": row.id, "revoked": str(row.revoked_at), "opens": opens}
        return Plan(before, after, inputs, act, row.account_id, afterwards=afterwards)

    return make


def plan_telling(key: str, asking: Asking, _syncing: Syncing, _force: bool) -> Plan:
    """Return the plan of telling the provider again whom it bills."""
    answer = ask_one(key, asking.payments.fetch_customer)
    with scoped(SYSTEM) as session:
        found = other_facts.list_customers([key]).get(key)
        organisation = session.scalar(
            text("SELECT organisation_id FROM accounts WHERE id = :id"), {"id": found[0].account_id if found else 0}
        )
    if found is None:
        raise UnknownRecord(f"customer:{key}")
    if answer.value is None or answer.value.deleted:
        raise NotPossible("provider_unreachable" if answer.state == "unreachable" else "deleted_there")
    if organisation is None:
        raise NotPossible("not_for_this")
    stamp = isoformat_z(asking.clock.now())

    def work(session: Session, also: Also) -> None:
        announce(
            "billing.identity_changed", f"{organisation}:reconciliation:{stamp}", {"organisation_id": organisation}
        )
        also(session)

    act = _acting(work)
    before: State = {"email": answer.value.email}
    after: State = {"email": found[0].email}
    inputs = {"before": before, "after": after}
    return Plan(before, after, inputs, act, found[0].account_id, organisation, afterwards=("tell", organisation))


def plan_replay(key: str, _asking: Asking, _syncing: Syncing, _force: bool) -> Plan:
    """Return the plan of working a delivery again that was given up, or that waits."""
    number = int(key)
    with scoped(SYSTEM):
        held = other_facts.list_deliveries([number]).get(number)
    if held is None:
        raise UnknownRecord(f"event:{key}")
    if held.state not in ("dead", *UNDONE):
        raise NotPossible("worked_already")

    def work(session: Session, also: Also) -> None:
        try:
            put_back_undone(number)
        except NothingToReplay as problem:
            raise NotPossible("being_worked") from problem
        also(session)

    before: State = {"state": held.state, "type": held.type}
    inputs = {"held": repr(held)}
    return Plan(before, {**before, "state": "pending"}, inputs, _acting(work), afterwards=("work", number))


def _run(sync: Callable[[str, Syncing, Also], object], key: str, syncing: Syncing, also: Also) -> None:
    sync(key, syncing, also)


def _acting(work: Callable[[Session, Also], None]) -> Callable[[Also], None]:
    return lambda also: in_transaction(lambda session: work(session, also), scope=SYSTEM)
