"""Making the gateway agree with the rows. Each function is a reaction's work: safe to repeat, in any order.

The rows are read first, the gateway is told with no transaction open, and what it said is written afterwards.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select, update

from portal.db import SYSTEM, scoped, transaction
from portal.gateway.errors import TextGone
from portal.gateway.models import ApiKey
from portal.gateway.queries import find_credential, find_route, list_ended, list_expired, list_supported
from portal.gateway.rules import unsealed
from portal.kit.clock import Clock
from portal.outbox.service import Pending
from portal.ports.gateway import Gateway, GatewayUnavailable


def admit(key_id: int, gateway: Gateway, *, clock: Clock, pepper: bytes) -> None:
    """Let a key in. A key revoked meanwhile is left out. Raises Pending while the gateway is away."""
    with scoped(SYSTEM) as session:
        credential = find_credential(key_id)
        sealed_text = session.scalar(select(ApiKey.sealed_text).where(ApiKey.id == key_id))
    if credential is None:
        return
    text = unsealed(bytes(sealed_text), pepper) if sealed_text else None
    if text is None and gateway.needs_key_text:
        raise TextGone(f"key {key_id} was issued without keeping its text for the gateway")
    try:
        gateway.admit(replace(credential, key_text=text))
    except GatewayUnavailable as problem:
        raise Pending(str(problem)) from problem
    with transaction(SYSTEM) as session:
        session.execute(
            update(ApiKey)
            .where(ApiKey.id == key_id, ApiKey.admitted_at.is_(None))
            .values(admitted_at=clock.now(), sealed_text=None)
        )


def agree(account_id: int, gateway: Gateway, *, clock: Clock) -> None:
    """Admit or suspend an account's keys as its entitlements say. Raises Pending while the gateway is away."""
    with scoped(SYSTEM):
        keys = list_supported(account_id, clock.now())
    try:
        # One subscription may have several keys and one door: what is supported is said last.
        for credential, is_supported in sorted(keys, key=lambda each: each[1]):
            (gateway.admit if is_supported else gateway.suspend)(credential)
    except GatewayUnavailable as problem:
        raise Pending(str(problem)) from problem


def suspend_ended(gateway: Gateway, *, clock: Clock, looking_back: timedelta) -> int:
    """Stop keys whose support or whose own time ran out; return how many. Our own gateway sees both without being told."""
    if not gateway.needs_key_text:
        return 0
    now = clock.now()
    with scoped(SYSTEM):
        ended, expired = list_ended(now - looking_back, now), list_expired(now - looking_back, now)
    for credential in ended:
        gateway.suspend(credential)
    for public_id in expired:
        gateway.refuse(public_id)
    return len(ended) + len(expired)


def refuse(public_id: str, gateway: Gateway) -> None:
    """Stop a key. Raises Pending while the gateway is away."""
    try:
        gateway.refuse(public_id)
    except GatewayUnavailable as problem:
        raise Pending(str(problem)) from problem


def move(from_subscription_id: int, to_subscription_id: int, gateway: Gateway) -> None:
    """Let what was admitted for one subscription count for its successor. Raises Pending while the gateway is away."""
    try:
        gateway.move(from_subscription_id, to_subscription_id)
    except GatewayUnavailable as problem:
        raise Pending(str(problem)) from problem


def publish(api_id: int, gateway: Gateway) -> None:
    """Make the route of an API live, or withdraw it when it is no longer published.

    Raises Pending until it was seen answering through the gateway itself: "published" is never said before.
    """
    with scoped(SYSTEM):
        route = find_route(api_id)
    try:
        if route is None:
            gateway.withdraw(api_id)
            return
        gateway.publish(route)
        if not gateway.is_live(route):
            raise Pending(f"api {api_id} is not live yet")
    except GatewayUnavailable as problem:
        raise Pending(str(problem)) from problem
