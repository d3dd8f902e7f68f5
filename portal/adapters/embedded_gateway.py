"""The gateway that ships with the product. It reads the database itself; we only make it quicker and watch it."""

from __future__ import annotations

import time
from collections.abc import Callable

import redis
import structlog
import urllib3

from portal.ports.gateway import Credential, GatewayUnavailable, KnownKey, Route

log = structlog.get_logger(__name__)

CHANNEL = "gateway_changes"
_PATIENCE = 3.0  # seconds; it hears of changes within a fraction of one


class EmbeddedGateway:
    """Says over Redis what PostgreSQL says anyway, and asks the gateway itself whether a route answers.

    Redis being away is no fault: the database's own notifications do the work.
    """

    needs_key_text = False
    holds_quotas = True

    def __init__(self, url: str, connection: redis.Redis, *, pause: Callable[[float], None] = time.sleep) -> None:
        self._url, self._redis, self._pause = url.rstrip("/"), connection, pause
        self._http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=1.0, read=3.0), retries=False)

    def publish(self, route: Route) -> None:
        self._hint(f"all:{route.api_id}")
        deadline = time.monotonic() + _PATIENCE
        while not self.is_live(route) and time.monotonic() < deadline:
            self._pause(0.05)

    def withdraw(self, api_id: int) -> None:
        self._hint(f"all:{api_id}")

    def admit(self, credential: Credential) -> None:
        self._hint(f"key:{credential.public_id}")

    def suspend(self, credential: Credential) -> None:
        self._hint(f"account:{credential.account_id}")

    def refuse(self, public_id: str) -> None:
        self._hint(f"key:{public_id}")

    def move(self, from_subscription_id: int, to_subscription_id: int) -> None:
        self._hint(f"all:{from_subscription_id}:{to_subscription_id}")

    def list_known(self, subscription_id: int | None = None) -> list[KnownKey] | None:
        return None

    def is_live(self, route: Route) -> bool:
        """A call without a key is refused with 401 where there is a route, and with 404 where there is none."""
        try:
            answer = self._http.request("GET", f"{self._url}/{route.path_prefix}", redirect=False)
        except urllib3.exceptions.HTTPError as problem:
            raise GatewayUnavailable(f"the gateway does not answer: {type(problem).__name__}") from problem
        if answer.status in (502, 503, 504):
            raise GatewayUnavailable(f"the gateway answers {answer.status}")
        return answer.status != 404

    def _hint(self, message: str) -> None:
        try:
            self._redis.publish(CHANNEL, message)
        except (redis.RedisError, OSError) as problem:
            log.info("no hint to the gateway; the database tells it", error=type(problem).__name__)
