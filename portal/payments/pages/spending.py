"""A subscription's spending limit: how much of it is used, what another would mean, and setting it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_date
from flask_babel import gettext as _

from portal.catalog.labels import find_label, labels
from portal.db import transaction
from portal.payments.glance import glance_of_request
from portal.payments.pages import limit_field
from portal.payments.pages.buyer import account_id
from portal.payments.pages.limit_field import LimitField
from portal.payments.spending import spent_by
from portal.pricing.queries import get_offer, get_offer_of_price
from portal.subscriptions.errors import UnknownSubscription
from portal.subscriptions.queries import get_for_account
from portal.subscriptions.spending import set_limit
from portal.subscriptions.types import SubscriptionView
from portal.web.formatting import date_pattern, money
from portal.web.nav import Ribbon
from portal.web.negotiation import page_or_fragment, wants_fragment
from portal.web.plugs import plugs
from portal.web.principal import Principal, get_principal, right_required, sign_in_required
from portal.web.problems import Problem


def routes(bp: Blueprint) -> None:
    """Add the routes."""
    bp.get("/subscribe/<int:plan_id>/spending-limit")(limit_of_plan)
    bp.get("/subscriptions/<int:subscription_id>/spending-limit")(spending)
    bp.get("/subscriptions/<int:subscription_id>/spending-limit/meaning")(limit_of_subscription)
    bp.post("/subscriptions/<int:subscription_id>/spending-limit")(change_spending)


@sign_in_required
def limit_of_plan(plan_id: int) -> ResponseReturnValue:
    """Say what the limit in the address means on a plan: the sentence under the field, while somebody types."""
    offer = get_offer(plan_id)
    if offer is None or not limit_field.is_offered(offer.terms):
        abort(404)
    field = limit_field.read_field(request.args.get("spending_limit", ""), offer.terms)
    return render_template("payments/_limit_words.html", limit=field)


@sign_in_required
def limit_of_subscription(subscription_id: int) -> ResponseReturnValue:
    """Say what the limit in the address would do to a subscription, before it is set."""
    held = _held(subscription_id)
    return render_template("payments/_limit_words.html", limit=_read(held, request.args.get("spending_limit", "")))


@sign_in_required
def spending(subscription_id: int) -> ResponseReturnValue:
    """Show the limit, how much of it is used and how to change it; also a panel of the subscription's page."""
    held = _held(subscription_id)
    terms = get_offer_of_price(held.price_id).terms
    own = held.spending
    shown = limit_field.shown_field(own.amount, terms) if own else limit_field.read_field("", terms)
    return _answer(held, shown)


@right_required("buy")
def change_spending(subscription_id: int) -> ResponseReturnValue:
    """Set or remove the limit; with `act=check` only say what it would do.

    What would stop calls at once is said before it is done: the form has to come back with the amount that was told.
    """
    held = _held(subscription_id)
    typed = request.form.get("spending_limit")
    if typed is None:  # half a form must not take a limit away
        raise Problem(
            422, "limit-missing", _("The form came without a limit"), _("Nothing was changed. Send it again.")
        )
    field = _read(held, typed)
    if field.error:
        return _answer(held, field, 422)
    is_told = request.form.get("told") == str(field.amount)
    if request.form.get("act") == "check" or (field.stops_now and not is_told):
        return _answer(held, field, is_open=True)
    principal = get_principal()
    with transaction():
        set_limit(
            held.account_id,
            held.id,
            field.amount,
            actor=principal.actor,
            organisation_id=principal.organisation_id,
        )
    flash(_done_words(held, field), "success")
    return redirect(url_for("subscriptions.show", subscription_id=held.id), 303)


def ribbons(principal: Principal) -> list[Ribbon]:
    """Return a line for each subscription of the acting organisation that its limit has stopped, the first few of them."""
    if principal.account_id is None or principal.kind != "session" or not plugs().holds_limits:
        return []
    glance = glance_of_request(principal.account_id, plugs().clock.now())
    stopped = [get_for_account(principal.account_id, one) for one in glance.stopped]
    names = labels([one.product_id for one in stopped]) if stopped else {}
    return [
        _ribbon(one, names[one.product_id].api_name if one.product_id in names else "", principal) for one in stopped
    ]


def _ribbon(held: SubscriptionView, name: str, principal: Principal) -> Ribbon:
    terms = get_offer_of_price(held.price_id).terms
    text = _(
        "Calls to %(api)s are refused: your spending limit of %(limit)s is reached. The next period begins on %(date)s.",
        api=name,
        limit=money(held.spending.amount if held.spending else 0, terms.currency),
        date=format_date(held.period.end, date_pattern("d MMM yyyy")),
    )
    act = _("Raise the limit") if principal.may("buy") else _("See the limit")
    return Ribbon(str(text), url_for("payments.spending", subscription_id=held.id), str(act))


def _answer(
    held: SubscriptionView, field: LimitField, status: int = 200, *, is_open: bool = False
) -> ResponseReturnValue:
    offer, spent = get_offer_of_price(held.price_id), spent_by(held)
    context: dict[str, Any] = {
        "held": held,
        "offer": offer,
        "terms": offer.terms,
        "label": find_label(held.product_id),
        "limit": field,
        "spent": spent,
        "is_reached": held.spending is not None
        and held.spending.calls is not None
        and spent.calls >= held.spending.calls,
        "is_open": is_open or bool(field.error) or not wants_fragment(),
        "may_buy": get_principal().may("buy"),
    }
    return page_or_fragment("payments/spending.html", "payments/_spending.html", status=status, **context)


def _read(held: SubscriptionView, typed: str) -> LimitField:
    return limit_field.read_field(typed, get_offer_of_price(held.price_id).terms, spent_by(held))


def _done_words(held: SubscriptionView, field: LimitField) -> str:
    if field.amount is None:
        return str(_("There is no spending limit any more: calls go on and are billed."))
    amount = money(field.amount, get_offer_of_price(held.price_id).terms.currency)
    if field.stops_now:
        return str(_("The spending limit is %(limit)s. Calls are refused from now on.", limit=amount))
    return str(_("The spending limit is %(limit)s. The gateway knows it within a second.", limit=amount))


def _held(subscription_id: int) -> SubscriptionView:
    """Return a live subscription whose limit can be set; anything else is not found."""
    try:
        held = get_for_account(account_id(), subscription_id)
    except UnknownSubscription:
        abort(404)
    if held.has_ended or not limit_field.is_offered(get_offer_of_price(held.price_id).terms):
        abort(404)
    return held
