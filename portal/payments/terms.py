"""The terms of buying: which version is in force, and who accepted it for an organisation, when.

An organisation accepts each version once; a new version asks again. `templates/payments/terms.html` holds the text:
whoever changes its meaning changes `VERSION` with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from portal.audit.service import record
from portal.db import db
from portal.payments.errors import TermsChanged, TermsNotAccepted
from portal.payments.models import TermsAcceptance
from portal.payments.types import Buyer

VERSION = "2026-11-25"


@dataclass(frozen=True, slots=True)
class Accepted:
    """That an organisation accepted the terms in force."""

    version: str
    at: datetime


def find_accepted(account_id: int) -> Accepted | None:
    """Return when an account accepted the version in force, None when it has not."""
    row = db.session.scalars(
        select(TermsAcceptance).where(TermsAcceptance.account_id == account_id, TermsAcceptance.version == VERSION)
    ).one_or_none()
    return None if row is None else Accepted(row.version, row.accepted_at)


def check_accepted(account_id: int, version: str | None, *, must_pay: bool) -> None:
    """Make sure that what a program says of the terms allows it to buy.

    Raises TermsChanged when it accepts another version than the one in force, and TermsNotAccepted when it accepts none,
    neither has its organisation before, and the plan costs money.
    """
    if version is not None and version != VERSION:
        raise TermsChanged(VERSION)
    if version is None and must_pay and find_accepted(account_id) is None:
        raise TermsNotAccepted(VERSION)


def accept(buyer: Buyer, *, now: datetime) -> None:
    """Note in the open unit of work that the buyer accepts the version in force; the first time counts."""
    statement = insert(TermsAcceptance).values(
        account_id=buyer.account_id, user_id=buyer.user_id, version=VERSION, accepted_at=now
    )
    made = db.session.execute(
        statement.on_conflict_do_nothing(constraint="terms_acceptances_once").returning(TermsAcceptance.id)
    )
    if made.first() is None:
        return
    record(
        "terms.accepted",
        f"account:{buyer.account_id}",
        actor=buyer.actor or f"user:{buyer.user_id}",
        organisation_id=buyer.organisation_id,
        after={"version": VERSION},
    )
