"""Purchases that were begun and not paid: what became of them, and the way on."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint
from flask.typing import ResponseReturnValue

from portal.payments.queries import list_unfinished
from portal.web.negotiation import page_or_fragment
from portal.web.plugs import plugs
from portal.web.principal import get_principal, sign_in_required

LOOKS_BACK = timedelta(days=30)


def routes(bp: Blueprint) -> None:
    """Add the routes."""
    bp.get("/purchases")(unfinished)


@sign_in_required
def unfinished() -> ResponseReturnValue:
    """List what the organisation set out to buy in the last 30 days and has not paid; also a panel, empty without any."""
    account_id = get_principal().account_id
    found = list_unfinished(account_id, since=plugs().clock.now() - LOOKS_BACK) if account_id else []
    return page_or_fragment("payments/unfinished.html", "payments/_unfinished.html", unfinished=found)
