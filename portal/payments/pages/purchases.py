"""Buying: what it costs before anything happens, and a page that is always safe to close or reload."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.catalog.labels import ProductLabel, find_label
from portal.db import transaction
from portal.gateway.service import issue_key
from portal.metering.queries import first_call_at
from portal.payments import buying
from portal.payments.errors import PlanNotForSale, PurchaseNotFound
from portal.payments.pages.buyer import account_id, buyer_of
from portal.payments.queries import get_purchase
from portal.payments.types import PurchaseView
from portal.ports.payments import PaymentsRefused, PaymentsUnavailable
from portal.pricing.queries import get_offer, get_offer_of_price
from portal.subscriptions.errors import AlreadySubscribed
from portal.subscriptions.queries import find_live_for_product, had_trial
from portal.web.negotiation import page_or_fragment
from portal.web.plugs import plugs
from portal.web.preferences import choose_locale
from portal.web.principal import get_principal, right_required, sign_in_required
from portal.web.problems import Problem


def routes(bp: Blueprint) -> None:
    """Add the routes."""
    bp.get("/subscribe/<int:plan_id>")(review)
    bp.post("/subscribe/<int:plan_id>")(subscribe)
    bp.get("/purchases/<uuid:public_id>")(purchase)
    bp.get("/purchases/<uuid:public_id>/first-call")(first_call)
    bp.post("/purchases/<uuid:public_id>/key")(reveal_key)


@sign_in_required
def review(plan_id: int) -> ResponseReturnValue:
    """Say everything before money moves. Who has a paid plan of this API already moves from it instead."""
    facts = _review_facts(plan_id)
    live = facts["live"]
    if live is not None and not live.is_free and live.plan_id != plan_id and facts["may_buy"]:
        return redirect(url_for("payments.plan_change", subscription_id=live.id, plan_id=plan_id), 303)
    return render_template("payments/review.html", **facts)


@right_required("buy")
def subscribe(plan_id: int) -> ResponseReturnValue:
    """Start the purchase and lead to the hosted page, or straight to the key when nothing has to be paid."""
    ports, buyer = plugs(), buyer_of(get_principal())
    return_url = ports.settings.public_url.rstrip("/") + "/purchases/{purchase}"
    try:
        begun = buying.begin(
            buyer,
            plan_id,
            payments=ports.payments,
            now=ports.clock.now(),
            locale=choose_locale(),
            livemode=ports.settings.livemode,
            return_url=return_url,
        )
    except PlanNotForSale:
        abort(404)
    except AlreadySubscribed as held:
        flash(_("You already have this API. Here is your subscription."), "info")
        return redirect(url_for("subscriptions.show", subscription_id=held.subscription_id), 303)
    except PaymentsUnavailable:
        return _not_started(
            plan_id, _("The payment provider did not answer. Nothing was charged; try again in a moment."), 503
        )
    except PaymentsRefused as refusal:
        text = _("The payment provider refused to start: %(why)s. Nothing was charged.", why=str(refusal))
        return _not_started(plan_id, text, 502)
    return redirect(begun.checkout_url or url_for("payments.purchase", public_id=begun.public_id), 303)


@sign_in_required
def purchase(public_id: uuid.UUID) -> ResponseReturnValue:
    """Show how far a purchase is. Reading only: reload it, leave it, come back tomorrow."""
    facts = _purchase_facts(public_id)
    if facts["purchase"].status == "open":
        plugs().queue.look_after(facts["purchase"].id)  # asks the provider directly when no event came
    return page_or_fragment("payments/purchase.html", "payments/_purchase.html", **facts)


@sign_in_required
def first_call(public_id: uuid.UUID) -> ResponseReturnValue:
    """Say whether the first call has arrived; the page that shows the key asks every other second."""
    facts = _purchase_facts(public_id)
    template = "payments/_first_call_arrived.html" if facts["first_call"] else "payments/_first_call.html"
    return render_template(template, **facts)


@right_required("keys")
def reveal_key(public_id: uuid.UUID) -> ResponseReturnValue:
    """Make the purchase's first key and show it, once. A second request finds it made and says where to go on."""
    ports, principal = plugs(), get_principal()
    facts = _purchase_facts(public_id)
    found: PurchaseView = facts["purchase"]
    if not found.is_ready or found.subscription_id is None:
        raise Problem(409, "not-ready", _("Not ready yet"), _("The key can be made once the payment is confirmed."))
    now = ports.clock.now()
    key = None
    with transaction():
        if buying.claim_first_key(found.account_id, public_id, now=now):
            key = issue_key(
                found.account_id,
                found.subscription_id,
                _("First key"),
                created_by=principal.user_id,
                now=now,
                pepper=ports.settings.pepper,
                keep_sealed=ports.settings.enable_kong,
                queue=ports.queue,
            )
    facts = _purchase_facts(public_id) | {"key": key.text if key else None, "asked": True}
    return page_or_fragment("payments/purchase.html", "payments/_purchase.html", **facts)


def _not_started(plan_id: int, text: str, status: int) -> ResponseReturnValue:
    return render_template("payments/review.html", **(_review_facts(plan_id) | {"failure": text})), status


def _review_facts(plan_id: int) -> dict[str, Any]:
    offer = get_offer(plan_id)
    label = find_label(offer.product_id) if offer else None
    if offer is None or label is None or not label.is_listed:
        abort(404)
    principal, now = get_principal(), plugs().clock.now()
    account_id = principal.account_id
    live = find_live_for_product(account_id, offer.product_id) if account_id else None
    trial_days = 0 if account_id and had_trial(account_id, offer.product_id) else offer.terms.trial_days
    return {
        "offer": offer,
        "label": label,
        "live": live,
        "live_offer": get_offer_of_price(live.price_id) if live else None,
        "trial_days": trial_days,
        "trial_ends": now + timedelta(days=trial_days),
        "may_buy": principal.may("buy"),
        "failure": None,
    }


def _purchase_facts(public_id: uuid.UUID) -> dict[str, Any]:
    now = plugs().clock.now()
    try:
        found = get_purchase(account_id(), public_id, at=now)
    except PurchaseNotFound:
        abort(404)
    offer, label = get_offer(found.plan_id), find_label(found.product_id)
    return {
        "purchase": found,
        "offer": offer,
        "label": label,
        "first_call": first_call_at(found.subscription_id) if found.subscription_id else None,
        "sample_url": sample_url(label),
        "left": request.args.get("left") == "1",
        "key": None,
        "asked": False,
        "waited": (now - found.created_at).total_seconds() > 90,
    }


def sample_url(label: ProductLabel | None) -> str:
    """Return an address that a first call can be made to."""
    base = plugs().settings.gateway_url
    return f"{base}/{label.organisation_slug}/{label.api_slug}{label.sample_path}" if label else base
