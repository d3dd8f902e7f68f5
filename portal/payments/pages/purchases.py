"""What becomes of a purchase: a page that is always safe to close or reload."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.catalog.labels import ProductLabel, find_label
from portal.db import transaction
from portal.gateway.service import issue_key
from portal.metering.queries import find_first_success, find_latest_call
from portal.payments import buying
from portal.payments.errors import PurchaseNotFound
from portal.payments.pages.buyer import account_id
from portal.payments.queries import get_purchase
from portal.payments.stages import stage_of
from portal.payments.types import PurchaseView
from portal.pricing.queries import get_offer
from portal.subscriptions.queries import get_for_account
from portal.web.negotiation import page_or_fragment
from portal.web.plugs import plugs
from portal.web.principal import get_principal, right_required, sign_in_required
from portal.web.problems import Problem


def routes(bp: Blueprint) -> None:
    """Add the routes."""
    bp.get("/purchases/<uuid:public_id>")(purchase)
    bp.get("/purchases/<uuid:public_id>/first-call")(first_call)
    bp.post("/purchases/<uuid:public_id>/key")(reveal_key)


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
                found.key_name or _("First key"),
                created_by=principal.user_id,
                now=now,
                pepper=ports.settings.pepper,
                keep_sealed=ports.settings.enable_kong,
                queue=ports.queue,
            )
    facts = _purchase_facts(public_id) | {"key": key.text if key else None, "asked": True}
    return page_or_fragment("payments/purchase.html", "payments/_purchase.html", **facts)


def _purchase_facts(public_id: uuid.UUID) -> dict[str, Any]:
    now = plugs().clock.now()
    try:
        found = get_purchase(account_id(), public_id, at=now)
    except PurchaseNotFound:
        abort(404)
    offer, label = get_offer(found.plan_id), find_label(found.product_id)
    looks, back = _looks(), request.args.get("back") == "1"
    held = get_for_account(found.account_id, found.subscription_id) if found.subscription_id else None
    is_dead = held is not None and (held.has_ended or held.status in ("unpaid", "paused"))
    return {
        "purchase": found,
        "offer": offer,
        "label": label,
        **_calls(found),
        "sample_url": sample_url(label),
        "stage": stage_of(found, looks=looks, left=request.args.get("left") == "1", back=back, is_dead=is_dead),
        "looks": looks,
        "back": back,
        "held": held,
        "key": None,
        "asked": False,
    }


def _calls(found: PurchaseView) -> dict[str, Any]:
    """Return when the first call succeeded and, before that, how the latest one failed."""
    if found.subscription_id is None:
        return {"first_call": None, "failed_call": None}
    success = find_first_success(found.subscription_id)
    latest = None if success else find_latest_call(found.subscription_id)
    return {"first_call": success.at if success else None, "failed_call": latest}


def _looks() -> int:
    """How often the page has looked by itself since it was opened; opening it again begins anew."""
    typed = request.args.get("looks", "0")
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 4 else 0


def sample_url(label: ProductLabel | None) -> str:
    """Return an address that a first call can be made to."""
    base = plugs().settings.gateway_url
    return f"{base}/{label.organisation_slug}/{label.api_slug}{label.sample_path}" if label else base
