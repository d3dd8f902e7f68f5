"""Pure rules about keys: names, lifetimes, sealing, the line to paste into a terminal."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from contextlib import suppress
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from portal.gateway.types import Door, KeyState
from portal.kit.tokens import older_than

MAX_LIVE_KEYS = 20
# Who is entitled to this feature of the platform may have more.
MORE_KEYS, MANY_KEYS = "premium", 200
MAX_NAME = 60
LIFETIMES: dict[str, timedelta | None] = {
    "never": None,
    "30": timedelta(days=30),
    "90": timedelta(days=90),
    "365": timedelta(days=365),
}
# How long the old key of a rotation goes on working beside the new one.
OVERLAPS: dict[str, timedelta] = {
    "0": timedelta(0),
    "1": timedelta(hours=1),
    "24": timedelta(days=1),
    "168": timedelta(days=7),
}
_PARAMETER = re.compile(r"\{[^}]*\}")


def key_prefix(*, livemode: bool) -> str:
    """Return what the texts of keys begin with, so that people and leak scanners recognise them."""
    return "mk_live" if livemode else "mk_test"


def state_of(now: datetime, *, expires_at: datetime | None, revoked_at: datetime | None) -> KeyState:
    """Return whether a key still opens anything. An expired key stays expired when it is revoked later."""
    if revoked_at is not None:
        return "revoked"
    return "expired" if expires_at is not None and now >= expires_at else "live"


def end_of_overlap(now: datetime, overlap: timedelta, expires_at: datetime | None) -> datetime:
    """Return when a rotated key stops: after the overlap, or before when it would have expired anyway."""
    return min(now + overlap, expires_at) if expires_at is not None else now + overlap


def numbered(name: str, taken: set[str]) -> str:
    """Return `name`, or with the first free number behind it, so that no two live keys of a subscription look alike."""
    lowered = {each.casefold() for each in taken}
    if name.casefold() not in lowered:
        return name
    return next(f"{name} {n}" for n in range(2, len(taken) + 3) if f"{name} {n}".casefold() not in lowered)


def first_call(gateway_url: str, door: Door, key_text: str) -> str:
    """Return a curl command that works as pasted into a POSIX shell.

    Path parameters are left as they are named in the document: a person sees what to fill in.
    """
    method = "" if door.sample_method.upper() == "GET" else f" -X {door.sample_method.upper()}"
    address = f"{gateway_url.rstrip('/')}{door.path}{door.sample_path}"
    return f"curl{method} {shlex.quote(address)} \\\n  -H {shlex.quote(f'X-API-Key: {key_text}')}"


def sealed(text: str, pepper: bytes) -> bytes:
    """Return the text encrypted under a key made from the pepper (AES-256-GCM), for a gateway that needs it soon."""
    nonce = os.urandom(12)
    return nonce + AESGCM(_sealing_key(pepper)).encrypt(nonce, text.encode(), None)


def unsealed(sealed_text: bytes, pepper: bytes) -> str | None:
    """Return the text, or None when the bytes were sealed under neither this pepper nor one it has replaced."""
    for each in (pepper, *older_than(pepper)):
        with suppress(InvalidTag):
            return AESGCM(_sealing_key(each)).decrypt(sealed_text[:12], sealed_text[12:], None).decode()
    return None


def _sealing_key(pepper: bytes) -> bytes:
    return hashlib.blake2b(pepper, digest_size=32, person=b"api key sealing"[:16]).digest()
