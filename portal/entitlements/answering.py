"""What an integrator is told about somebody's rights, and how long that may be believed.

PostgreSQL is the truth. Redis remembers two things: which version an account's rights have (for a few seconds, raised by
every change) and what the answer was at a version (at most a minute, never across a boundary of a right). A lost
notice therefore costs at most `VERSION_TTL`; Redis being away costs nothing but speed.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

import orjson
import redis
import structlog

from portal.db import SYSTEM, scoped
from portal.entitlements.queries import Held, read_rights
from portal.entitlements.remembering import REMEMBERED
from portal.entitlements.rules import union
from portal.entitlements.types import Grant, Right
from portal.kit.clock import isoformat_z
from portal.projects.queries import find_external

log = structlog.get_logger(__name__)
VERSION_TTL = timedelta(seconds=4)
ANSWER_TTL = timedelta(seconds=60)
NO_TTL = timedelta(seconds=4)  # somebody who has just paid is waiting
AWAY_FOR = 5.0  # seconds in which Redis is not asked again after it did not answer

# A later version never gives way to an earlier one, in whatever order notices arrive.
_RAISE = """
local held = redis.call('GET', KEYS[1])
if held and tonumber(string.match(held, ':(%d+)$')) > tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ':' .. ARGV[2], 'PX', ARGV[3])
return 1
"""


# When Redis may be asked again after it did not answer, by connection.
_AWAY_UNTIL: WeakKeyDictionary[redis.Redis, float] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Memory:
    """Redis as a hint: whatever goes wrong with it, the answer comes from the database."""

    connection: redis.Redis

    def find(self, project_id: int, external_id: str) -> bytes | None:
        """Return the remembered answer at the remembered version, None when either is not there."""
        found: bytes | None = self._try(lambda: self._find(project_id, external_id))
        return found

    def keep(self, project_id: int, external_id: str, held: Held, body: bytes, lasts: timedelta) -> None:
        """Remember an answer, and the version it belongs to."""
        if lasts > timedelta(0):
            self._try(lambda: self._keep(project_id, external_id, held, body, lasts))

    def raise_version(self, project_id: int, external_id: str, account_id: int, version: int) -> None:
        """Let answers of earlier versions no longer be found, here at once and elsewhere by Redis."""
        REMEMBERED.forget((project_id, external_id))
        self._try(lambda: self._raise(_version_key(project_id, external_id), account_id, version))

    def _find(self, project_id: int, external_id: str) -> bytes | None:
        named: Any = self.connection.get(_version_key(project_id, external_id))
        found: Any = None if named is None else self.connection.get(b"ent:" + named)
        return found if isinstance(found, bytes) else None

    def _keep(self, project_id: int, external_id: str, held: Held, body: bytes, lasts: timedelta) -> None:
        self.connection.set(f"ent:{held.account_id}:{held.version}", body, px=lasts)
        self._raise(_version_key(project_id, external_id), held.account_id or 0, held.version)

    def _raise(self, key: str, account_id: int, version: int) -> None:
        self.connection.eval(
            _RAISE, 1, key, str(account_id), str(version), str(VERSION_TTL // timedelta(milliseconds=1))
        )

    def _try(self, act: Callable[[], Any]) -> Any:
        if time.monotonic() < _AWAY_UNTIL.get(self.connection, 0.0):
            return None
        try:
            return act()
        except (redis.RedisError, OSError) as problem:
            _AWAY_UNTIL[self.connection] = time.monotonic() + AWAY_FOR
            log.warning("entitlement cache is away", error=repr(problem)[:200])
            return None


def answer(
    project_id: int, external_id: str, *, now: datetime, memory: Memory | None, feature_code: str | None = None
) -> dict[str, Any]:
    """Return what somebody may use now. `as_of` of the past is for `answer_at`."""
    remembered = memory.find(project_id, external_id) if memory else None
    body: dict[str, Any] | None = None if remembered is None else orjson.loads(remembered)
    if body is None or not is_steady(body, now):
        held = read_rights(project_id, external_id)
        body = _body(held, now)
        if memory and held.account_id is not None:
            memory.keep(project_id, external_id, held, orjson.dumps(body), lasting(body, now))
    return _only(body, feature_code)


def is_steady(body: Mapping[str, Any], now: datetime) -> bool:
    """True while nothing about an answer can have changed by itself."""
    until = body["steady_until"]
    return until is None or now < datetime.fromisoformat(until)


def lasting(body: Mapping[str, Any], now: datetime) -> timedelta:
    """Return how long an answer may be remembered: to the next boundary of a right at most, and "no" for a moment."""
    longest = ANSWER_TTL if body["entitlements"] else NO_TTL
    until = body["steady_until"]
    return longest if until is None else min(longest, datetime.fromisoformat(until) - now)


def forget_answers(account_id: int, version: int, connection: redis.Redis) -> None:
    """Let answers of earlier versions of an account's rights no longer be found."""
    with scoped(SYSTEM):
        who = find_external(account_id)
    if who is not None:
        Memory(connection).raise_version(*who, account_id, version)


def answer_at(project_id: int, external_id: str, at: datetime, *, feature_code: str | None = None) -> dict[str, Any]:
    """Return what somebody could use at an instant, as the rows say now. Never remembered."""
    return _only(_body(read_rights(project_id, external_id), at), feature_code)


def _body(held: Held, at: datetime) -> dict[str, Any]:
    live = [grant for grant in held.grants if grant.holds(at)]
    until = _steady_until(held, at)
    return {
        "entitlements": [_entitlement(grant, held.names[grant.feature_id][0]) for grant in live],
        "features": [_feature(right) for right in union(held.grants, held.names, at)],
        "version": held.version,
        "as_of": isoformat_z(at),
        "steady_until": isoformat_z(until) if until else None,
    }


def _entitlement(grant: Grant, code: str) -> dict[str, Any]:
    return {
        "feature_code": code,
        "active": True,
        "source": grant.source,
        "source_id": grant.id if grant.source == "manual" else grant.source_id,
        "valid_from": isoformat_z(grant.valid_from),
        "valid_to": isoformat_z(grant.valid_to) if grant.valid_to else None,
        "quantity": None if grant.quantity is None else format(grant.quantity.normalize(), "f"),
    }


def _feature(right: Right) -> dict[str, Any]:
    return {
        "feature_code": right.code,
        "active": True,
        "quantity": None if right.quantity is None else format(right.quantity.normalize(), "f"),
        "sources": list(right.sources),
        "until": isoformat_z(right.until) if right.until else None,
    }


def _steady_until(held: Held, at: datetime) -> datetime | None:
    """Return the next instant at which a right begins or ends by itself."""
    edges = [edge for grant in held.grants for edge in (grant.valid_from, grant.valid_to) if edge and edge > at]
    return min(edges, default=None)


def _only(body: dict[str, Any], feature_code: str | None) -> dict[str, Any]:
    if feature_code is None:
        return body
    kept = {
        name: [one for one in body[name] if one["feature_code"] == feature_code]
        for name in ("entitlements", "features")
    }
    return {**body, **kept}


def _version_key(project_id: int, external_id: str) -> str:
    return f"entver:{project_id}:{hashlib.sha256(external_id.encode()).hexdigest()[:32]}"
