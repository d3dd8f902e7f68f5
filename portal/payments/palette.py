"""What payments offer to the command palette: invoices, and changing the plan of a subscription."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Flask, url_for
from flask_babel import gettext as _

from portal.catalog.labels import labels
from portal.payments.queries import list_invoices
from portal.subscriptions.queries import list_for_account
from portal.subscriptions.types import LIVE
from portal.web.formatting import money
from portal.web.palette import Asked, Entry, Group, offer


def register(app: Flask) -> None:
    """Offer them."""
    offer(app, _invoices)


def _invoices(asked: Asked) -> Iterator[Entry]:
    if asked.reader is None or asked.reader.account_id is None or not asked.is_searching:
        return
    held = list_for_account(asked.reader.account_id)
    names = labels([one.product_id for one in held])
    called = {one.id: names[one.product_id].api_name for one in held if one.product_id in names}
    for one in held:
        if (name := called.get(one.id)) is None:
            continue
        address = url_for("payments.invoices", subscription_id=one.id)
        yield Entry(_("Invoices of %(name)s", name=name), address, Group.INVOICES, also=_("receipt bill payment"))
        if one.status in LIVE and asked.may("buy"):
            label, also = _("Change the plan of %(name)s", name=name), _("upgrade downgrade switch price")
            yield Entry(label, url_for("payments.plans", subscription_id=one.id), Group.ACTS, also=also)
    for invoice in list_invoices(asked.reader.account_id):
        if invoice.number and invoice.subscription_id in called:
            note = f"{money(invoice.total, invoice.currency)} · {called[invoice.subscription_id]}"
            address = url_for(
                "payments.invoices", subscription_id=invoice.subscription_id, _anchor=f"invoice-{invoice.id}"
            )
            yield Entry(_("Invoice %(number)s", number=invoice.number), address, Group.INVOICES, note=note)
