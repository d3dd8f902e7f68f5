"""Passwords: what we accept, and how we keep them. No database, no request.

Argon2id with the least parameters OWASP recommends (19 MiB, two passes, one lane). The policy asks for length and
refuses what is guessed first; it asks for no mixture of characters, which makes passwords worse (NIST SP 800-63B).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

import argon2

MIN_LENGTH = 12
MAX_BYTES = 1024


class Fault(Enum):
    """Why a new password is refused."""

    SHORT = "short"
    LONG = "long"
    COMMON = "common"
    PERSONAL = "personal"


# What people put first when they are told "at least twelve": whole words, keyboard rows and their favourite padding.
_COMMON = (
    *("password", "passwort", "passphrase", "motdepasse", "contrasena", "kennwort", "geheim", "secret", "letmein"),
    *("welcome", "willkommen", "admin", "administrator", "root", "user", "login", "changeme", "default", "iloveyou"),
    *("qwertyuiop", "qwertzuiop", "azertyuiop", "qwerty", "qwertz", "azerty", "asdfghjkl", "asdfgh", "zxcvbnm"),
    *("1qaz2wsx", "1q2w3e4r", "1q2w3e", "q1w2e3r4", "qazwsx", "dragon", "monkey", "football", "baseball", "sunshine"),
    *("princess", "superman", "batman", "master", "shadow", "trustno", "hello", "hallo", "freedom", "whatever", "test"),
    *("summer", "winter", "spring", "autumn", "sommer", "herbst", "monday", "friday", "january", "december", "love"),
    *("correcthorsebatterystaple", "correct horse battery staple", "thequickbrownfox", "starwars", "pokemon"),
    *("computer", "internet", "google", "company", "office", "mercato", "market", "portal", "stripe", "apikey"),
)
_LEET = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i"})
_PADDING = re.compile(r"(?:19|20)\d\d|(.)\1{2,}")
_ROWS = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "09876543210", "zyxwvutsrqponmlkjihgfedcba")


@dataclass(frozen=True, slots=True)
class Hashing:
    """How much work one guess costs: memory in KiB and passes over it."""

    memory_kib: int = 19_456
    passes: int = 2

    def hash(self, password: str) -> str:
        """Return the encoded Argon2id hash of a password."""
        return _hasher(self.memory_kib, self.passes).hash(normalise(password))

    def verify(self, stored: str | None, password: str) -> bool:
        """True when `password` belongs to `stored`. Without a stored hash it does the same work and says False."""
        hasher = _hasher(self.memory_kib, self.passes)
        try:
            return hasher.verify(stored or _decoy(self.memory_kib, self.passes), normalise(password)) and bool(stored)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False

    def is_outdated(self, stored: str) -> bool:
        """True when `stored` was made with other parameters and should be made again at the next sign-in."""
        return _hasher(self.memory_kib, self.passes).check_needs_rehash(stored)


def normalise(password: str) -> str:
    """Return the one spelling of what a keyboard may send in several ways (NFKC)."""
    return unicodedata.normalize("NFKC", password)


def is_too_long(password: str) -> bool:
    """True over 1,024 bytes: more adds nothing, and hashing megabytes for strangers would."""
    return len(password) > MAX_BYTES or len(password.encode("utf-8", "replace")) > MAX_BYTES


def find_fault(password: str, personal: Iterable[str] = ()) -> Fault | None:
    """Return why `password` may not be used, or None. `personal` holds the address and names its owner goes by."""
    if is_too_long(password):
        return Fault.LONG
    text = normalise(password).casefold()
    if len(text) < MIN_LENGTH:
        return Fault.SHORT
    if not _leaves_enough(text, _COMMON):
        return Fault.COMMON
    if not _leaves_enough(text, (*_COMMON, *_words(personal))):
        return Fault.PERSONAL
    return None


def _leaves_enough(text: str, words: Iterable[str]) -> bool:
    """True when at least four different characters remain once everything guessable has been taken out."""
    known = sorted(words, key=len, reverse=True)
    return all(len(set(_residue(spelling, known))) >= 4 for spelling in (text, _PADDING.sub("", text).translate(_LEET)))


def _residue(text: str, words: Iterable[str]) -> str:
    for word in words:
        text = text.replace(word, "")
    text = _PADDING.sub("", text)
    for row in _ROWS:
        for size in range(min(len(row), len(text)), 2, -1):
            for start in range(len(row) - size + 1):
                text = text.replace(row[start : start + size], "")
    return re.sub(r"[\s\W_]", "", text)


def _words(personal: Iterable[str]) -> list[str]:
    found = (word for text in personal for word in re.split(r"[\W_]+", normalise(text).casefold()))
    return [word for word in found if len(word) >= 3]


@lru_cache(maxsize=8)
def _hasher(memory_kib: int, passes: int) -> argon2.PasswordHasher:
    return argon2.PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)


@lru_cache(maxsize=8)
def _decoy(memory_kib: int, passes: int) -> str:
    return _hasher(memory_kib, passes).hash("nobody has this password")
