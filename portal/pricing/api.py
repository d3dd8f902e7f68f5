"""What would it cost? The same function that prices invoices, open to everybody."""

from __future__ import annotations

from decimal import Context, Decimal
from fractions import Fraction
from typing import Annotated, Any

from flask import Blueprint, Response, jsonify
from pydantic import Field

from portal.pricing.queries import get_offer
from portal.pricing.rating import rate
from portal.pricing.rules import MAX_QUANTITY
from portal.pricing.types import ChargeLine, TierShare
from portal.pricing.words import explain_line
from portal.web.bodies import StrictBody, read_body
from portal.web.describing import described
from portal.web.formatting import money
from portal.web.principal import public
from portal.web.problems import Problem

bp = Blueprint("pricing", __name__)
# Quantities and unit amounts have few digits, so their products fit exactly; `Inexact` would be our bug.
_EXACT = Context(prec=80)


class PreviewBody(StrictBody):
    """A plan and a number of calls within one of its periods; without a currency, the one that its page shows."""

    plan_id: Annotated[int, Field(ge=1, lt=2**63)]
    quantity: Annotated[int, Field(ge=0, le=MAX_QUANTITY)]
    currency: Annotated[str, Field(pattern="^[a-z]{3}$")] | None = None


@bp.post("/api/v1/pricing/preview")
@public
@described(
    "Prices",
    body=PreviewBody,
    request={"plan_id": 3, "quantity": 12345},
    answer={
        "plan_id": 3,
        "price_id": 5,
        "plan": "Pro",
        "interval": "month",
        "interval_count": 1,
        "quantity": 12345,
        "refused": 0,
        "lines": [],
        "total": {"amount": 3838, "currency": "eur", "text": "€38.38"},
    },
    refusals={404: "No plan with this id is for sale in this currency."},
)
def preview() -> Response:
    """Return the lines and the total that this many calls in one period would be charged.

    `amount` is minor units; `amount_exact` and unit amounts are decimal text in minor units, before rounding.
    """
    body = read_body(PreviewBody, max_bytes=10_000)
    offer = get_offer(body.plan_id, body.currency)
    if offer is None:
        raise Problem(404, "unknown-plan", "No such plan", "No plan with this id is for sale in this currency.")
    charge = rate(offer.terms, body.quantity)
    code = offer.terms.currency
    return jsonify(
        {
            "plan_id": offer.plan_id,
            "price_id": offer.price_id,
            "plan": offer.name,
            "interval": offer.terms.interval,
            "interval_count": offer.terms.interval_count,
            "quantity": body.quantity,
            "refused": sum(int(line.refused) for line in charge.lines),
            "lines": [_line(line, code) for line in charge.lines],
            "total": {"amount": charge.total.amount, "currency": code, "text": money(charge.total)},
        }
    )


def _line(line: ChargeLine, currency: str) -> dict[str, Any]:
    return {
        "kind": line.kind,
        "description": line.description_key,
        "text": explain_line(line, currency),
        "quantity": int(line.quantity),
        "included": int(line.included),
        "billable": int(line.billable),
        "refused": int(line.refused),
        "unit_amount": None if line.unit_amount is None else f"{line.unit_amount:f}",
        "package_size": line.package_size,
        "packages": line.packages,
        "tiers": [_share(share) for share in line.tiers],
        "amount_exact": _decimal(line.amount_exact),
        "amount": line.amount,
    }


def _share(share: TierShare) -> dict[str, Any]:
    return {
        "after": f"{share.after:f}",
        "up_to": None if share.up_to is None else f"{share.up_to:f}",
        "quantity": _decimal(share.quantity),
        "unit_amount": f"{share.unit_amount:f}",
        "flat_amount": share.flat_amount,
        "amount_exact": _decimal(share.amount_exact),
    }


def _decimal(value: Fraction) -> str:
    return f"{_EXACT.divide(Decimal(value.numerator), Decimal(value.denominator)):f}"
