"""Repairs of a subscription of ours: mirror it again, end it, derive its rights again. Making a plan writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from portal.db import SYSTEM, db, in_transaction, scoped
from portal.entitlements.service import derive
from portal.kit.clock import isoformat_z
from portal.kit.periods import Period
from portal.payments.syncing import Also, Syncing, sync_subscription
from portal.ports.billing import SubscriptionSnapshot
from portal.reconciliation import facts
from portal.reconciliation.errors import ChangedMeanwhile, NotPossible, UnknownRecord
from portal.reconciliation.looking import Asking, read_both
from portal.reconciliation.matching import rights_steps, shown_price
from portal.reconciliation.plans import Plan, State, text_of
from portal.reconciliation.types import Ours, Shown
from portal.subscriptions.rules import access_of
from portal.subscriptions.service import db_now, end_free, lock_account, mark_missing
from portal.subscriptions.types import LIVE


def plan_sync(key: str, asking: Asking, syncing: Syncing, _force: bool) -> Plan:
    """Return the plan of making our row say what the provider says."""
    ours, reading = _both(key, asking)
    stripe_id = ours.held.stripe_subscription_id
    if stripe_id is None:
        raise NotPossible("is_free")
    if reading.state == "unreachable":
        raise NotPossible("provider_unreachable")
    theirs = reading.snapshot
    if ours.held.has_ended and (theirs is None or theirs.status != ours.held.status):
        raise NotPossible("ended_here")
    if theirs is not None and theirs.price_id not in ours.price_names:
        raise NotPossible("unknown_price")
    after = _gone(ours) if theirs is None else _mirrored(ours, theirs, asking.clock.now(), syncing.grace_days)

    def checked(session: Session, also: Also) -> None:
        _expect(ours.held.id, after)
        also(session)

    def act(also: Also) -> None:
        sync_subscription(stripe_id, syncing, lambda session: checked(session, also))

    return _plan(ours, after, {"theirs": repr(theirs)}, act)


def plan_reset(key: str, asking: Asking, _syncing: Syncing, force: bool) -> Plan:
    """End our row for good. While the provider shows a live subscription somebody goes on paying it: only when forced."""
    ours, reading = _both(key, asking)
    held = ours.held
    if held.has_ended:
        raise NotPossible("ended_already")
    warnings: tuple[str, ...] = ()
    if reading.state == "unreachable":
        warnings = ("provider_unreachable",)
    elif reading.snapshot is not None and reading.snapshot.status in LIVE:
        warnings = ("live_at_provider",)
    if warnings and not force:
        raise NotPossible(warnings[0])

    def work(session: Session, also: Also) -> None:
        _unchanged(ours)
        now = asking.clock.now()
        if held.stripe_subscription_id is None:
            end_free(held.id, now=now)
        else:
            mark_missing(held.stripe_subscription_id, fetched_at=db_now(), now=now)
        derive(held.id, now=now)
        also(session)

    act = _locked(ours, work)
    return _plan(ours, _gone(ours), {"theirs": repr(reading), "force": force}, act, warnings=warnings)


def plan_rebuild(key: str, asking: Asking, _syncing: Syncing, _force: bool) -> Plan:
    """Return the plan of deriving the rights of a subscription anew."""
    with scoped(SYSTEM):
        ours = facts.find_ours(int(key))
    if ours is None:
        raise UnknownRecord(f"subscription:{key}")
    now = asking.clock.now()
    steps = rights_steps(ours, now)
    if not steps:
        raise NotPossible("agrees_already")

    def work(session: Session, also: Also) -> None:
        _unchanged(ours)
        derive(ours.held.id, now=asking.clock.now())
        also(session)

    before: State = {"right": _ends(ours, now)}
    after: State = {"right": _supported(ours, now)}
    return replace(_plan(ours, {}, {}, _locked(ours, work)), before=before, after=after)


def _both(key: str, asking: Asking) -> tuple[Ours, Any]:
    found = read_both([int(key)], asking.payments)
    if not found:
        raise UnknownRecord(f"subscription:{key}")
    return found[0]


def _plan(
    ours: Ours, after: State, inputs: dict[str, Any], act: Callable[[Also], None], *, warnings: tuple[str, ...] = ()
) -> Plan:
    whole = {**_inputs(ours), **inputs}
    return Plan(_state(ours), after, whole, act, ours.held.account_id, ours.organisation_id, warnings)


def _inputs(ours: Ours) -> dict[str, Any]:
    return {"held": repr(ours.held), "grants": repr(ours.grants)}


def _state(ours: Ours) -> State:
    held = ours.held
    return {
        "status": held.status,
        "plan": ours.plan_name,
        "quantity": held.quantity,
        "period_start": isoformat_z(held.period.start),
        "period_end": isoformat_z(held.period.end),
        "trial_end": text_of(held.trial_end),
        "cancel_at_period_end": held.cancel_at_period_end,
        "cancel_at": text_of(held.cancel_at),
        "right": max((text_of(one.valid_to) or "open" for one in ours.grants), default=None),
    }


def fields_of(theirs: SubscriptionSnapshot) -> State:
    """Return the provider's side as a state, its price left out."""
    return {
        "status": theirs.status,
        "quantity": theirs.quantity,
        "period_start": isoformat_z(theirs.current_period_start),
        "period_end": isoformat_z(theirs.current_period_end),
        "trial_end": text_of(theirs.trial_end),
        "cancel_at_period_end": theirs.cancel_at_period_end,
        "cancel_at": text_of(theirs.cancel_at),
    }


def _mirrored(ours: Ours, theirs: SubscriptionSnapshot, now: datetime, grace_days: int) -> State:
    past_due = theirs.status == "past_due"
    held = replace(
        ours.held,
        status=theirs.status,  # type: ignore[arg-type]  # the provider's list is ours
        period=Period(theirs.current_period_start, theirs.current_period_end),
        trial_end=theirs.trial_end,
        cancel_at=theirs.cancel_at,
        cancel_at_period_end=theirs.cancel_at_period_end,
        ended_at=theirs.ended_at,
        hold=ours.held.hold if theirs.current_period_start == ours.held.period.start else None,
        past_due_since=(ours.held.past_due_since or now) if past_due else None,
        grace_until=(ours.held.grace_until or now + timedelta(days=grace_days)) if past_due else None,
    )
    right = _supported(replace(ours, held=held), now)
    return {**fields_of(theirs), "plan": shown_price(ours, theirs.price_id), "right": right}


def _gone(ours: Ours) -> State:
    return {**_state(ours), "status": "canceled", "right": None}


def _supported(ours: Ours, now: datetime) -> Shown:
    access = access_of(ours.held, now)
    return (text_of(access.valid_to) or "open") if access.allowed and ours.features else None


def _ends(ours: Ours, now: datetime) -> Shown:
    return max((text_of(one.valid_to) or "open" for one in ours.grants if one.holds(now)), default=None)


def _expect(subscription_id: int, after: State) -> None:
    """Refuse what has turned out otherwise than the preview said. Runs inside the unit of work that would keep it."""
    found = facts.find_ours(subscription_id)
    now = _state(found) if found else {}
    if any(now.get(name) != value for name, value in after.items() if name != "right"):
        raise ChangedMeanwhile(f"subscription:{subscription_id}")


def _unchanged(ours: Ours) -> None:
    found = facts.find_ours(ours.held.id)
    if found is None or _inputs(found) != _inputs(ours):
        raise ChangedMeanwhile(ours.record)


def _locked(ours: Ours, work: Callable[[Session, Also], None]) -> Callable[[Also], None]:
    def inside(session: Session, also: Also) -> None:
        lock_account(ours.held.account_id)
        db.session.expire_all()
        work(session, also)

    return lambda also: in_transaction(lambda session: inside(session, also), scope=SYSTEM)
