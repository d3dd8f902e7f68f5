"""What became of a call, in the reader's words."""

from __future__ import annotations

from flask_babel import gettext as _


def decision_words(decision: str) -> str:
    """Return the gateway's decision on a call in words; one that this version does not know as the gateway wrote it."""
    known = {
        "preflight": _("browser's preflight"),
        "no-route": _("no such API"),
        "api-blocked": _("API blocked by the marketplace"),
        "no-key": _("no key"),
        "key-in-query": _("key in the address"),
        "bad-key": _("wrong key"),
        "wrong-api": _("key of another API"),
        "not-entitled": _("no right to this API"),
        "rate-limited": _("too many calls a minute"),
        "quota-exceeded": _("limit of the period reached"),
        "spending-limit-reached": _("your spending limit reached"),
        "too-large": _("too large"),
        "bad-request": _("unreadable request"),
        "slow-client": _("request came too slowly"),
        "client-left": _("caller hung up"),
        "upstream-failed": _("provider failed"),
        "upstream-timeout": _("provider too slow"),
        "unavailable": _("gateway not available"),
    }
    return str(known.get(decision, decision.replace("-", " ").replace("_", " ")))
