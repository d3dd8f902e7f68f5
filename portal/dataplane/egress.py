"""Name resolution that hands out only addresses we may connect to."""

from __future__ import annotations

import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from portal.kit.addresses import is_public


class ForbiddenUpstream(OSError):
    """An upstream that lies on this machine or in a private network."""


class GuardedResolver(AbstractResolver):
    """Resolves once and checks every address; the connection is made to exactly the addresses that were checked.

    A name with one private address among public ones is refused as a whole: half an answer is how rebinding starts.
    """

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        if not self._allow_private and not all(is_public(each["host"]) for each in found):
            raise ForbiddenUpstream(f"{host} resolves to an address that is not public")
        return found

    async def close(self) -> None:
        await self._inner.close()


def check_upstream(url: URL, *, allow_private: bool) -> None:
    """Refuse what never asks the resolver: a literal private address, another scheme. Raises ForbiddenUpstream."""
    if url.scheme not in ("http", "https") or not url.host or url.user is not None:
        raise ForbiddenUpstream("the upstream must be a plain http or https address")
    if not allow_private and _is_literal(url.host) and not is_public(url.host):
        raise ForbiddenUpstream(f"{url.host} is not a public address")


def _is_literal(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()
