"""The door in front of published APIs: who may call, how fast, to which upstream.

Desired state lives in our tables. An adapter makes a gateway agree with it and says when that is true.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class GatewayUnavailable(Exception):
    """The gateway's control side did not answer; the rows stay and the change is tried again."""


@dataclass(frozen=True, slots=True)
class Route:
    """A published API. Calls to `/<path_prefix>/...` go to `upstream_url` plus the rest of the path."""

    api_id: int
    path_prefix: str
    upstream_url: str


@dataclass(frozen=True, slots=True)
class Credential:
    """An admitted API key: the plan of its subscription and what that plan allows.

    `key_text` is only present when a gateway must hold the clear key (Kong) and only at the moment of issue.
    """

    key_id: int
    public_id: str
    key_hash: bytes
    subscription_id: int
    account_id: int
    api_id: int
    requests_per_minute: int | None
    key_text: str | None = None


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key that a gateway holds a copy of, and whether that copy opens its API now."""

    key_id: int
    is_let_in: bool


class Gateway(Protocol):
    """A gateway we steer. `needs_key_text`: `admit` must be given the clear key, which exists only at issue.

    `holds_quotas`: it stops at a number of calls per billing period, so a limit of money can be promised.
    """

    needs_key_text: bool
    holds_quotas: bool

    def publish(self, route: Route) -> None:
        """Make the route known. Safe to repeat. Raises GatewayUnavailable."""
        ...

    def withdraw(self, api_id: int) -> None:
        """Forget the route. Safe to repeat. Raises GatewayUnavailable."""
        ...

    def admit(self, credential: Credential) -> None:
        """Let the key in. Safe to repeat. Raises GatewayUnavailable."""
        ...

    def suspend(self, credential: Credential) -> None:
        """Keep the key, but let it open nothing until admitted again. Safe to repeat. Raises GatewayUnavailable."""
        ...

    def refuse(self, public_id: str) -> None:
        """Stop the key within a second. Safe to repeat. Raises GatewayUnavailable."""
        ...

    def move(self, from_subscription_id: int, to_subscription_id: int) -> None:
        """Let the keys of one subscription count for its successor. Safe to repeat. Raises GatewayUnavailable."""
        ...

    def list_known(self, subscription_id: int | None = None) -> list[KnownKey] | None:
        """Return every key of ours that the gateway holds a copy of, or those of one subscription.

        None means that it keeps no copy: it reads our rows, so there is nothing that could differ. Raises GatewayUnavailable.
        """
        ...

    def is_live(self, route: Route) -> bool:
        """True once the route was seen answering through the proxy itself. Raises GatewayUnavailable."""
        ...
