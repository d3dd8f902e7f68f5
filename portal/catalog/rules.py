"""What an upstream, a slug and a state may be. Pure: no network, no clock."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from portal.catalog.errors import UpstreamRefused
from portal.kit.addresses import is_public

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")
LISTED_STATES = ("published", "deprecated")
HIDDEN_STATES = ("draft", "blocked")  # nobody but the provider (and operators) sees such an API
_LONGEST_URL = 2048


def check_upstream(url: str, *, allow_private: bool, resolve: Callable[[str], Sequence[str]]) -> str:
    """Return an upstream address without its trailing slash once it is one the gateway may call.

    http or https, a host, no credentials, query or fragment; and unless `allow_private`, every address that the host
    resolves to is public. Raises UpstreamRefused. The gateway checks again at every connection: names move.
    """
    if len(url) > _LONGEST_URL or any(ord(char) < 33 or ord(char) == 127 or char == "\\" for char in url):
        raise UpstreamRefused("The upstream address has characters that no address has, or is too long.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UpstreamRefused("The upstream address cannot be read.") from None
    if parts.scheme not in ("http", "https") or not host:
        raise UpstreamRefused("The upstream address must start with https:// (or http://) and name a host.")
    if parts.username is not None or parts.password is not None:
        raise UpstreamRefused("Leave user name and password out of the upstream address.")
    if parts.query or parts.fragment:
        raise UpstreamRefused("Leave the query and the fragment out of the upstream address.")
    if port == 0 or "{" in url:
        raise UpstreamRefused("The upstream address still has a placeholder in it.")
    if not allow_private:
        _check_public(host, resolve)
    return url.rstrip("/")


def _check_public(host: str, resolve: Callable[[str], Sequence[str]]) -> None:
    addresses = resolve(host)
    if not addresses:
        raise UpstreamRefused(f"The host {host[:200]} cannot be found.")
    if not all(is_public(address) for address in addresses):
        raise UpstreamRefused(f"The host {host[:200]} is inside a private network, where the gateway may not go.")


def stands_as(facts: Mapping[str, Any], state: str, blocked_at: datetime | None) -> bool:
    """True while an API stands as the operators' act left it that `facts` tell of: shut by that very block, or open.

    `facts` are those of an announcement: `change`, blocked or released, and `since`, when it was shut (ISO 8601).
    """
    if facts["change"] == "blocked":
        return blocked_at == datetime.fromisoformat(facts["since"])
    return state in LISTED_STATES
