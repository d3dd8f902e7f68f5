"""The line under the bar while a payment is overdue: how much, until when access stays, and the way to settle it."""

from __future__ import annotations

from flask import url_for
from flask_babel import format_date
from flask_babel import gettext as _

from portal.catalog.labels import labels
from portal.payments.queries import find_due_invoice
from portal.subscriptions.queries import list_overdue
from portal.subscriptions.types import SubscriptionView
from portal.web.formatting import date_pattern, money
from portal.web.nav import Ribbon
from portal.web.principal import Principal

_MOST = 3


def ribbons(principal: Principal) -> list[Ribbon]:
    """Return a line for each overdue subscription of the acting organisation, three at most."""
    if principal.account_id is None or principal.kind != "session":
        return []
    overdue = list_overdue(principal.account_id)[:_MOST]
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
