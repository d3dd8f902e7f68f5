"""Who may call: the checks in Kong's order, from the route to the quota."""

from __future__ import annotations

from datetime import datetime, timedelta

from aiohttp.web import BaseRequest

from portal.dataplane import refusals
from portal.dataplane.cache import TruthUnavailable
from portal.dataplane.call import Call
from portal.dataplane.changes import Knowledge
from portal.dataplane.config import Config
from portal.dataplane.keys import read_key
from portal.dataplane.limits import MinuteWindows, Quotas
from portal.dataplane.types import Credential, Route
from portal.kit.clock import isoformat_z
from portal.kit.tokens import is_hash_of, public_id_of

_REMEMBERED = 20_000  # verified keys
_NOBODY = bytes(32)


class Admission:
    """Decides about one call. Every no is a Refusal."""

    def __init__(self, config: Config, knowledge: Knowledge, minutes: MinuteWindows, quotas: Quotas) -> None:
        self._config, self._knowledge = config, knowledge
        self._minutes, self._quotas = minutes, quotas
        self._verified: dict[str, Credential] = {}

    async def find_route(self, prefix: str) -> Route:
        """Return the published API of a path."""
        try:
            route = self._knowledge.routes.peek(prefix) or await self._knowledge.routes.get(prefix)
        except TruthUnavailable:
            raise refusals.unavailable("The gateway cannot look up this API right now. Try again shortly.") from None
        if route is None:
            raise refusals.no_route()
        return route

    async def identify(self, request: BaseRequest, query: str, instant: datetime) -> Credential:
        """Return the credential behind the request's key."""
        text = read_key(request, query)
        credentials = self._knowledge.credentials
        verified = self._verified.get(text)
        # What was read anew since is another object, so a verification never outlives what it was made against.
        if verified is not None and credentials.peek(verified.public_id) is verified:
            return _unexpired(verified, instant)
        public_id = public_id_of(text)
        if public_id is None:
            raise refusals.bad_key()
        try:
            credential = credentials.peek(public_id) or await credentials.get(public_id)
        except TruthUnavailable:
            raise refusals.unavailable("The gateway cannot check this key right now. Try again shortly.") from None
        # The hash is made whether or not the key is known, so that the time taken tells nobody which ids exist.
        is_its_own = is_hash_of(text, credential.key_hash if credential else _NOBODY, self._config.pepper)
        if credential is None or not is_its_own:
            raise refusals.bad_key()
        if len(self._verified) >= _REMEMBERED:
            self._verified.clear()
        self._verified[text] = credential
        return _unexpired(credential, instant)

    def entitle(self, credential: Credential, route: Route, instant: datetime) -> None:
        """Refuse a key of another API and one that no entitlement supports at this instant."""
        if credential.api_id != route.api_id:
            raise refusals.wrong_api(self._config.portal_url)
        starts, ends = credential.valid_from, credential.valid_to
        if starts is None or instant < starts or (ends is not None and instant >= ends):
            raise refusals.not_entitled(self._config.portal_url, credential.subscription_id)

    def limit_rate(self, call: Call, credential: Credential) -> None:
        """Count the call in its minute."""
        limit = credential.requests_per_minute
        if limit is None:
            return
        verdict = self._minutes.take(credential.subscription_id, limit, call.instant.timestamp())
        limit_text, remaining = str(limit), str(verdict.remaining)
        call.headers["RateLimit-Limit"] = call.headers["X-RateLimit-Limit-Minute"] = limit_text
        call.headers["RateLimit-Remaining"] = call.headers["X-RateLimit-Remaining-Minute"] = remaining
        call.headers["RateLimit-Reset"] = str(verdict.reset)
        if not verdict.allowed:
            raise refusals.rate_limited(limit, verdict.reset)

    async def use_quota(self, call: Call, credential: Credential) -> None:
        """Book the call in its billing period."""
        try:
            verdict = await self._quotas.take(credential, call.instant)
        except TruthUnavailable:
            raise refusals.unavailable("The gateway cannot check this plan's quota right now.") from None
        if verdict is None:
            return
        resets_at = isoformat_z(verdict.resets_at)
        call.headers["X-Quota-Limit"] = str(verdict.limit)
        call.headers["X-Quota-Remaining"] = str(verdict.remaining)
        call.headers["X-Quota-Reset"] = resets_at
        if not verdict.allowed:
            wait = int(max(timedelta(seconds=1), verdict.resets_at - call.instant).total_seconds())
            until = (verdict.limit, resets_at, wait, self._config.portal_url, credential.subscription_id)
            own = credential.spending_limit
            raise refusals.quota_exceeded(*until) if own is None else refusals.spending_limit_reached(own, *until)


def _unexpired(credential: Credential, instant: datetime) -> Credential:
    if credential.expires_at is not None and instant >= credential.expires_at:
        raise refusals.bad_key()
    return credential
