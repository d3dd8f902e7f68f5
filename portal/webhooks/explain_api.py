"""`/api/v1/entitlements/explain`: the chain from a right to the payment provider's object and event."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from portal.entitlements.types import Cause, Grant, Proof
from portal.kit.clock import isoformat_z
from portal.payments.queries import PaidFor
from portal.projects.belonging import Code, ProjectId, UserId, act_for, find_user_account, own_project
from portal.projects.queries import find_feature
from portal.web.bodies import Instant, QueryArgs, read_query
from portal.web.describing import described
from portal.web.plugs import plugs
from portal.web.principal import app_required
from portal.web.problems import Problem
from portal.webhooks.explaining import Chain, Heard, chain_of

bp = Blueprint("explain_api", __name__)


class WhyQuestion(QueryArgs):
    """Whose right to which feature, now or at an instant."""

    user_id: UserId
    project_id: ProjectId
    feature_code: Code
    as_of: Instant | None = None


@bp.get("/api/v1/entitlements/explain")
@app_required("entitlements:read")
@described(
    "Entitlements",
    query=WhyQuestion,
    request={"user_id": "user_42", "project_id": 2, "feature_code": "pro"},
    answer={
        "user_id": "user_42",
        "feature_code": "pro",
        "as_of": "2026-11-29T12:00:00Z",
        "allowed": True,
        "proofs": [
            {
                "entitlement_id": 12,
                "state": "live",
                "source": "subscription",
                "source_id": 7,
                "valid_from": "2026-11-09T06:00:00Z",
                "valid_to": "2026-12-09T07:00:00Z",
                "written_at": "2026-11-09T06:00:02Z",
                "revoked_at": None,
                "revoke_reason": None,
                "because_of": {
                    "kind": "subscription",
                    "id": 7,
                    "plan_id": 3,
                    "status": "active",
                    "supports": True,
                    "reason": "active",
                    "stripe_object": "sub_1",
                    "read_at": "2026-11-09T06:00:01Z",
                    "payments": [],
                    "events": [
                        {
                            "id": "evt_1",
                            "type": "customer.subscription.created",
                            "object": "sub_1",
                            "received_at": "2026-11-09T06:00:00Z",
                            "state": "done",
                        }
                    ],
                },
            }
        ],
        "causes": [],
    },
    refusals={404: "The project has no feature of this code."},
)
def why() -> ResponseReturnValue:
    """Return why a user may or may not use a feature: from the right to its source, and to the provider's object."""
    asked = read_query(WhyQuestion)
    app = own_project(asked.project_id)
    feature = find_feature(app.project_id, asked.feature_code)
    if feature is None:
        detail = f"Project {app.project_id} has no feature `{asked.feature_code}`."
        raise Problem(404, "unknown-feature", "No such feature", detail)
    at = asked.as_of or plugs().clock.now()
    head = {"user_id": asked.user_id, "feature_code": feature.code, "as_of": isoformat_z(at)}
    account_id = find_user_account(app, asked.user_id)
    if account_id is None:
        return jsonify(**head, allowed=False, proofs=[], causes=[])
    act_for(app, account_id)
    chain = chain_of(account_id, feature.id, at)
    found = chain.explanation
    return jsonify(
        **head,
        allowed=found.allowed,
        proofs=[_proof(one, chain) for one in found.proofs],
        causes=[_subscription(one, chain) for one in found.causes],
    )


def _proof(proof: Proof, chain: Chain) -> dict[str, Any]:
    grant = proof.grant
    return {
        "entitlement_id": grant.id,
        "state": proof.state,
        "source": grant.source,
        "source_id": grant.id if grant.source == "manual" else grant.source_id,
        "valid_from": isoformat_z(grant.valid_from),
        "valid_to": isoformat_z(grant.valid_to) if grant.valid_to else None,
        "written_at": isoformat_z(grant.written_at) if grant.written_at else None,
        "revoked_at": isoformat_z(grant.revoked_at) if grant.revoked_at else None,
        "revoke_reason": grant.revoke_reason,
        "because_of": _source(proof, grant, chain),
    }


def _source(proof: Proof, grant: Grant, chain: Chain) -> dict[str, Any] | None:
    if grant.source == "manual":
        return {"kind": "grant", "granted_by": grant.granted_by, "reason": grant.reason}
    if grant.source == "purchase":
        paid = next((one for one in chain.payments if one.purchase_id == grant.source_id), None)
        return _payment(paid, chain) if paid else None
    return _subscription(proof.cause, chain) if proof.cause else None


def _subscription(cause: Cause, chain: Chain) -> dict[str, Any]:
    paid = [one for one in chain.payments if one.subscription_id == cause.subscription_id]
    return {
        "kind": "subscription",
        "id": cause.subscription_id,
        "plan_id": cause.plan_id,
        "status": cause.status,
        "supports": cause.allowed,
        "reason": cause.reason,
        "stripe_object": cause.stripe_subscription_id,
        "read_at": isoformat_z(cause.read_at),
        "payments": [_payment(one, chain) for one in paid[:3]],
        "events": _events(chain.events_of(cause.stripe_subscription_id)),
    }


def _payment(paid: PaidFor, chain: Chain) -> dict[str, Any]:
    return {
        "kind": "payment",
        "id": paid.id,
        "status": paid.status,
        "amount": paid.received,
        "amount_refunded": paid.refunded,
        "currency": paid.currency,
        "disputes": list(paid.disputes),
        "stripe_object": paid.stripe_payment_id,
        "read_at": isoformat_z(paid.read_at),
        "events": _events(chain.events_of(paid.stripe_payment_id, paid.stripe_checkout_id, paid.stripe_invoice_id)),
    }


def _events(heard: list[Heard]) -> list[dict[str, Any]]:
    return [
        {"id": one.id, "type": one.type, "object": one.object_id, "received_at": isoformat_z(one.received_at),
         "state": one.state}
        for one in heard
    ]  # fmt: skip
