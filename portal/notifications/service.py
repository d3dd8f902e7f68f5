"""Delivering mails. A reaction of the outbox: it may run twice, and the letter it hands over is then the same letter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from portal.db import SYSTEM, db, transaction
from portal.identity.errors import LinkGone
from portal.kit.clock import Clock
from portal.notifications import api_letters, billing_letters, identity_letters, member_letters, spending_letters
from portal.notifications.desk import Desk
from portal.notifications.models import KeptMail
from portal.outbox.service import Pending
from portal.ports.mail import Letter, Mail, MailRefused, MailUnavailable
from portal.settings import Settings

log = structlog.get_logger(__name__)
KEPT_FOR = timedelta(days=30)

Writer = Callable[[Mapping[str, Any], Desk], Letter | None]
LETTERS: dict[str, Writer] = {
    "identity.confirm": identity_letters.confirm,
    "identity.reset": identity_letters.reset,
    "identity.address": identity_letters.address,
    "identity.address-changed": identity_letters.address_changed,
    "identity.password-changed": identity_letters.password_changed,
    "identity.factor-on": identity_letters.factor_on,
    "identity.factor-off": identity_letters.factor_off,
    "identity.recovery-used": identity_letters.recovery_used,
    "identity.invitation": member_letters.invitation,
    "identity.removed": member_letters.removed,
    "billing.overdue": billing_letters.overdue,
    "billing.recovered": billing_letters.recovered,
    "billing.trial-ending": billing_letters.trial_ending,
    "billing.ended": billing_letters.ended,
    "api.blocked": api_letters.blocked,
    "api.released": api_letters.released,
    "subscription.api-blocked": api_letters.shut_to_holder,
    "subscription.api-released": api_letters.open_to_holder,
    "billing.spending-near": spending_letters.near,
    "billing.spending-reached": spending_letters.reached,
}


def deliver(facts: Mapping[str, Any], mail: Mail, *, settings: Settings, clock: Clock) -> bool:
    """Write the mail that was announced and hand it over; return whether there was anything to say.

    Raises Pending while nobody takes mail: it is tried again until somebody does or the letter is pointless.
    """
    kind, cause = str(facts["kind"]), str(facts["cause"])
    desk = Desk(cause, clock.now(), settings.pepper, settings.product_name, settings.public_url)
    letter = _write(LETTERS[kind], facts, desk)
    if letter is None:
        return False
    try:
        mail.send(letter)
    except MailRefused as refusal:
        # Nobody can be told: not the person, whose mailbox is the one that does not exist.
        log.warning("mail refused", kind=kind, error=str(refusal)[:300])
        return False
    except MailUnavailable as problem:
        raise Pending(f"mail cannot be handed over: {problem}") from problem
    return True


def keep(letter: Letter, *, now: datetime) -> None:
    """Keep a letter that is not sent anywhere; one that is here already stays as it is."""
    values = {
        "key": letter.key,
        "recipient": letter.to,
        "language": letter.language,
        "subject": letter.subject,
        "text": letter.text,
        "html": letter.html,
        "kept_at": now,
    }
    db.session.execute(insert(KeptMail).values(values).on_conflict_do_nothing(index_elements=["key"]))


def forget_old(now: datetime) -> int:
    """Remove kept mails of a month ago. Returns how many."""
    gone = delete(KeptMail).where(KeptMail.kept_at < now - KEPT_FOR).returning(KeptMail.id)
    return len(db.session.execute(gone).all())


def _write(writer: Writer, facts: Mapping[str, Any], desk: Desk) -> Letter | None:
    try:
        with transaction(SYSTEM):  # makes the link that the letter carries
            return writer(facts, desk)
    except LinkGone:
        return None  # it waited so long that its link has ended, or it was used meanwhile
