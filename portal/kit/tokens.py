"""Credentials of ours: random secrets with a readable prefix and check characters, kept as keyed hashes."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PUBLIC_LENGTH, _SECRET_LENGTH, _CHECK_LENGTH = 10, 43, 6


@dataclass(frozen=True, slots=True)
class NewToken:
    """A fresh credential. `text` is shown to its owner once; `public_id` and a keyed hash are stored."""

    text: str
    public_id: str
    last_four: str


def new_token(prefix: str) -> NewToken:
    """Make `<prefix>_<public id>_<secret><check>`: over 256 random bits in the secret, 6 check characters.

    The check characters let a form, a gateway or a leak scanner recognise a mistyped or truncated key
    without asking the database; they are not a secret.
    """
    public_id = _random(_PUBLIC_LENGTH)
    body = f"{prefix}_{public_id}_{_random(_SECRET_LENGTH)}"
    text = body + _check(body)
    return NewToken(text=text, public_id=public_id, last_four=text[-4:])


def public_id_of(text: str) -> str | None:
    """Return the public id inside a well-formed token whose check characters agree, else None."""
    parts = text.rsplit("_", 2) if text.isascii() and len(text) <= 120 else []
    if len(parts) != 3 or len(parts[1]) != _PUBLIC_LENGTH or len(parts[2]) != _SECRET_LENGTH + _CHECK_LENGTH:
        return None
    body, check = text[:-_CHECK_LENGTH], text[-_CHECK_LENGTH:]
    return parts[1] if hmac.compare_digest(check, _check(body)) else None


class Pepper(bytes):
    """The key of keyed hashes in force, with those it has replaced: new hashes use it, older ones still match."""

    older: tuple[bytes, ...]

    @classmethod
    def of(cls, keys: Sequence[str]) -> Pepper:
        """Return the first of the keys, the others behind it. Raises ValueError without one."""
        if not keys:
            raise ValueError("there must be a pepper")
        made = cls(keys[0].encode())
        made.older = tuple(key.encode() for key in keys[1:])
        return made


def hashes_of(text: str, pepper: bytes) -> list[bytes]:
    """Return what a token may be stored as: hashed under the pepper in force, and under those it has replaced."""
    return [keyed_hash(text, each) for each in (pepper, *older_than(pepper))]


def older_than(pepper: bytes) -> tuple[bytes, ...]:
    """Return the peppers that this one has replaced and that still count."""
    return pepper.older if isinstance(pepper, Pepper) else ()


def is_hash_of(text: str, stored: bytes, pepper: bytes) -> bool:
    """True when a stored hash is this token's. Takes as long for a match as for none."""
    found = False
    for each in hashes_of(text, pepper):  # all of them, whichever matches
        found |= hmac.compare_digest(each, stored)
    return found


def is_one_of(offered: str, listed: str) -> bool:
    """True when a secret is one of a setting's, which holds several, comma-separated, while one replaces another."""
    found = False
    for each in listed.split(","):
        found |= bool(each.strip()) and hmac.compare_digest(_bytes(offered), each.strip().encode())
    return found


def keyed_hash(text: str, pepper: bytes) -> bytes:
    """Return HMAC-SHA256 of a token. The pepper lives outside the database, so a stolen dump verifies nothing.

    A fast hash is right here: the secret has more than 256 bits, there is nothing to guess.
    """
    return hmac.new(pepper, _bytes(text), hashlib.sha256).digest()


def plain_hash(text: str) -> bytes:
    """Return SHA-256 of a random session or mail token (long and short-lived, so no pepper is needed)."""
    return hashlib.sha256(_bytes(text)).digest()


def random_text(length: int = 43) -> str:
    """Return `length` random letters and digits (5.95 bits each)."""
    return _random(length)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # a stranger may send anything as a token; it must only not match


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _check(body: str) -> str:
    value, out = zlib.crc32(body.encode()), ""
    for _ in range(_CHECK_LENGTH):
        value, digit = divmod(value, 62)
        out += _ALPHABET[digit]
    return out
