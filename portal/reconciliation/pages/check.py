"""“Check my purchase”: for customers, on the page of their subscription, in their words."""

from __future__ import annotations

from flask import Response, abort
from flask.typing import ResponseReturnValue

from portal.catalog.labels import labels
from portal.pricing.queries import get_offer_of_price
from portal.reconciliation import checking
from portal.reconciliation.checking import Checked
from portal.reconciliation.pages.blueprint import asking, bp, request_id, syncing
from portal.subscriptions.errors import UnknownSubscription
from portal.subscriptions.queries import get_for_account
from portal.subscriptions.types import SubscriptionView
from portal.web.limits import rate
from portal.web.negotiation import page_or_fragment
from portal.web.principal import get_principal, right_required


@bp.get("/subscriptions/<int:subscription_id>/check")
@right_required("read")
def check(subscription_id: int) -> ResponseReturnValue:
    """Offer the check."""
    return _panel(_own(subscription_id), None)


@bp.post("/subscriptions/<int:subscription_id>/check")
@rate("20 per hour")
@right_required("read")
def run_check(subscription_id: int) -> ResponseReturnValue:
    """Compare the subscription with the payment provider now."""
    held = _own(subscription_id)
    return _panel(held, checking.check(held.id, asking()))


@bp.post("/subscriptions/<int:subscription_id>/check/repair")
@rate("10 per hour")
@right_required("read")
def mend_check(subscription_id: int) -> ResponseReturnValue:
    """Put right what only has to follow its source."""
    held = _own(subscription_id)
    actor = get_principal().actor
    return _panel(held, checking.mend(held.id, asking(), syncing(), actor=actor, request_id=request_id()))


def _own(subscription_id: int) -> SubscriptionView:
    try:
        return get_for_account(get_principal().account_id or 0, subscription_id)
    except UnknownSubscription:
        abort(404)


def _panel(held: SubscriptionView, checked: Checked | None) -> Response:
    if checked is not None:
        held = _own(held.id)  # the repair may have changed it
    name = labels([held.product_id]).get(held.product_id)
    return page_or_fragment(
        "reconciliation/check.html",
        "reconciliation/_check.html",
        held=held,
        checked=checked,
        offer=get_offer_of_price(held.price_id),
        name=name,
    )
