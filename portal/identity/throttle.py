"""How many passwords and codes may be tried, and mails asked for. Counted in PostgreSQL under a lock, so losing Redis
or racing opens nothing.

An attempt is written down before the password is looked at. Ten wrong ones per account and hour, thirty per address
and hour; further ones are refused unseen and not counted, so going on does not prolong a lock. A person who signed in
from the same address in the last thirty days has ten tries of their own there, whatever strangers do elsewhere.
Codes are counted the same way beside passwords. Mails never "succeed": each that is asked for counts, whether it will
be sent or not, so the count tells nobody which addresses we know.
"""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, delete, exists, func, select, update

from portal.db import db
from portal.identity.errors import TooManyAttempts
from portal.identity.models import SignInAttempt
from portal.identity.rules import normalise_email
from portal.kit.tokens import keyed_hash

WINDOW = timedelta(hours=1)
PER_ACCOUNT = 10
PER_ADDRESS = 30
MAILS_PER_ACCOUNT = 5
MAILS_PER_ADDRESS = 60
FAMILIAR_FOR = timedelta(days=30)
Kind = Literal["password", "code", "mail"]


def reserve(email: str, ip: str, *, now: datetime, pepper: bytes, kind: Kind = "password") -> int:
    """Write down an attempt and return its id. Raises TooManyAttempts. Commit before the password is looked at."""
    who, where = keyed_hash(normalise_email(email).lower(), pepper), address_of(ip)
    # Always in this order, so two attempts can wait for each other but never both.
    for lock in (b"account" + who, b"address" + where.encode()):
        db.session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(lock.hex(), 0))))
    per_account, per_address = (MAILS_PER_ACCOUNT, MAILS_PER_ADDRESS) if kind == "mail" else (PER_ACCOUNT, PER_ADDRESS)
    of_account = [SignInAttempt.kind == kind, SignInAttempt.email_hash == who]
    if _is_familiar(of_account, where, now):
        of_account.append(SignInAttempt.ip == where)
    _refuse_after(per_account, of_account, now)
    _refuse_after(per_address, [SignInAttempt.kind == kind, SignInAttempt.ip == where], now)
    attempt = SignInAttempt(kind=kind, email_hash=who, ip=where, succeeded=False, at=now)
    db.session.add(attempt)
    db.session.flush()  # its id is the answer
    return attempt.id


def mark_succeeded(attempt_id: int) -> None:
    """Take an attempt out of the count: the password was right."""
    db.session.execute(update(SignInAttempt).where(SignInAttempt.id == attempt_id).values(succeeded=True))


def forget_old(now: datetime) -> int:
    """Remove attempts that no rule looks at any more. Returns how many."""
    gone = db.session.execute(
        delete(SignInAttempt).where(SignInAttempt.at < now - FAMILIAR_FOR).returning(SignInAttempt.id)
    )
    return len(gone.all())


def address_of(ip: str) -> str:
    """Return what counts as one address: an IPv4 address, or the /64 that one IPv6 subscriber is given."""
    try:
        parsed = ipaddress.ip_address(ip)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _is_familiar(of_account: list[ColumnElement[bool]], where: str, now: datetime) -> bool:
    return bool(
        db.session.scalar(
            select(
                exists().where(
                    *of_account,
                    SignInAttempt.ip == where,
                    SignInAttempt.succeeded,
                    SignInAttempt.at > now - FAMILIAR_FOR,
                )
            )
        )
    )


def _refuse_after(limit: int, bucket: list[ColumnElement[bool]], now: datetime) -> None:
    # The limit-th most recent failure: while it is inside the window, the bucket is full.
    oldest = db.session.scalar(
        select(SignInAttempt.at)
        .where(*bucket, SignInAttempt.succeeded.is_(False), SignInAttempt.at > now - WINDOW)
        .order_by(SignInAttempt.at.desc())
        .offset(limit - 1)
        .limit(1)
    )
    if oldest is not None:
        raise TooManyAttempts(oldest + WINDOW - now)
