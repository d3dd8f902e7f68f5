"""What can be done with a subscription that costs money: cancel, resume, pay, read invoices."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.catalog.labels import find_label
from portal.payments import changing
from portal.payments.held_discounts import find_discount
from portal.payments.pages import saving_words
from portal.payments.pages.buyer import account_id
from portal.payments.queries import list_invoices
from portal.ports.payments import PaymentsRefused, PaymentsUnavailable
from portal.pricing.queries import get_offer_of_price
from portal.subscriptions.errors import UnknownSubscription
from portal.subscriptions.queries import get_for_account
from portal.web.negotiation import page_or_fragment
from portal.web.plugs import plugs
from portal.web.principal import get_principal, right_required, sign_in_required


def routes(bp: Blueprint) -> None:
    """Add the routes."""
    bp.post("/subscriptions/<int:subscription_id>/cancellation")(cancel)
    bp.post("/subscriptions/<int:subscription_id>/cancellation/undo")(resume)
    bp.post("/subscriptions/<int:subscription_id>/portal")(portal)
    bp.get("/subscriptions/<int:subscription_id>/invoices")(invoices)
    bp.get("/subscriptions/<int:subscription_id>/discount")(discount)


@right_required("buy")
def cancel(subscription_id: int) -> ResponseReturnValue:
    """Let the subscription end with its period."""
    return _change_cancellation(subscription_id, cancel=True)


@right_required("buy")
def resume(subscription_id: int) -> ResponseReturnValue:
    """Take the cancellation back before it takes effect."""
    return _change_cancellation(subscription_id, cancel=False)


@right_required("buy")
def portal(subscription_id: int) -> ResponseReturnValue:
    """Lead to the provider's own page for cards and invoices."""
    ports, account = plugs(), account_id()
    back = ports.settings.public_url.rstrip("/") + url_for("subscriptions.show", subscription_id=subscription_id)
    try:
        url = changing.open_portal(account, payments=ports.payments, livemode=ports.settings.livemode, return_url=back)
    except (PaymentsUnavailable, PaymentsRefused):
        flash(_("The payment provider did not answer. Nothing changed; try again in a moment."), "warning")
        return redirect(back, 303)
    return redirect(url, 303)


@sign_in_required
def invoices(subscription_id: int) -> ResponseReturnValue:
    """List the invoices of a subscription; also a panel of its page."""
    try:
        held = get_for_account(account_id(), subscription_id)
    except UnknownSubscription:
        abort(404)
    return page_or_fragment(
        "payments/invoices.html",
        "payments/_invoices.html",
        invoices=list_invoices(held.account_id, held.id),
        subscription_id=held.id,
        label=find_label(held.product_id),
        offer=get_offer_of_price(held.price_id),
    )


@sign_in_required
def discount(subscription_id: int) -> ResponseReturnValue:
    """Say what a code makes of the next charge: a panel of the subscription's page, empty without one."""
    try:
        held = get_for_account(account_id(), subscription_id)
    except UnknownSubscription:
        abort(404)
    found = find_discount(held.account_id, held.id)
    if found is None or held.has_ended:
        return ""
    words = saving_words.held(found, get_offer_of_price(held.price_id), held.period.end)
    return render_template("payments/_discount.html", code=found.code, words=words)


def _change_cancellation(subscription_id: int, *, cancel: bool) -> ResponseReturnValue:
    ports = plugs()
    try:
        changed = changing.set_cancellation(
            account_id(),
            subscription_id,
            cancel,
            syncing=changing.syncing_from(ports.payments, ports.clock, ports.settings),
            actor=get_principal().actor,
            organisation_id=get_principal().organisation_id,
        )
    except UnknownSubscription:
        abort(404)
    except PaymentsUnavailable:
        flash(_("The payment provider did not answer. Nothing changed; try again in a moment."), "warning")
    except PaymentsRefused as refusal:
        flash(_("The payment provider refused: %(why)s. Nothing changed.", why=str(refusal)), "warning")
    else:
        flash(_done_words(cancel, changed.is_free), "success")
    return redirect(url_for("subscriptions.show", subscription_id=subscription_id), 303)


def _done_words(cancel: bool, is_free: bool) -> str:
    if not cancel:
        return str(_("Welcome back. Your subscription goes on as before."))
    if is_free:
        return str(_("Cancelled. Your keys work until the end of the period."))
    return str(_("Cancelled. You will not be charged again, and your keys work until the end of the period."))
