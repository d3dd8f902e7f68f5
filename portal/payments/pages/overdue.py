"""The line under the bar while a payment is overdue: how much, until when access stays, and the way to settle it."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_date
from flask_babel import gettext as _

from portal.catalog.labels import labels
from portal.payments.glance import glance_of_request
from portal.payments.pages.buyer import account_id
from portal.payments.queries import find_due_invoice
from portal.subscriptions.errors import UnknownSubscription
from portal.subscriptions.queries import get_for_account
from portal.subscriptions.types import SubscriptionView
from portal.web.formatting import date_pattern, money
from portal.web.nav import Ribbon
from portal.web.plugs import plugs
from portal.web.principal import Principal, get_principal, sign_in_required


def routes(bp: Blueprint) -> None:
    """Add the routes."""
    bp.get("/subscriptions/<int:subscription_id>/overdue")(overdue)


@sign_in_required
def overdue(subscription_id: int) -> ResponseReturnValue:
    """Say what is owed, what comes next and how to settle it: a panel of the subscription's page, empty when paid."""
    try:
        held = get_for_account(account_id(), subscription_id)
    except UnknownSubscription:
        abort(404)
    due = find_due_invoice(held.account_id, held.id)
    if held.status not in ("past_due", "unpaid") or due is None:
        return ""
    return render_template(
        "payments/_overdue.html",
        held=held,
        due=due,
        owed=money(due.amount_due - due.amount_paid, due.currency),
        may_buy=get_principal().may("buy"),
    )


def ribbons(principal: Principal) -> list[Ribbon]:
    """Return a line for each overdue subscription of the acting organisation, the first few of them."""
    if principal.account_id is None or principal.kind != "session":
        return []
    glance = glance_of_request(principal.account_id, plugs().clock.now())
    overdue = [get_for_account(principal.account_id, one) for one in glance.overdue]
    names = labels([one.product_id for one in overdue]) if overdue else {}
    return [_ribbon(one, names[one.product_id].api_name if one.product_id in names else "") for one in overdue]


def _ribbon(held: SubscriptionView, name: str) -> Ribbon:
    due = find_due_invoice(held.account_id, held.id)
    amount = money(due.amount_due - due.amount_paid, due.currency) if due else ""
    what = (
        _("%(amount)s for %(api)s is overdue.", amount=amount, api=name) if due else _("%(api)s is unpaid.", api=name)
    )
    stays = (
        _("Access stays until %(date)s.", date=format_date(held.grace_until, date_pattern("d MMM yyyy")))
        if held.status == "past_due" and held.grace_until
        else _("Its keys are refused until it is paid.")
    )
    return Ribbon(f"{what} {stays}", url_for("subscriptions.show", subscription_id=held.id), str(_("Settle it")))
