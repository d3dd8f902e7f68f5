"""Codes of an authenticator app (RFC 6238: SHA-1, six digits, thirty seconds), and recovery codes. No database, no clock."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from hmac import compare_digest

import pyotp

STEP_SECONDS = 30
# One step to each side: phones are rarely right to the second, and people type for a while.
_DRIFT = (0, -1, 1)
RECOVERY_CODES = 10
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # nothing that is read as something else


def new_secret() -> str:
    """Return a fresh secret of 160 bits in base 32, as apps take it."""
    return pyotp.random_base32()


def address_of(secret: str, account: str, issuer: str) -> str:
    """Return the `otpauth://` address that the QR code holds."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


def in_groups(secret: str) -> str:
    """Return a secret as people copy it by hand: in groups of four."""
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """Return the number of the thirty seconds that `code` belongs to, or None when it is none of these."""
    if not re.fullmatch(r"[0-9]{6}", code):
        return None
    here = int(now.timestamp()) // STEP_SECONDS
    found = [here + d for d in _DRIFT if compare_digest(pyotp.TOTP(secret).at((here + d) * STEP_SECONDS), code)]
    return found[0] if found else None


def new_recovery_codes() -> list[str]:
    """Return ten codes of 49 random bits each, such as `7KQ2M-XW4PD`."""
    return [f"{_random(5)}-{_random(5)}" for _ in range(RECOVERY_CODES)]


def plain_code(typed: str) -> str:
    """Return a code without what people and phones put around and into it."""
    return re.sub(r"[\s-]", "", typed[:40]).upper()


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
