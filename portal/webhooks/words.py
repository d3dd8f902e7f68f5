"""The inbox in sentences: where a delivery stands, why it ended, what went wrong."""

from __future__ import annotations

from flask_babel import gettext as _

from portal.webhooks.models import WebhookEvent

TONES = {"pending": "info", "retry": "warning", "dead": "danger", "quarantined": "warning", "done": "success"}


def state_names() -> dict[str, str]:
    """Return what each state is called."""
    return {
        "pending": _("Waiting"),
        "retry": _("Trying again"),
        "dead": _("Given up"),
        "quarantined": _("Set aside"),
        "done": _("Done"),
        "ignored": _("No concern of ours"),
    }


def story(delivery: WebhookEvent) -> str:
    """Say why a delivery stands where it does; empty for one that only waits."""
    outcome = {name: str(value) for name, value in (delivery.outcome or {}).items()}
    if "synced" in outcome:
        return str(_("Our rows were made equal to this object."))
    if "fault" in outcome:
        return _faults().get(outcome["fault"], outcome["fault"])
    reason = next(iter(outcome.values()), "")
    return _reasons().get(reason, reason)


def _faults() -> dict[str, str]:
    return {
        "away": _("The payment provider did not answer. We go on asking; nothing is lost."),
        "busy": _("Our database was busy. We try again."),
        "unknown_customer": _("It is about a customer no account of ours is linked to. We wait an hour for the link."),
        "unknown_price": _("It is about a price that is not in our catalogue. We wait an hour for it to appear."),
        "refused": _("The payment provider refused to show the object."),
        "unreadable": _("The object has a shape that we do not understand."),
        "unexpected": _("Something failed on our side. The technical note says what."),
        "crash": _("Working it ended the worker's process, several times."),
    }


def _reasons() -> dict[str, str]:
    return {
        "live and test mode do not mix": _("Live and test mode do not mix."),
        "connected accounts are not served by this endpoint": _("It is about another account of the provider's."),
        "not an event we act on": _("We act on nothing that it says."),
        "it names no object by its id": _("We would act on it, but it names no object."),
        "it is about an object of an unexpected kind": _("We would act on it, but it is about an unexpected object."),
        "it does not say when it was made": _("We would act on it, but it does not say when it was made."),
        "it does not say whether it is about real money": _(
            "We would act on it, but it does not say whether it is about real money."
        ),
        "it does not say whose account it is about": _(
            "We would act on it, but it does not say whose account it means."
        ),
    }
