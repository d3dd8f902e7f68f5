"""The second factor: setting an authenticator up, owing a code after the password, and paying it once."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update

from portal.audit.service import record
from portal.db import db
from portal.identity import totp
from portal.identity.errors import LinkGone, NoSecondFactor, WrongCode
from portal.identity.models import RecoveryCode, SecondFactor, SecondStep
from portal.identity.types import FactorState
from portal.kit.sealing import Sealer
from portal.kit.tokens import hashes_of, keyed_hash, plain_hash, random_text
from portal.outbox.service import announce_mail

OWED_FOR = timedelta(minutes=10)


def get_state(user_id: int, sealer: Sealer) -> FactorState:
    """Return whether an authenticator is on, being set up (then with its secret), or neither."""
    row = db.session.get(SecondFactor, user_id)
    if row is None:
        return FactorState()
    if row.confirmed_at is None:
        return FactorState(secret=_open(row, sealer))
    left = select(func.count()).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    return FactorState(is_on=True, since=row.confirmed_at, codes_left=db.session.scalar(left) or 0)


def is_on(user_id: int) -> bool:
    """True when signing in takes a code."""
    row = db.session.get(SecondFactor, user_id)
    return row is not None and row.confirmed_at is not None


def set_up(user_id: int, *, now: datetime, sealer: Sealer) -> None:
    """Begin, or begin again, with a fresh secret. What is already on stays as it is."""
    row = db.session.get(SecondFactor, user_id, with_for_update=True)
    if row is not None and row.confirmed_at is not None:
        return
    if row is not None:
        db.session.delete(row)
        db.session.flush()  # the key is taken again at once
    sealed = sealer.seal(totp.new_secret().encode(), _purpose(user_id))
    db.session.add(SecondFactor(user_id=user_id, sealed_secret=sealed, created_at=now, last_step=0))


def turn_on(user_id: int, code: str, *, now: datetime, sealer: Sealer, pepper: bytes) -> list[str]:
    """Switch the authenticator on with its first code; return the recovery codes, which exist only here.

    Raises NoSecondFactor when none is being set up, WrongCode when the app and we disagree.
    """
    row = db.session.get(SecondFactor, user_id, with_for_update=True)
    if row is None or row.confirmed_at is not None:
        raise NoSecondFactor
    step = totp.matching_step(_open(row, sealer), totp.plain_code(code), now)
    if step is None:
        raise WrongCode
    row.confirmed_at, row.last_step = now, step
    _note("second-factor.on", user_id)
    announce_mail("identity.factor-on", f"{user_id}:{now.isoformat()}", user_id=user_id)
    return _fresh_codes(user_id, pepper)


def renew_codes(user_id: int, *, pepper: bytes) -> list[str]:
    """Replace the recovery codes; return the new ones. Raises NoSecondFactor when the authenticator is off."""
    if not is_on(user_id):
        raise NoSecondFactor
    _note("recovery-codes.renewed", user_id)
    return _fresh_codes(user_id, pepper)


def turn_off(user_id: int, *, actor: str, now: datetime, reason: str | None = None) -> None:
    """Switch the authenticator off and forget its codes. Raises NoSecondFactor when it is off."""
    if not is_on(user_id):
        raise NoSecondFactor
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    db.session.execute(delete(SecondFactor).where(SecondFactor.user_id == user_id))
    record("second-factor.off", f"user:{user_id}", actor=actor, reason=reason)
    announce_mail("identity.factor-off", f"{user_id}:{now.isoformat()}", user_id=user_id)


def owe_code(user_id: int, *, now: datetime) -> str:
    """Write down that a browser has proven the password; return the text that its cookie keeps for ten minutes."""
    text = random_text()
    db.session.add(SecondStep(token_hash=plain_hash(text), user_id=user_id, created_at=now, expires_at=now + OWED_FOR))
    return text


def find_debtor(text: str, now: datetime) -> int | None:
    """Return the person a browser is about to become, or None when it must begin again with the password."""
    return db.session.scalar(
        select(SecondStep.user_id).where(
            SecondStep.token_hash == plain_hash(text), SecondStep.used_at.is_(None), SecondStep.expires_at > now
        )
    )


def settle(text: str, code: str, *, now: datetime, sealer: Sealer, pepper: bytes) -> int:
    """Accept the code a browser owes, once; return its person. Raises LinkGone (begin again) or WrongCode."""
    taken: int | None = db.session.scalar(
        update(SecondStep)
        .where(SecondStep.token_hash == plain_hash(text), SecondStep.used_at.is_(None), SecondStep.expires_at > now)
        .values(used_at=now)
        .returning(SecondStep.user_id)
    )
    if taken is None:
        raise LinkGone
    plain = totp.plain_code(code)
    if not (_spend_step(taken, plain, now, sealer) or _spend_recovery_code(taken, plain, now, pepper)):
        raise WrongCode  # rolls the taking back: the browser still owes
    return taken


def forget_old(now: datetime) -> int:
    """Remove what browsers owed and never paid. Returns how many."""
    gone = delete(SecondStep).where(SecondStep.expires_at < now - timedelta(days=1)).returning(SecondStep.id)
    return len(db.session.execute(gone).all())


def _spend_step(user_id: int, code: str, now: datetime, sealer: Sealer) -> bool:
    row = db.session.get(SecondFactor, user_id, with_for_update=True)
    if row is None or row.confirmed_at is None:
        return False
    step = totp.matching_step(_open(row, sealer), code, now)
    if step is None or step <= row.last_step:
        return False  # a code that was looked over somebody's shoulder is worth nothing
    row.last_step = step
    if sealer.is_outdated(row.sealed_secret):
        row.sealed_secret = sealer.seal(_open(row, sealer).encode(), _purpose(user_id))
    return True


def _spend_recovery_code(user_id: int, code: str, now: datetime, pepper: bytes) -> bool:
    spent = db.session.scalar(
        update(RecoveryCode)
        .where(
            RecoveryCode.user_id == user_id,
            RecoveryCode.code_hash.in_(hashes_of(code, pepper)),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now)
        .returning(RecoveryCode.id)
    )
    if spent is None:
        return False
    _note("recovery-code.used", user_id)
    announce_mail("identity.recovery-used", str(spent), user_id=user_id)
    return True


def _fresh_codes(user_id: int, pepper: bytes) -> list[str]:
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    codes = totp.new_recovery_codes()
    db.session.add_all(
        RecoveryCode(user_id=user_id, code_hash=keyed_hash(totp.plain_code(code), pepper)) for code in codes
    )
    return codes


def _open(row: SecondFactor, sealer: Sealer) -> str:
    return sealer.open(row.sealed_secret, _purpose(row.user_id)).decode()


def _purpose(user_id: int) -> str:
    return f"second factor of user {user_id}"


def _note(action: str, user_id: int) -> None:
    record(action, f"user:{user_id}", actor=f"user:{user_id}")
