"""The fields that are compared, and their values, in the reader's words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from flask_babel import gettext as _
from markupsafe import Markup

from portal.kit.money import Money
from portal.reconciliation.plans import State
from portal.reconciliation.types import Shown
from portal.web.formatting import instant_text, money, number
from portal.webhooks.words import state_names

_AMOUNTS = ("total", "amount", "received", "refunded")
_INSTANTS = ("period_start", "period_end", "trial_end", "cancel_at", "right", "read", "suppressed_until")


def field_name(field: str) -> str:
    """Return what a field is called."""
    words: dict[str, Callable[[], str]] = {
        "status": lambda: _("Status"),
        "price": lambda: _("Price"),
        "plan": lambda: _("Plan"),
        "quantity": lambda: _("Quantity"),
        "period_start": lambda: _("Period from"),
        "period_end": lambda: _("Period until"),
        "trial_end": lambda: _("Trial until"),
        "cancel_at": lambda: _("Ends on"),
        "cancel_at_period_end": lambda: _("Ends with the period"),
        "livemode": lambda: _("Real money"),
        "read": lambda: _("Newest news"),
        "right": lambda: _("Access until"),
        "subscription": lambda: _("Subscription"),
        "customer": lambda: _("Customer"),
        "account": lambda: _("Account"),
        "email": lambda: _("E-mail"),
        "total": lambda: _("Total"),
        "amount": lambda: _("Amount"),
        "currency": lambda: _("Currency"),
        "interval": lambda: _("Interval"),
        "active": lambda: _("Active"),
        "state": lambda: _("State"),
        "type": lambda: _("Kind"),
        "opens": lambda: _("Opens the API"),
        "calls": lambda: _("Calls"),
        "billable": lambda: _("Counted"),
        "errors": lambda: _("Errors"),
        "suppressed_until": lambda: _("Left out until"),
        "received": lambda: _("Received"),
        "refunded": lambda: _("Given back"),
        "refund": lambda: _("Refunds"),
        "dispute": lambda: _("Disputes"),
        "hold": lambda: _("Access paused because"),
    }
    return words[field]() if field in words else field


def shown(field: str, value: Shown, at_risk: Money | None = None) -> str | Markup:
    """Return a value of a field as people read it; a missing one is a dash with a word for whoever listens."""
    if value is None:
        return Markup('<span class="muted">–<span class="sr-only">{}</span></span>').format(_("nothing"))
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if field in _AMOUNTS and isinstance(value, int) and at_risk is not None:
        return money(value, at_risk.currency)
    if isinstance(value, int):
        return number(value)
    if field in _INSTANTS:
        return str(_("without end")) if value == "open" else _instant(value)
    if field == "state":
        return state_names().get(value, value)
    if field in ("refund", "dispute", "hold"):
        return ", ".join(_back(one) for one in value.split(", "))
    return _status(value) if field == "status" else value


def changes(
    before: State, after: State, at_risk: Money | None = None, *, only_different: bool = False
) -> list[tuple[str, str | Markup | None, str | Markup | None]]:
    """Return what a repair changes, line by line: what, before, after; None where there was or will be nothing."""
    lines: list[tuple[str, str | Markup | None, str | Markup | None]] = []
    for name in [*before, *(one for one in after if one not in before)]:
        old, new = before.get(name), after.get(name)
        if old == new:
            if not only_different:
                lines.append((field_name(name), shown(name, old, at_risk), shown(name, new, at_risk)))
            continue
        was, becomes = (None if one is None else shown(name, one, at_risk) for one in (old, new))
        lines.append((field_name(name), was, becomes))
    return lines


def _instant(value: str) -> str:
    try:
        return instant_text(datetime.fromisoformat(value))
    except ValueError:
        return value


def _status(value: str) -> str:
    words: dict[str, Callable[[], str]] = {
        "active": lambda: _("active"),
        "trialing": lambda: _("trial"),
        "past_due": lambda: _("payment overdue"),
        "unpaid": lambda: _("unpaid"),
        "paused": lambda: _("paused"),
        "canceled": lambda: _("ended"),
        "incomplete": lambda: _("payment not finished"),
        "incomplete_expired": lambda: _("never paid"),
        "paid": lambda: _("paid"),
        "open": lambda: _("open"),
        "void": lambda: _("void"),
        "uncollectible": lambda: _("uncollectible"),
        "draft": lambda: _("draft"),
        "succeeded": lambda: _("paid"),
        "processing": lambda: _("on its way"),
        "requires_payment_method": lambda: _("payment not finished"),
        "requires_confirmation": lambda: _("payment not finished"),
        "requires_action": lambda: _("payment not finished"),
    }
    return words[value]() if value in words else value


def _back(value: str) -> str:
    """Return how a refund, a dispute or a hold stands."""
    words: dict[str, Callable[[], str]] = {
        "pending": lambda: _("on its way"),
        "requires_action": lambda: _("waits for the customer"),
        "succeeded": lambda: _("given back"),
        "failed": lambda: _("failed"),
        "canceled": lambda: _("withdrawn"),
        "needs_response": lambda: _("waits for our answer"),
        "under_review": lambda: _("the bank decides"),
        "won": lambda: _("won"),
        "lost": lambda: _("lost"),
        "warning_needs_response": lambda: _("inquiry, waits for our answer"),
        "warning_under_review": lambda: _("inquiry, the bank looks at it"),
        "warning_closed": lambda: _("inquiry closed"),
        "disputed": lambda: _("the payment is disputed"),
        "refunded": lambda: _("the payment was given back"),
    }
    return words[value]() if value in words else value
