"""What the gateway knows about a route and a key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from yarl import URL

from portal.kit.money import Money
from portal.kit.periods import Interval, Period, period_containing


@dataclass(frozen=True, slots=True)
class Route:
    """A published API. `service` and `log_route` are its log objects as JSON, made once.

    `is_blocked` when operators of the marketplace keep it shut: then it is known only so that callers are told.
    """

    api_id: int
    prefix: str
    upstream: URL
    service: Any
    log_route: Any
    is_blocked: bool = False


@dataclass(frozen=True, slots=True)
class Credential:
    """A key that is not revoked, and what supports it. Instants are aware UTC.

    `valid_from` is None when no entitlement supports the key. `quota` is the number of calls per period after which
    calls are refused; None when they go on (billed, or unlimited). `spending_limit` is the buyer's own, when that is what
    `quota` stands for, and None when the plan refuses sooner. `is_counted` is True when a period's calls matter.
    """

    key_id: int
    public_id: str
    key_hash: bytes
    expires_at: datetime | None
    account_id: int
    subscription_id: int
    api_id: int
    plan_code: str
    requests_per_minute: int | None
    quota: int | None
    spending_limit: Money | None
    is_counted: bool
    valid_from: datetime | None
    valid_to: datetime | None
    period: Period
    anchor_at: datetime
    interval: Interval
    interval_count: int
    consumer_id: str
    credential_id: str
    consumer: Any

    def period_at(self, instant: datetime) -> Period:
        """Return the billing period that holds `instant`, also when the renewal has not been recorded yet."""
        if instant in self.period:
            return self.period
        return period_containing(self.anchor_at, instant, self.interval, self.interval_count)


class Decision(StrEnum):
    """What became of a call; the log keeps it."""

    ADMITTED = "admitted"
    PREFLIGHT = "preflight"
    NO_ROUTE = "no-route"
    API_BLOCKED = "api-blocked"
    NO_KEY = "no-key"
    KEY_IN_QUERY = "key-in-query"
    BAD_KEY = "bad-key"
    WRONG_API = "wrong-api"
    NOT_ENTITLED = "not-entitled"
    RATE_LIMITED = "rate-limited"
    QUOTA_EXCEEDED = "quota-exceeded"
    SPENDING_LIMIT = "spending-limit-reached"
    TOO_LARGE = "too-large"
    BAD_REQUEST = "bad-request"
    SLOW_CLIENT = "slow-client"
    CLIENT_LEFT = "client-left"
    UPSTREAM_FAILED = "upstream-failed"
    UPSTREAM_TIMEOUT = "upstream-timeout"
    UNAVAILABLE = "unavailable"
