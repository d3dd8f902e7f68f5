"""Which repair is there for what. An act calls `also` inside its own unit of work, so that its trace stands or falls with it."""

from __future__ import annotations

from portal.payments.syncing import Syncing
from portal.reconciliation.errors import NotPossible, UnknownRecord
from portal.reconciliation.looking import Asking
from portal.reconciliation.other_plans import (
    plan_hour,
    plan_invoice,
    plan_key,
    plan_replay,
    plan_stranger,
    plan_telling,
)
from portal.reconciliation.paid_plans import plan_payment
from portal.reconciliation.plans import Plan, Planning
from portal.reconciliation.subscription_plans import plan_rebuild, plan_reset, plan_sync
from portal.reconciliation.types import Repair

_PLANS: dict[tuple[str, Repair], Planning] = {
    ("subscription", "sync_from_stripe"): plan_sync,
    ("subscription", "reset_to_free"): plan_reset,
    ("subscription", "rebuild_entitlements"): plan_rebuild,
    ("stripe-subscription", "sync_from_stripe"): plan_stranger,
    ("invoice", "sync_from_stripe"): plan_invoice,
    ("payment", "sync_from_stripe"): plan_payment,
    ("usage", "recompute_usage"): plan_hour,
    ("key", "admit_key"): plan_key(True),
    ("key", "refuse_key"): plan_key(False),
    ("customer", "tell_billing"): plan_telling,
    ("event", "replay_event"): plan_replay,
}


def plan(subject: str, action: Repair, asking: Asking, syncing: Syncing, *, force: bool = False) -> Plan:
    """Return what an action would do to a subject now. Raises UnknownRecord and NotPossible."""
    kind, _, key = subject.partition(":")
    make = _PLANS.get((kind, action))
    if make is None:
        raise NotPossible("not_for_this")
    try:
        return make(key, asking, syncing, force)
    except ValueError as problem:
        raise UnknownRecord(subject) from problem
