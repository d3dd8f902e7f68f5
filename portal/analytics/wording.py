"""What ranges, states and moves are called."""

from __future__ import annotations

from flask_babel import gettext as _


def range_words() -> dict[str, str]:
    """Return what each range is called, in the order of choice."""
    return {
        "30d": _("30 days"),
        "month": _("This month"),
        "last-month": _("Last month"),
        "90d": _("90 days"),
        "year": _("12 months"),
    }


def state_words() -> dict[str, str]:
    """Return what each state of a subscription is called."""
    return {
        "trialing": _("In trial"),
        "active": _("Active"),
        "past_due": _("Overdue"),
        "unpaid": _("Unpaid"),
        "paused": _("Paused"),
        "incomplete": _("Waiting for the first payment"),
        "canceled": _("Ended"),
        "incomplete_expired": _("Never paid"),
    }


def kind_words() -> dict[str, str]:
    """Return what each kind of move is called."""
    return {"new": _("New"), "more": _("More than before"), "less": _("Less than before"), "lost": _("Lost")}
