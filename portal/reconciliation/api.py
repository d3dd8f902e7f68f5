"""`/api/admin/billing/reconciliation`: the comparison and its two repairs for programs of operators (docs/adr/0026)."""

from __future__ import annotations

from typing import Any, Literal

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from portal.db import SYSTEM, scoped
from portal.kit.clock import isoformat_z
from portal.ports.billing import SubscriptionSnapshot
from portal.ports.payments import PaymentsUnavailable
from portal.reconciliation import facts, repairing
from portal.reconciliation.errors import ChangedMeanwhile, NotPossible, UnknownRecord
from portal.reconciliation.looking import Asking, read_both
from portal.reconciliation.matching import compare
from portal.reconciliation.pages.blueprint import asking, request_id, syncing
from portal.reconciliation.repair_wording import refusal
from portal.reconciliation.repairing import LONGEST_REASON, Order
from portal.reconciliation.types import Mismatch, Ours, Reading
from portal.web.bodies import StrictBody, read_body
from portal.web.describing import described
from portal.web.plugs import plugs
from portal.web.principal import get_principal, operator_required
from portal.web.problems import Problem

bp = Blueprint("reconciliation_api", __name__)
MOST = 200
_PLANS = {"premium_monthly": "PREMIUM_MONTHLY", "premium_yearly": "PREMIUM_YEARLY"}


class Action(StrictBody):
    """What to do about one record. `reason` and `force` are ours: the trail keeps the one, the other overrides a refusal."""

    entitlement_id: str = Field(alias="entitlementId", min_length=1, max_length=40)
    action: Literal["sync_from_stripe", "reset_to_free"]
    reason: str = Field(default="", max_length=LONGEST_REASON)
    force: bool = False


class Range(StrictBody):
    """Which records: `after` the one with this `entitlementId`, at most `limit`."""

    after: int = Field(default=0, ge=0)
    limit: int = Field(default=100, ge=1, le=MOST)


_SIDE = {
    "status": "ACTIVE",
    "quantity": 1,
    "stripeCustomerId": "cus_1",
    "stripeSubscriptionId": "sub_1",
    "stripePriceId": "price_1",
    "currentPeriodStart": "2026-03-01T00:00:00Z",
    "currentPeriodEnd": "2026-04-01T00:00:00Z",
    "trialEnd": None,
    "cancelAt": None,
    "cancelAtPeriodEnd": False,
}
_EXAMPLE = {
    "entitlementId": "14",
    "userExternalId": "3",
    "userEmail": "cleo@example.com",
    "plan": "PREMIUM_MONTHLY",
    "status": "ACTIVE",
    "verdict": "mismatched",
    "local": {**_SIDE, "plan": "PREMIUM_MONTHLY", "planCode": "premium_monthly", "planName": "Premium, monthly",
              "productName": "Premium", "lastSyncedAt": "2026-03-01T00:00:09Z"},
    "stripe": {**_SIDE, "planName": "Premium, monthly", "status": "CANCELED"},
    "mismatchReasons": ["SUB_STATUS_DIFF"],
    "mismatches": [
        {
            "code": "SUB_STATUS_DIFF",
            "severity": 2,
            "cause": "event_lost",
            "differences": [{"field": "status", "local": "active", "stripe": "canceled"}],
            "repairs": ["sync_from_stripe", "reset_to_free"],
        }
    ],
}  # fmt: skip


@bp.get("/api/admin/billing/reconciliation")
@operator_required
@described(
    "Operators",
    query=Range,
    answer={
        "stripeAvailable": True,
        "summary": {"total": 1, "inSync": 0, "mismatched": 1, "unknown": 0},
        "records": [_EXAMPLE],
        "recordsInAll": 1,
        "nextAfter": None,
    },
)
def read() -> ResponseReturnValue:
    """Compare the current subscription of each account and product with Stripe, now.

    One record for each, `limit` (1 to 200, 100 by default) at a time; `nextAfter` goes on as `after`. The summary counts
    the records of this answer. A record whose other side could not be read is `unknown`, never in sync.
    """
    after, limit = _number("after", 0, 2**63 - 1, 0), _number("limit", 1, MOST, 100)
    with scoped(SYSTEM):
        ids, total = facts.list_entitlement_records(after, limit)
    seen = asking()
    both = read_both(ids, seen.payments)
    records = [_record(ours, reading, seen) for ours, reading in both]
    verdicts = [record["verdict"] for record in records]
    return jsonify(
        stripeAvailable=plugs().settings.enable_billing and "unreachable" not in {one.state for _ours, one in both},
        summary={
            "total": len(records),
            "inSync": verdicts.count("in_sync"),
            "mismatched": verdicts.count("mismatched"),
            "unknown": verdicts.count("unknown"),
        },
        records=records,
        recordsInAll=total,
        nextAfter=str(ids[-1]) if len(ids) == limit else None,
    )


@bp.post("/api/admin/billing/reconciliation")
@operator_required
@described(
    "Operators",
    body=Action,
    request={"entitlementId": "14", "action": "sync_from_stripe", "reason": "ticket 12"},
    answer={
        "action": "sync_from_stripe",
        "applied": True,
        "repeated": False,
        "verified": "agrees",
        "before": {"status": "active"},
        "after": {"status": "canceled"},
        "record": {**_EXAMPLE, "status": "CANCELED", "verdict": "in_sync", "mismatchReasons": [], "mismatches": []},
    },
    refusals={
        404: "There is no such entitlement record.",
        409: "The repair cannot be made now: `type` says why, such as `live-at-provider` or `changed-meanwhile`.",
        503: "Stripe does not answer. Nothing was changed.",
    },
    is_idempotent=True,
)
def act() -> ResponseReturnValue:
    """Repair one record, and answer with the record as it stands afterwards.

    `reset_to_free` is refused with 409 while Stripe shows a live subscription, unless it is forced with a reason.
    """
    wanted = read_body(Action)
    if wanted.force and not wanted.reason:
        raise Problem(422, "reason-needed", "Say why it is forced", "Send `reason` with `force`.")
    order = Order(
        f"subscription:{_subscription(wanted.entitlement_id)}",
        wanted.action,
        actor=get_principal().actor,
        reason=wanted.reason or "asked for through the API",
        force=wanted.force,
        key=_key(),
        request_id=request_id(),
    )
    try:
        done = _apply(order)
    except UnknownRecord:
        raise Problem(404, "unknown-entitlement", "There is no such entitlement record") from None
    except NotPossible as problem:
        status = 503 if problem.why == "provider_unreachable" else 409
        raise Problem(
            status, problem.why.replace("_", "-"), "This repair cannot be made now", refusal(problem.why)
        ) from None
    except ChangedMeanwhile:
        raise Problem(409, "changed-meanwhile", "It changed while it was repaired", "Read it again.") from None
    except PaymentsUnavailable:
        raise Problem(503, "provider-unreachable", "Stripe does not answer", headers={"Retry-After": "10"}) from None
    seen = asking()
    both = read_both([_subscription(wanted.entitlement_id)], seen.payments)
    return jsonify(
        action=wanted.action,
        applied=True,
        repeated=done.is_repeated,
        verified=done.outcome,
        before=done.preview.before,
        after=done.preview.after,
        record=_record(*both[0], seen),
    )


def _apply(order: Order) -> repairing.Done:
    """Look and apply in one go: a program that names the record and the act has no page to look at first."""
    is_known = bool(order.key) and repairing.was_applied(order, order.key)
    seen = "" if is_known else repairing.preview(order, asking(), syncing()).source_hash
    return repairing.apply(order, seen, asking(), syncing())


def _key() -> str:
    """Return the caller's own key of this act, in its own name space."""
    given = request.headers.get("Idempotency-Key", "").strip()
    if len(given) > 255:
        raise Problem(422, "idempotency-key-too-long", "The idempotency key is too long", "At most 255 characters.")
    return f"api:{get_principal().actor}:{given}" if given else ""


def _number(name: str, least: int, most: int, default: int) -> int:
    typed = request.args.get(name, str(default))
    if not (typed.isascii() and typed.isdigit() and len(typed) < 20 and least <= int(typed) <= most):
        raise Problem(422, "invalid-parameter", f"`{name}` is a number from {least} to {most}")
    return int(typed)


def _subscription(entitlement_id: str) -> int:
    if not (entitlement_id.isascii() and entitlement_id.isdigit() and len(entitlement_id) < 19):
        raise Problem(404, "unknown-entitlement", "There is no such entitlement record")
    return int(entitlement_id)


def _record(ours: Ours, reading: Reading, seen: Asking) -> dict[str, Any]:
    found = compare(ours, reading, seen.clock.now(), livemode=seen.livemode)
    verdict = "mismatched" if found else "unknown" if reading.state == "unreachable" else "in_sync"
    return {
        "entitlementId": str(ours.held.id),
        "userExternalId": ours.external_id,
        "userEmail": ours.email,
        "plan": _plan(ours),
        "status": ours.held.status.upper(),
        "verdict": verdict,
        "local": _local(ours),
        "stripe": _stripe(ours, reading.snapshot),
        "mismatchReasons": list(dict.fromkeys(one.code for one in found)),
        "mismatches": [_mismatch(one) for one in found],
    }


def _plan(ours: Ours) -> str:
    """Return the plan in the words of that interface, as `/api/premium/entitlement` says it."""
    if ours.held.has_ended or ours.held.is_free:
        return "FREE"
    return _PLANS.get(ours.plan_code, "CUSTOM")


def _local(ours: Ours) -> dict[str, Any]:
    held = ours.held
    return {
        "plan": _plan(ours),
        "planCode": ours.plan_code,
        "planName": ours.plan_name,
        "productName": ours.product_name,
        "status": held.status.upper(),
        "quantity": held.quantity,
        "stripeCustomerId": ours.customer_id,
        "stripeSubscriptionId": held.stripe_subscription_id,
        "stripePriceId": ours.stripe_price_id,
        "currentPeriodStart": isoformat_z(held.period.start),
        "currentPeriodEnd": isoformat_z(held.period.end),
        "trialEnd": isoformat_z(held.trial_end) if held.trial_end else None,
        "cancelAt": isoformat_z(held.cancel_at) if held.cancel_at else None,
        "cancelAtPeriodEnd": held.cancel_at_period_end,
        "lastSyncedAt": isoformat_z(held.read_at),
    }


def _stripe(ours: Ours, theirs: SubscriptionSnapshot | None) -> dict[str, Any] | None:
    if theirs is None:
        return None
    return {
        "planName": ours.price_names.get(theirs.price_id),
        "status": theirs.status.upper(),
        "quantity": theirs.quantity,
        "stripeCustomerId": theirs.customer_id,
        "stripeSubscriptionId": theirs.id,
        "stripePriceId": theirs.price_id,
        "currentPeriodStart": isoformat_z(theirs.current_period_start),
        "currentPeriodEnd": isoformat_z(theirs.current_period_end),
        "trialEnd": isoformat_z(theirs.trial_end) if theirs.trial_end else None,
        "cancelAt": isoformat_z(theirs.cancel_at) if theirs.cancel_at else None,
        "cancelAtPeriodEnd": theirs.cancel_at_period_end,
    }


def _mismatch(one: Mismatch) -> dict[str, Any]:
    return {
        "code": one.code,
        "severity": one.severity,
        "cause": one.cause,
        "differences": [{"field": d.field, "local": d.ours, "stripe": d.theirs} for d in one.differences],
        "repairs": list(one.repairs),
    }
