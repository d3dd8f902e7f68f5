"""`POST /api/checkout` and `GET /api/premium/entitlement`, with the field names of the interface they come from."""

from __future__ import annotations

from typing import Any, Literal

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from portal.kit.clock import isoformat_z
from portal.payments.premium.buying import begin_premium
from portal.payments.premium.standing import standing
from portal.payments.premium.types import PremiumEntitlement
from portal.web.bodies import StrictBody, read_body
from portal.web.describing import described
from portal.web.idempotency import idempotent
from portal.web.limits import rate
from portal.web.plugs import plugs
from portal.web.principal import get_principal, right_required, sign_in_required

bp = Blueprint("premium_api", __name__)


class CheckoutBody(StrictBody):
    """Which premium plan."""

    plan: Literal["premium_monthly", "premium_yearly"]


@bp.post("/api/checkout")
@rate("60 per hour")
@right_required("buy")
@idempotent
@described(
    "Premium",
    body=CheckoutBody,
    request={"plan": "premium_monthly"},
    answer={
        "url": "https://checkout.stripe.com/c/pay/cs_1",
        "checkoutUrl": "https://checkout.stripe.com/c/pay/cs_1",
        "purchaseId": "6f1c2b9e-3f0a-4f4e-9a44-0d2c3c1f7b1e",
    },
    refusals={
        404: "The plan is not for sale on this platform.",
        409: "The organisation has premium already.",
        503: "The payment provider did not answer. Nothing was charged; send the same request again.",
    },
    is_idempotent=True,
)
def checkout() -> ResponseReturnValue:
    """Return the address of the hosted page on which the acting organisation pays for premium.

    The local state is INCOMPLETE from here on, until the provider says that the money is in.
    """
    begun = begin_premium(read_body(CheckoutBody).plan)
    return jsonify(url=begun.checkout_url, checkoutUrl=begun.checkout_url, purchaseId=str(begun.public_id))


@bp.get("/api/premium/entitlement")
@sign_in_required
@described(
    "Premium",
    answer={
        "entitlement": {
            "id": "14",
            "userExternalId": "3",
            "userEmail": "cleo@example.com",
            "plan": "PREMIUM_MONTHLY",
            "status": "ACTIVE",
            "stripeCustomerId": "cus_1",
            "stripeSubscriptionId": "sub_1",
            "stripePriceId": "price_1",
            "currentPeriodStart": "2026-11-09T06:00:00Z",
            "currentPeriodEnd": "2026-12-09T06:00:00Z",
            "cancelAtPeriodEnd": False,
            "lastSyncedAt": "2026-11-09T06:00:01Z",
        },
        "hasPremiumAccess": True,
    },
)
def entitlement() -> ResponseReturnValue:
    """Return how the acting organisation stands, and whether it has access now."""
    principal, ports = get_principal(), plugs()
    found = standing(
        principal.account_id,
        str(principal.organisation_id or ""),
        livemode=ports.settings.livemode,
        at=ports.clock.now(),
    )
    return jsonify(entitlement=as_json(found), hasPremiumAccess=found.has_access)


def as_json(found: PremiumEntitlement) -> dict[str, Any]:
    """Return the snapshot with the interface's names."""
    return {
        "id": found.id,
        "userExternalId": found.user_external_id,
        "userEmail": found.user_email,
        "plan": found.plan,
        "status": found.status,
        "stripeCustomerId": found.customer_id,
        "stripeSubscriptionId": found.subscription_id,
        "stripePriceId": found.price_id,
        "currentPeriodStart": isoformat_z(found.period_start) if found.period_start else None,
        "currentPeriodEnd": isoformat_z(found.period_end) if found.period_end else None,
        "cancelAtPeriodEnd": found.cancel_at_period_end,
        "lastSyncedAt": isoformat_z(found.synced_at) if found.synced_at else None,
    }
