"""What an app may be given, and where hosted pages may send people back to. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from portal.projects.types import SCOPES, KeyState

MOST_ORIGINS = 20
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$")
_THREE = re.compile(r"[^\W_]{3}")
_LOCAL = ("localhost", "127.0.0.1")


class NotAnOrigin(ValueError):
    """The text is no `scheme://host[:port]` that people may be sent to; the message says what to change."""


def origin_of(address: str, *, insecure: bool) -> str:
    """Return the origin of an address: scheme, host and port, lower case, the scheme's own port left out.

    `https` only; `http` also where `insecure` says so (development) and for this machine. Raises NotAnOrigin.
    """
    try:
        parts = urlsplit(address.strip())
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise NotAnOrigin("This is not a web address.") from None
    if parts.scheme not in ("https", "http") or not _HOST.match(host):
        raise NotAnOrigin("Write it as https://app.example.com.")
    if parts.username is not None or parts.password is not None:
        raise NotAnOrigin("Leave the name and password out.")
    if parts.scheme == "http" and not insecure and host not in _LOCAL:
        raise NotAnOrigin("Use https; http is for this machine only.")
    usual = {"https": 443, "http": 80}[parts.scheme]
    return f"{parts.scheme}://{host}" + ("" if port in (None, usual) else f":{port}")


def is_allowed(address: str, origins: Iterable[str]) -> bool:
    """True when an address lies on one of an app's origins. The origin decides, never a prefix of the text."""
    if re.search(r"[\x00-\x20\\]", address):
        return False  # browsers read a backslash as a slash, and drop line breaks: the host would be another one
    try:
        return origin_of(address, insecure=True) in set(origins)
    except NotAnOrigin:
        return False


def unknown_scopes(scopes: Sequence[str]) -> list[str]:
    """Return the scopes that do not exist."""
    return [scope for scope in scopes if scope not in SCOPES]


def serves_inside(words: str) -> bool:
    """True when a trigram index serves these words wherever they stand: three letters or digits in a row."""
    return _THREE.search(words) is not None


def has_letters(words: str) -> bool:
    """True when there is a letter or digit, without which no trigram index serves anything."""
    return any(one.isalnum() for one in words)


def like_pattern(words: str) -> str:
    """Return what `ILIKE` compares with to find words anywhere, taken as they are."""
    return "%" + re.sub(r"([\\%_])", r"\\\1", words) + "%"


def word_start_pattern(words: str) -> str:
    """Return the regular expression that finds words where a word begins: that a trigram index serves for any length."""
    return r"(^|[ _.,:;@/+-])" + re.sub(r"([^\w\s])", r"\\\1", words)


def key_state(expires_at: datetime | None, revoked_at: datetime | None, now: datetime) -> KeyState:
    """Return how a key stands at `now`; `expires_at` is exclusive."""
    if revoked_at is not None:
        return "revoked"
    if expires_at is None:
        return "lasting"
    return "ending" if now < expires_at else "expired"
