"""`/api/subscriptions/<id>/spending-limit`: what a subscription may cost at most, for scripts."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from pydantic import Field

from portal.catalog.labels import labels
from portal.db import transaction
from portal.payments.api import EXAMPLE, body_of
from portal.payments.limit_problems import about_limit, check_holds
from portal.pricing.rules import MAX_AMOUNT
from portal.subscriptions.errors import LimitOutOfRange, NotLimitable, UnknownSubscription
from portal.subscriptions.queries import get_for_account
from portal.subscriptions.spending import set_limit
from portal.web.bodies import StrictBody, read_body
from portal.web.describing import described
from portal.web.idempotency import idempotent
from portal.web.limits import rate
from portal.web.principal import get_principal, right_required
from portal.web.problems import Problem

bp = Blueprint("spending_api", __name__)


class NewLimit(StrictBody):
    """What a billing period may cost at most, minor units of the plan's currency, net of tax; null for no limit."""

    spending_limit: int | None = Field(ge=0, le=MAX_AMOUNT)


@bp.put("/api/subscriptions/<int:subscription_id>/spending-limit")
@rate("60 per hour")
@right_required("buy")
@idempotent
@described(
    "Subscriptions",
    body=NewLimit,
    request={"spending_limit": 10_000},
    answer=EXAMPLE | {"spending_limit": 10_000, "spending_limit_calls": 33_666},
    refusals={
        404: "The organisation has no such live subscription.",
        409: "The gateway of this marketplace cannot stop at a limit.",
    },
    is_idempotent=True,
)
def limit_spending(subscription_id: int) -> ResponseReturnValue:
    """Limit what a subscription may cost.

    The limit holds for each billing period, with the plan's fee in it. Calls beyond it are refused with 429 and cost
    nothing; within a second of raising it they are served again. A limit below what the running period has cost
    stops calls at once. `spending_limit_calls` says how many calls of a period the limit pays for, null when no number
    reaches it. The limit stays when the plan changes, and the calls are worked out anew.
    """
    wanted, principal = read_body(NewLimit), get_principal()
    if wanted.spending_limit is not None:
        check_holds()
    try:
        with transaction():
            set_limit(
                principal.account_id or 0,
                subscription_id,
                wanted.spending_limit,
                actor=principal.actor,
                organisation_id=principal.organisation_id,
            )
    except UnknownSubscription:
        detail = "This organisation has no live subscription of that id."
        raise Problem(404, "unknown-subscription", "Unknown subscription", detail) from None
    except (NotLimitable, LimitOutOfRange) as refusal:
        raise about_limit(refusal) from None
    held = get_for_account(principal.account_id or 0, subscription_id)
    return jsonify(body_of(held, labels([held.product_id]).get(held.product_id)))
