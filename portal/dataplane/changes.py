"""Hearing about changes: PostgreSQL's own notifications, proven by echo, with Redis as a second, faster voice."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable

import psycopg
import redis.asyncio as redis
import structlog

from portal.dataplane.cache import LeaseCache, Proof, TruthUnavailable
from portal.dataplane.truth import SESSION, Truth
from portal.dataplane.types import Credential, Route

log = structlog.get_logger(__name__)

CHANNEL = "gateway_changes"
ECHO_SECONDS = 0.2
_SILENCE = 1.5  # an echo this late means that the listening connection hears nothing


class Knowledge:
    """The two caches, and what a message does to them."""

    def __init__(self, truth: Truth, proof: Proof, *, outage: float) -> None:
        self.routes: LeaseCache[Route] = LeaseCache(truth.find_route, proof, outage=outage)
        self.credentials: LeaseCache[Credential] = LeaseCache(truth.find_credential, proof, outage=outage)

    def apply(self, message: str) -> None:
        """Forget what `message` names: `key:<public id>`, `account:<id>`, or everything."""
        kind, _, what = message.partition(":")
        if kind == "key":
            self.credentials.drop(what)
        elif kind == "account" and what.isdigit():
            account_id = int(what)
            self.credentials.drop_where(lambda credential: credential.account_id == account_id)
        else:
            self.routes.clear()
            self.credentials.clear()


class Feed:
    """Listens, and proves that it hears.

    A notification sent by ourselves comes back after every notification that was committed before it. So an echo
    proves that all changes up to the moment it was sent have arrived, whatever lies between us and the database.
    """

    def __init__(self, url: str, truth: Truth, proof: Proof, apply: Callable[[str], None]) -> None:
        self._url, self._truth, self._proof, self._apply = url, truth, proof, apply
        self._name = uuid.uuid4().hex
        self._sent: dict[int, float] = {}
        self._count = 0
        self._last_echo = time.monotonic()

    async def listen(self) -> None:
        """Keep a listening connection; after a gap everything known before counts as unproven."""
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(
                    self._url, autocommit=True, options=SESSION, connect_timeout=2
                )
                async with connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    self._sent.clear()
                    self._proof.epoch += 1
                    self._last_echo = time.monotonic()
                    await self._hear(connection)
            except (psycopg.Error, OSError) as problem:
                log.warning("the database's notifications are away", error=f"{type(problem).__name__}: {problem}"[:200])
            await asyncio.sleep(0.25)

    async def _hear(self, connection: psycopg.AsyncConnection) -> None:
        while time.monotonic() - self._last_echo < _SILENCE:
            async for notice in connection.notifies(timeout=0.5):
                if notice.payload.startswith("echo:"):
                    self._recognise(notice.payload)
                else:
                    self._apply(notice.payload)

    def _recognise(self, payload: str) -> None:
        _, name, number = payload.split(":")
        if name != self._name:
            return
        sent_at = self._sent.pop(int(number), None)
        if sent_at is not None:
            self._proof.proven_at, self._last_echo = sent_at, time.monotonic()

    async def call(self) -> None:
        """Send an echo every fifth of a second."""
        while True:
            self._count += 1
            self._sent[self._count] = time.monotonic()
            for old in [n for n in self._sent if n < self._count - 50]:
                del self._sent[old]
            try:
                await self._truth.say(CHANNEL, f"echo:{self._name}:{self._count}")
            except TruthUnavailable as problem:
                log.debug("no echo", error=str(problem)[:200])
            await asyncio.sleep(ECHO_SECONDS)


class RedisHints:
    """Redis pub/sub. What it says is believed (it can only make us forget); its silence means nothing."""

    def __init__(self, url: str, apply: Callable[[str], None]) -> None:
        self._url, self._apply = url, apply
        self.is_up = False

    async def listen(self) -> None:
        """Subscribe for ever; an absent Redis is tried again."""
        while self._url:
            try:
                async with redis.Redis.from_url(
                    self._url, socket_connect_timeout=1, socket_timeout=None, health_check_interval=5
                ) as client:
                    await self._hear(client)
            except (redis.RedisError, OSError, TimeoutError) as problem:
                if self.is_up:
                    log.warning("Redis is away; changes arrive by the database alone", error=type(problem).__name__)
            self.is_up = False
            await asyncio.sleep(1)

    async def _hear(self, client: redis.Redis) -> None:
        async with client.pubsub(ignore_subscribe_messages=True) as subscription:
            await subscription.subscribe(CHANNEL)
            while True:
                message = await subscription.get_message(timeout=2)
                self.is_up = True
                if message and isinstance(message.get("data"), bytes):
                    self._apply(message["data"].decode(errors="replace"))
