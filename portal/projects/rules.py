"""What an app may be given, and where hosted pages may send people back to. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from portal.projects.types import SCOPES, KeyState

MOST_ORIGINS = 20
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$")
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


def key_state(expires_at: datetime | None, revoked_at: datetime | None, now: datetime) -> KeyState:
    """Return how a key stands at `now`; `expires_at` is exclusive."""
    if revoked_at is not None:
        return "revoked"
    if expires_at is None:
        return "lasting"
    return "ending" if now < expires_at else "expired"
