"""Kong through its Admin API (3.6 to 3.9): desired state written with ids that follow from ours.

Every object carries the tag `portal`; ids are name-based UUIDs, so writing is a PUT that may be repeated and nothing
has to be looked up first. A consumer stands for one subscription: its rate limit is the plan's, whichever key is used.
The facts behind each choice: docs/gateway.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import orjson
import urllib3

from portal.kit.stable_ids import stable_uuid
from portal.ports.gateway import Credential, GatewayUnavailable, KnownKey, Route

TAG = "portal"
KEY_NAMES = ["apikey", "X-API-Key"]
_MAX_BODY_MEGABYTES = 10


class KongRefused(RuntimeError):
    """Kong will never accept this object; trying again is pointless until somebody changes it."""


class KongGateway:
    """Routes as services with plugins, subscriptions as consumers, keys as key-auth credentials.

    Kong keeps keys in clear text: its Admin API must not be reachable by anybody but us.
    """

    needs_key_text = True
    holds_quotas = False  # its counters know calendar months, not billing periods, and start over with each node

    def __init__(self, admin_url: str, proxy_url: str, *, log_url: str, log_token: str) -> None:
        self._admin, self._proxy = admin_url.rstrip("/"), proxy_url.rstrip("/")
        self._log_url, self._log_token = log_url, log_token
        self._http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=2.0, read=10.0), retries=False)

    def publish(self, route: Route) -> None:
        api, tags = route.api_id, [TAG, f"api:{route.api_id}"]
        upstream = urlsplit(route.upstream_url)
        service_id = _id("service", api)
        self._put(
            f"/services/{service_id}",
            {
                "name": f"api-{api}",
                "protocol": upstream.scheme,
                "host": upstream.hostname,
                "port": upstream.port or (443 if upstream.scheme == "https" else 80),
                "path": upstream.path.rstrip("/") or None,
                "tags": tags,
            },
        )
        for name, config in _service_plugins(api).items():
            plugin = {"name": name, "service": {"id": service_id}, "config": config, "tags": tags}
            self._put(f"/plugins/{_id(f'plugin:{name}', api)}", plugin)
        self._put(
            f"/routes/{_id('route', api)}",
            {
                "name": f"api-{api}",
                "paths": [f"/{route.path_prefix}"],
                "protocols": ["http", "https"],
                "strip_path": True,
                "preserve_host": False,
                "request_buffering": False,
                "response_buffering": False,
                "service": {"id": service_id},
                "tags": tags,
            },
        )
        self._log_everything()

    def withdraw(self, api_id: int) -> None:
        # Kong refuses to delete a service that still has routes; its plugins go with it.
        self._delete(f"/routes/{_id('route', api_id)}")
        self._delete(f"/services/{_id('service', api_id)}")

    def admit(self, credential: Credential) -> None:
        subscription, tags = credential.subscription_id, [TAG, f"sub:{credential.subscription_id}"]
        consumer = self._consumer_of(subscription) or _id("consumer", subscription)
        self._put(
            f"/consumers/{consumer}",
            {"username": f"sub-{subscription}", "custom_id": str(subscription), "tags": tags},
        )
        group = f"api-{credential.api_id}"
        self._put(f"/consumers/{consumer}/acls/{_id('acl', f'{consumer}:{group}')}", {"group": group, "tags": tags})
        self._limit(consumer, subscription, credential.requests_per_minute)
        if credential.key_text is not None:
            key = {"key": credential.key_text, "tags": [*tags, f"key:{credential.key_id}"]}
            self._put(f"/consumers/{consumer}/key-auth/{_id('credential', credential.public_id)}", key)

    def suspend(self, credential: Credential) -> None:
        # Leaving the group keeps the credential, whose text could not be given to Kong a second time.
        consumer = self._consumer_of(credential.subscription_id)
        if consumer is not None:
            group = f"api-{credential.api_id}"
            self._delete(f"/consumers/{consumer}/acls/{_id('acl', f'{consumer}:{group}')}")

    def refuse(self, public_id: str) -> None:
        credential = _id("credential", public_id)
        owner = self._ask("GET", f"/key-auths/{credential}/consumer", accept=(200, 404))
        if owner:
            self._delete(f"/consumers/{owner['id']}/key-auth/{credential}")

    def move(self, from_subscription_id: int, to_subscription_id: int) -> None:
        consumer = self._consumer_of(from_subscription_id)
        if consumer is None:
            return
        tags = [TAG, f"sub:{to_subscription_id}"]
        name = {"username": f"sub-{to_subscription_id}", "custom_id": str(to_subscription_id), "tags": tags}
        self._put(f"/consumers/{consumer}", name)

    def list_known(self, subscription_id: int | None = None) -> list[KnownKey] | None:
        below = ""
        if subscription_id is not None:
            consumer = self._consumer_of(subscription_id)
            if consumer is None:
                return []
            below = f"/consumers/{consumer}"
        let_in = {each["consumer"]["id"] for each in self._each(f"{below}/acls")}
        keys = list(self._each(f"{below}/key-auth" if below else "/key-auths"))
        return [KnownKey(number, each["consumer"]["id"] in let_in) for each in keys if (number := _key_of(each))]

    def is_live(self, route: Route) -> bool:
        try:
            answer = self._http.request("GET", f"{self._proxy}/{route.path_prefix}", redirect=False)
        except urllib3.exceptions.HTTPError as problem:
            raise GatewayUnavailable(f"Kong's proxy does not answer: {type(problem).__name__}") from problem
        return answer.status != 404

    def _each(self, path: str) -> Iterator[dict[str, Any]]:
        """Yield every object of ours in a list, page after page."""
        following: str | None = f"{path}?tags={TAG}&size=1000"
        while following:
            page = self._ask("GET", following) or {}
            yield from page.get("data", [])
            following = page.get("next")

    def _consumer_of(self, subscription_id: int) -> str | None:
        # Kong ignores `?username=` but not `?custom_id=`. After `move` the consumer is older than its subscription.
        found = self._ask("GET", f"/consumers?custom_id={subscription_id}")
        matches = [each for each in (found or {}).get("data", []) if each.get("custom_id") == str(subscription_id)]
        return str(matches[0]["id"]) if matches else None

    def _limit(self, consumer: str, subscription_id: int, per_minute: int | None) -> None:
        path = f"/plugins/{_id('plugin:rate-limiting', consumer)}"
        if per_minute is None:
            self._delete(path)
            return
        config = {"minute": per_minute, "policy": "local", "limit_by": "consumer", "hide_client_headers": False}
        tags = [TAG, f"sub:{subscription_id}"]
        self._put(path, {"name": "rate-limiting", "consumer": {"id": consumer}, "config": config, "tags": tags})

    def _log_everything(self) -> None:
        # One instance for everything: instances with one endpoint share a queue, and the last one's headers win.
        if not self._log_url:
            return
        config = {
            "http_endpoint": self._log_url,
            "headers": {"X-Gateway-Token": self._log_token},
            "queue": {"max_batch_size": 100, "max_coalescing_delay": 1, "max_entries": 100_000, "max_retry_time": 3600},
        }
        self._put(f"/plugins/{_id('plugin:http-log', 'all')}", {"name": "http-log", "config": config, "tags": [TAG]})

    def _put(self, path: str, body: dict[str, Any]) -> None:
        self._ask("PUT", path, {name: value for name, value in body.items() if value is not None})

    def _delete(self, path: str) -> None:
        # A missing object answers 204 at the top level and 404 below a consumer: both mean that it is gone.
        self._ask("DELETE", path, accept=(204, 404))

    def _ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, accept: tuple[int, ...] = (200, 201)
    ) -> dict[str, Any] | None:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        raw = orjson.dumps(body) if body is not None else None
        try:
            answer = self._http.request(method, self._admin + path, body=raw, headers=headers)
        except urllib3.exceptions.HTTPError as problem:
            raise GatewayUnavailable(f"Kong's Admin API does not answer: {type(problem).__name__}") from problem
        if answer.status >= 500 or answer.status in (408, 429):
            raise GatewayUnavailable(f"Kong answers {answer.status} to {method} {path}")
        if answer.status not in accept:
            raise KongRefused(f"{method} {path}: {answer.status} {answer.data[:500].decode(errors='replace')}")
        return orjson.loads(answer.data) if answer.status in (200, 201) and answer.data else None


def _key_of(credential: dict[str, Any]) -> int | None:
    """Return the number of our key that a credential's tags name."""
    named = [tag.removeprefix("key:") for tag in credential.get("tags") or [] if tag.startswith("key:")]
    return int(named[0]) if named and named[0].isdigit() else None


def _id(kind: str, key: object) -> str:
    return str(stable_uuid(kind, key))


def _service_plugins(api_id: int) -> dict[str, dict[str, Any]]:
    """Return the plugins of every service. Without acl, any consumer's key would open every API."""
    return {
        "key-auth": {"key_names": KEY_NAMES, "hide_credentials": True, "key_in_query": False, "key_in_body": False},
        "acl": {"allow": [f"api-{api_id}"], "hide_groups_header": True},
        "request-size-limiting": {"allowed_payload_size": _MAX_BODY_MEGABYTES},
        "cors": {"origins": ["*"], "credentials": False, "max_age": 3600},
    }
