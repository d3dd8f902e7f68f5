"""What is wrong with the chain, for people."""

from __future__ import annotations

from flask_babel import gettext as _

from portal.audit.types import Fault


def fault_words(fault: Fault) -> str:
    """Say what is wrong first, and with which entry."""
    facts = {"entry": fault.entry_id, "number": fault.number}
    words: dict[str, str] = {
        "entry changed": _("Entry %(entry)s was changed after it was sealed as number %(number)s.", **facts),
        "entry missing": _("Entry %(entry)s, sealed as number %(number)s, is missing.", **facts),
        "entry backdated": _("Entry %(entry)s bears an earlier date than it was written on.", **facts),
        "entry never sealed": _("Entry %(entry)s was never sealed.", **facts),
        "seal changed": _("The seal with number %(number)s was changed, or the one before it.", **facts),
        "seal missing": _("The seal with number %(number)s is missing.", **facts),
        "head unknown": _("The end of the chain is missing, or the chain was made anew."),
    }
    return words[fault.kind]
