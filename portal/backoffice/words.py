"""What is wrong with the chain and what the jobs do, for people."""

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


def job_words(job: str) -> str:
    """Say what a job of the timetable does; a name that is not known any more stands for itself."""
    words: dict[str, str] = {
        "free periods": _("Move free subscriptions into their next period"),
        "ended keys": _("Tell gateways which keys have run out"),
        "log partitions": _("Prepare the request log for the coming months"),
        "market facts": _("Measure the APIs of the market"),
        "market listings": _("Work out changed prices of listings"),
        "market words": _("Count the words that mistyped searches are corrected to"),
        "market wishes": _("Remove old wishes for missing APIs"),
        "payment reminders": _("Remind of overdue payments and ending trials"),
        "spending limits": _("Tell whose spending limit is nearly used up"),
        "kept answers": _("Remove old answers to repeated requests"),
        "event gaps": _("Fetch payment events that nobody delivered"),
        "reconciliation": _("Begin the comparison with the payment provider"),
        "sessions": _("Remove sessions, links and mails of long ago"),
        "audit trail": _("Prove the audit trail by its seals"),
    }
    return words.get(job, job)
