"""`/api/v1/checkout` and `/api/v1/portal`: where another product sends its users to pay and to look after what they pay."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from pydantic import Field

from portal.db import transaction
from portal.kit.clock import isoformat_z
from portal.payments import buying
from portal.payments.errors import AlreadyBought
from portal.payments.problems import PAGE_FAULTS, problem_of
from portal.payments.types import Buyer
from portal.ports.payments import PaymentsRefused, PaymentsUnavailable
from portal.pricing.queries import find_sold_in
from portal.pricing.types import Offer
from portal.projects.belonging import ProjectId, UserId, act_for, find_user_account, own_project
from portal.projects.queries import find_customer
from portal.projects.rules import is_allowed
from portal.projects.service import ensure_project_account
from portal.subscriptions.queries import list_for_account
from portal.subscriptions.types import LIVE
from portal.web.bodies import QueryArgs, StrictBody, read_body, read_query
from portal.web.describing import described
from portal.web.idempotency import idempotent
from portal.web.plugs import plugs
from portal.web.principal import AppPrincipal, app_required
from portal.web.problems import Problem

bp = Blueprint("sessions_api", __name__)
Address = Annotated[str, Field(min_length=1, max_length=2000)]


class CheckoutBody(StrictBody):
    """Who pays for what, and where their browser goes afterwards. `price_id` is the payment provider's."""

    user_id: UserId
    project_id: ProjectId
    price_id: Annotated[str, Field(min_length=1, max_length=255)]
    mode: Literal["subscription", "payment"]
    success_url: Address
    cancel_url: Address
    email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)] | None = None
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class PortalBody(StrictBody):
    """Whose billing portal, and where their browser goes afterwards."""

    user_id: UserId
    project_id: ProjectId
    return_url: Address


class Somebody(QueryArgs):
    """A user of a project."""

    user_id: UserId
    project_id: ProjectId


@bp.post("/api/v1/checkout/session")
@app_required("checkout")
@idempotent
@described(
    "Checkout",
    body=CheckoutBody,
    request={
        "user_id": "user_42",
        "project_id": 2,
        "price_id": "price_123",
        "mode": "subscription",
        "success_url": "https://app.example.com/success",
        "cancel_url": "https://app.example.com/cancel",
    },
    answer={
        "checkout_url": "https://checkout.stripe.com/c/pay/cs_1",
        "purchase_id": "6f1c2b9e-3f0a-4f4e-9a44-0d2c3c1f7b1e",
    },
    refusals={
        404: "The project sells nothing under this price.",
        409: "The user has it already, or the first request with this key is still running.",
        502: "The payment provider refused.",
        503: "The payment provider did not answer. Nothing was charged; send the same request again.",
    },
    is_idempotent=True,
)
def checkout() -> ResponseReturnValue:
    """Return the address of a hosted page on which a user pays.

    Asking again for the same user, price and addresses leads to the same open page; nobody is asked to pay twice.
    """
    body, ports = read_body(CheckoutBody), plugs()
    app = own_project(body.project_id)
    _check_addresses(app, success_url=body.success_url, cancel_url=body.cancel_url)
    offer = _offer(app, body)
    account_id = _account(app, body)
    buyer = Buyer(None, body.name or body.user_id, account_id, None, body.email, app_id=app.app_id)
    try:
        begun = buying.begin_checkout(
            buyer,
            offer,
            payments=ports.payments,
            now=ports.clock.now(),
            locale="auto",
            livemode=ports.settings.livemode,
            wishes=buying.Wishes(success_url=body.success_url, cancel_url=body.cancel_url),
        )
    except AlreadyBought as held:
        until = isoformat_z(held.until) if held.until else None
        detail = "The user holds this already" + (f" until {until}." if until else " for good.")
        raise Problem(409, "already-bought", "Already bought", detail, extra={"until": until}) from None
    except PAGE_FAULTS as fault:
        held_already = "The user has a live subscription to this product. Send them to the portal to change or end it."
        raise problem_of(fault, held=held_already) from None
    return jsonify(checkout_url=begun.checkout_url, purchase_id=str(begun.public_id))


@bp.post("/api/v1/portal/session")
@app_required("portal")
@idempotent
@described(
    "Checkout",
    body=PortalBody,
    request={"user_id": "user_42", "project_id": 2, "return_url": "https://app.example.com/account"},
    answer={"portal_url": "https://billing.stripe.com/p/session/1"},
    refusals={
        404: "`customer not found`: the user was never at a checkout.",
        502: "The payment provider refused.",
        503: "The payment provider did not answer; send the same request again.",
    },
    is_idempotent=True,
)
def portal() -> ResponseReturnValue:
    """Return the address of the billing portal of a user who has been at a checkout before."""
    body, ports = read_body(PortalBody), plugs()
    app = own_project(body.project_id)
    _check_addresses(app, return_url=body.return_url)
    customer_id = _customer(app, body.user_id)
    if customer_id is None:
        detail = "The user must have started a checkout first; `GET /api/v1/portal/eligibility` tells beforehand."
        raise Problem(404, "customer-not-found", "customer not found", detail)
    try:
        address = ports.payments.open_portal(customer_id, return_url=body.return_url)
    except (PaymentsUnavailable, PaymentsRefused) as fault:
        raise problem_of(fault) from None
    return jsonify(portal_url=address)


@bp.get("/api/v1/portal/eligibility")
@app_required("portal")
@described(
    "Checkout",
    query=Somebody,
    request={"user_id": "user_42", "project_id": 2},
    answer={"user_id": "user_42", "eligible": True, "reason": "ok", "live_subscriptions": 1, "past_due": False},
)
def eligibility() -> ResponseReturnValue:
    """Return whether a user can be sent to the billing portal, and what they would find there."""
    asked = read_query(Somebody)
    app = own_project(asked.project_id)
    customer_id = _customer(app, asked.user_id)
    account_id = find_user_account(app, asked.user_id)
    live = [one for one in list_for_account(account_id) if one.status in LIVE] if account_id else []
    reason = "ok" if customer_id else ("never_at_a_checkout" if account_id else "unknown_user")
    return jsonify(
        user_id=asked.user_id, eligible=customer_id is not None, reason=reason, live_subscriptions=len(live),
        past_due=any(one.status in ("past_due", "unpaid") for one in live),
    )  # fmt: skip


def _offer(app: AppPrincipal, body: CheckoutBody) -> Offer:
    offer = find_sold_in(app.project_id, body.price_id)
    if offer is None:
        detail = f"Project {app.project_id} sells nothing under `{body.price_id}`. Add the price to the project first."
        raise Problem(404, "unknown-price", "No such price", detail)
    wanted = "payment" if offer.terms.one_time else "subscription"
    if body.mode != wanted:
        message = f"This price is {'paid once' if offer.terms.one_time else 'recurring'}: send `{wanted}`."
        raise _field("mode", message)
    return offer


def _account(app: AppPrincipal, body: CheckoutBody) -> int:
    with transaction():
        account_id = ensure_project_account(app.project_id, body.user_id, email=body.email)
    act_for(app, account_id)
    return account_id


def _customer(app: AppPrincipal, user_id: str) -> str | None:
    account_id = find_user_account(app, user_id)
    if account_id is None:
        return None
    act_for(app, account_id)
    return find_customer(account_id, livemode=plugs().settings.livemode)


def _check_addresses(app: AppPrincipal, **addresses: str) -> None:
    for name, address in addresses.items():
        if not is_allowed(address, app.redirect_origins):
            allowed = ", ".join(app.redirect_origins) or "none yet"
            raise _field(name, f"Not on one of this app's redirect origins ({allowed}). Add the origin to the app.")


def _field(name: str, message: str) -> Problem:
    errors: list[dict[str, Any]] = [{"field": name, "message": message}]
    return Problem(422, "invalid-body", "Some fields need attention", message, errors=errors)
