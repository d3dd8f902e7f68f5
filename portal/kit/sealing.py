"""Secrets that must be read back (the seed of a second factor) are kept sealed: AES-256-GCM, the key outside the database."""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_FORM, _ID, _NONCE = b"\x01", 4, 12


class CannotOpen(Exception):
    """The bytes were not sealed with any key we hold, for this purpose; or they were changed since."""


class Sealer:
    """Seals with the first key and opens with any, so that a key is replaced by putting a new one before it."""

    def __init__(self, keys: Sequence[str]) -> None:
        derived = [HKDF(SHA256(), 32, salt=None, info=b"mercato sealing").derive(key.encode()) for key in keys]
        self._keys = {sha256(key).digest()[:_ID]: AESGCM(key) for key in reversed(derived)}
        self._newest = sha256(derived[0]).digest()[:_ID]

    def seal(self, plain: bytes, purpose: str) -> bytes:
        """Return sealed bytes that open for this purpose alone: moved to another row they are worthless."""
        nonce = os.urandom(_NONCE)
        return _FORM + self._newest + nonce + self._keys[self._newest].encrypt(nonce, plain, purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """Return what was sealed. Raises CannotOpen."""
        key = self._keys.get(sealed[1 : 1 + _ID]) if sealed[:1] == _FORM else None
        if key is None:
            raise CannotOpen
        nonce, rest = sealed[1 + _ID : 1 + _ID + _NONCE], sealed[1 + _ID + _NONCE :]
        try:
            return key.decrypt(nonce, rest, purpose.encode())
        except (InvalidTag, ValueError):
            raise CannotOpen from None

    def is_outdated(self, sealed: bytes) -> bool:
        """True when the bytes were sealed with an older key and should be sealed again."""
        return sealed[1 : 1 + _ID] != self._newest
