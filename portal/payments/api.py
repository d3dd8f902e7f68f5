"""`/api/subscriptions`: buying and listing for scripts, with a session or an organisation token."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, url_for
from flask.typing import ResponseReturnValue
from pydantic import Field

from portal.catalog.labels import ProductLabel, labels
from portal.db import transaction
from portal.gateway.service import issue_key
from portal.kit.clock import isoformat_z
from portal.payments import buying, terms
from portal.payments.codes import check_code
from portal.payments.discounts import Saving
from portal.payments.errors import CodeRefused, OtherCurrency, PlanNotForSale, TermsChanged, TermsNotAccepted
from portal.payments.limit_problems import about_limit, check_holds
from portal.payments.pages.buyer import buyer_of
from portal.payments.problems import PAGE_FAULTS, problem_of
from portal.pricing.queries import get_offer
from portal.pricing.rules import MAX_AMOUNT
from portal.subscriptions.errors import LimitOutOfRange, NotLimitable
from portal.subscriptions.queries import get_for_account, had_trial, list_for_account
from portal.subscriptions.types import SubscriptionView
from portal.web.bodies import StrictBody, read_body
from portal.web.describing import described
from portal.web.limits import rate
from portal.web.plugs import plugs
from portal.web.preferences import choose_locale
from portal.web.principal import get_principal, right_required
from portal.web.problems import Problem

bp = Blueprint("subscriptions_api", __name__)


class NewSubscription(StrictBody):
    """What to subscribe to. `key_name` names the first API key; `code` makes it cheaper.

    `accepts_terms` is the version of the terms that the organisation accepts, the date that `/terms` says.
    `spending_limit` is what a billing period may cost at most, minor units of the plan's currency, net of tax; calls
    beyond it are refused. Without one they go on and are billed.
    """

    plan_id: int = Field(gt=0, lt=2**63)
    key_name: str = Field(default="First key", min_length=1, max_length=80)
    code: str | None = Field(default=None, min_length=1, max_length=40)
    accepts_terms: str | None = Field(default=None, min_length=1, max_length=40)
    spending_limit: int | None = Field(default=None, ge=0, le=MAX_AMOUNT)


EXAMPLE = {
    "id": 7,
    "api": "kestrel-data/rates",
    "plan_id": 3,
    "status": "active",
    "current_period_start": "2026-11-09T06:00:00Z",
    "current_period_end": "2026-12-09T06:00:00Z",
    "trial_end": None,
    "cancel_at_period_end": False,
    "ended_at": None,
    "blocked_since": None,
    "spending_limit": 5800,
    "spending_limit_calls": 19_666,
}


@bp.get("/api/subscriptions")
@right_required("read")
@described("Subscriptions", answer={"subscriptions": [EXAMPLE]})
def list_subscriptions() -> ResponseReturnValue:
    """List the organisation's subscriptions, live ones first.

    `blocked_since` is since when the marketplace has blocked the API: calls are refused, and the subscription goes on
    until it is cancelled. `null` when it is not blocked.
    """
    account_id = get_principal().account_id
    held = list_for_account(account_id) if account_id else []
    names = labels([one.product_id for one in held])
    return jsonify(subscriptions=[body_of(one, names.get(one.product_id)) for one in held])


@bp.post("/api/subscriptions")
@rate("60 per hour")
@right_required("buy")
@described(
    "Subscriptions",
    body=NewSubscription,
    request={"plan_id": 3, "key_name": "backend", "spending_limit": 5800},
    status=202,
    answer={
        "status": "checkout",
        "checkout_url": "https://checkout.stripe.com/c/pay/cs_1",
        "purchase_url": "https://mercato.example/purchases/6f1c2b9e-3f0a-4f4e-9a44-0d2c3c1f7b1e",
    },
    refusals={
        404: "The plan is not for sale.",
        409: "The organisation has a live subscription to this API, or pays in another currency.",
        503: "The payment provider did not answer. Nothing was charged; send the same request again.",
    },
)
def subscribe() -> ResponseReturnValue:
    """Subscribe to a plan.

    A free plan answers 201 with the subscription and its first API key, shown once. A paid plan answers 202 with the
    address of the hosted checkout and of the purchase, which can be read until it is complete. A paid plan needs the
    terms in force to be accepted: by this request, or by the organisation before.
    """
    wanted, ports, buyer = read_body(NewSubscription), plugs(), buyer_of(get_principal())
    now = ports.clock.now()
    base = ports.settings.public_url.rstrip("/")
    _check_terms(wanted, buyer.account_id)
    if wanted.spending_limit is not None:
        check_holds()
    try:
        begun = buying.begin(
            buyer,
            wanted.plan_id,
            payments=ports.payments,
            now=now,
            locale=choose_locale(),
            livemode=ports.settings.livemode,
            return_url=base + "/purchases/{purchase}",
            wishes=buying.Wishes(
                _saving(wanted, buyer.account_id),
                wanted.key_name,
                wanted.accepts_terms is not None,
                spending_limit=wanted.spending_limit,
            ),
        )
    except (NotLimitable, LimitOutOfRange) as refusal:
        raise about_limit(refusal) from None
    except CodeRefused as refusal:
        detail = "This code takes nothing off this plan."
        raise Problem(422, "code-refused", "Code refused", detail, extra={"reason": refusal.reason}) from None
    except PlanNotForSale:
        raise Problem(404, "unknown-plan", "Unknown plan", "This plan is not for sale.") from None
    except OtherCurrency as paid:
        detail = "The payment provider bills one organisation in one currency at a time. Nothing was charged."
        raise Problem(409, "other-currency", "Another currency", detail, extra={"currency": str(paid)}) from None
    except PAGE_FAULTS as fault:
        raise problem_of(fault, held="One live subscription per API is all an organisation needs.") from None
    page = base + url_for("payments.purchase", public_id=begun.public_id)
    if begun.checkout_url is not None:
        return jsonify(status="checkout", checkout_url=begun.checkout_url, purchase_url=page), 202
    return _free_answer(buyer.account_id, begun, wanted.key_name, page)


def _check_terms(wanted: NewSubscription, account_id: int) -> None:
    offer = get_offer(wanted.plan_id)
    try:
        terms.check_accepted(account_id, wanted.accepts_terms, must_pay=offer is not None and not offer.is_free)
    except TermsNotAccepted:
        detail = "A plan that costs money needs the terms. Read them and send their version as `accepts_terms`."
        raise _about_terms("terms-not-accepted", "The terms are not accepted yet", detail) from None
    except TermsChanged:
        detail = "Another version of the terms is in force. Read it before you accept it."
        raise _about_terms("terms-changed", "The terms have changed", detail) from None


def _about_terms(kind: str, title: str, detail: str) -> Problem:
    address = plugs().settings.public_url.rstrip("/") + url_for("payments.terms")
    return Problem(422, kind, title, detail, extra={"terms_version": terms.VERSION, "terms_url": address})


def _saving(wanted: NewSubscription, account_id: int) -> Saving | None:
    offer = get_offer(wanted.plan_id)
    if wanted.code is None or offer is None:
        return None
    ports = plugs()
    return check_code(
        wanted.code,
        offer,
        account_id=account_id,
        trial_days=0 if had_trial(account_id, offer.product_id) else offer.terms.trial_days,
        payments=ports.payments,
        now=ports.clock.now(),
        livemode=ports.settings.livemode,
    )


def _free_answer(account_id: int, begun: buying.Begun, key_name: str, page: str) -> ResponseReturnValue:
    ports, principal = plugs(), get_principal()
    assert begun.subscription_id is not None
    with transaction():
        buying.claim_first_key(account_id, begun.public_id, now=ports.clock.now())
        key = issue_key(
            account_id,
            begun.subscription_id,
            key_name,
            created_by=principal.user_id,
            now=ports.clock.now(),
            pepper=ports.settings.pepper,
            keep_sealed=ports.settings.enable_kong,
            queue=ports.queue,
        )
    held = get_for_account(account_id, begun.subscription_id)
    body = body_of(held, labels([held.product_id]).get(held.product_id))
    return jsonify(status="active", subscription=body, api_key=key.text, purchase_url=page), 201


def body_of(held: SubscriptionView, label: ProductLabel | None) -> dict[str, Any]:
    """Return a subscription as scripts see it."""
    return {
        "id": held.id,
        "api": f"{label.organisation_slug}/{label.api_slug}" if label else None,
        "plan_id": held.plan_id,
        "status": held.status,
        "current_period_start": isoformat_z(held.period.start),
        "current_period_end": isoformat_z(held.period.end),
        "trial_end": isoformat_z(held.trial_end) if held.trial_end else None,
        "cancel_at_period_end": held.cancel_at_period_end,
        "ended_at": isoformat_z(held.ended_at) if held.ended_at else None,
        "blocked_since": isoformat_z(label.blocked_at) if label and label.blocked_at else None,
        "spending_limit": held.spending.amount if held.spending else None,
        "spending_limit_calls": held.spending.calls if held.spending else None,
    }
