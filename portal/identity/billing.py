"""Whom an organisation's invoices are made out to. Every change is announced, because a payment provider prints it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.audit.service import record
from portal.db import db
from portal.identity.errors import UnknownOrganisation
from portal.identity.models import BillingProfile, Organisation
from portal.identity.types import Billing
from portal.outbox.service import announce

LINES = ("name", "line1", "line2", "postal_code", "city", "state", "country", "tax_number")
TOPIC = "billing.identity_changed"


def get_billing(organisation_id: int) -> Billing:
    """Return whom an organisation's invoices are made out to. Raises UnknownOrganisation."""
    row = db.session.execute(
        select(Organisation, BillingProfile)
        .outerjoin(BillingProfile, BillingProfile.organisation_id == Organisation.id)
        .where(Organisation.id == organisation_id)
    ).one_or_none()
    if row is None:
        raise UnknownOrganisation
    whole, profile = row
    said = {line: getattr(profile, line) or "" for line in LINES} if profile is not None else {}
    return Billing(whole.name, whole.billing_version, email=whole.billing_email or "", **said)


def change_billing(session: Session, organisation_id: int, wanted: Billing, *, actor: str, now: datetime) -> bool:
    """Make invoices out to somebody else from now on; finished ones stay. Returns False when nothing is different.

    Empty lines take away what was there; a profile without a line goes altogether.
    """
    row = session.get(Organisation, organisation_id, with_for_update=True)
    if row is None:
        raise UnknownOrganisation
    before = get_billing(organisation_id)
    names = (*LINES, "email")
    changed = {name: getattr(wanted, name) for name in names if getattr(wanted, name) != getattr(before, name)}
    if not changed:
        return False
    row.billing_email = wanted.email or None
    _write(session, organisation_id, wanted, now)
    note_change(row)
    record(
        "organisation.billing-changed",
        f"organisation:{organisation_id}",
        actor=actor,
        organisation_id=organisation_id,
        before={name: getattr(before, name) for name in changed},
        after=changed,
    )
    return True


def note_change(row: Organisation) -> None:
    """Count a change of what invoices show and announce it, in the open unit of work."""
    row.billing_version += 1
    announce(TOPIC, f"{row.id}:{row.billing_version}", {"organisation_id": row.id})


def _write(session: Session, organisation_id: int, wanted: Billing, now: datetime) -> None:
    held = session.get(BillingProfile, organisation_id)
    said = {line: getattr(wanted, line) or None for line in LINES}
    if not any(said.values()):
        if held is not None:
            session.delete(held)
        return
    if held is None:
        held = BillingProfile(organisation_id=organisation_id)
        session.add(held)
    for line, text in said.items():
        setattr(held, line, text)
    held.changed_at = now
