"""Deliveries: events posted to endpoints, signed as Stripe signs them, tried again until an endpoint answers 2xx."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import logging
import random
import sqlite3
from functools import partial

import aiohttp

from portal.simulator import API_VERSION
from portal.simulator.faults import Faults
from portal.simulator.records import Record, private
from portal.simulator.versions import rendered_at
from portal.simulator.world import World, public

log = logging.getLogger("portal.simulator")
RETRY_AFTER = (2, 5, 15, 60, 300, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600, 12 * 3600, 24 * 3600)
"""Seconds between tries, then no more: about three days in all, quick at first so that a demo need not wait."""
ANSWER_WITHIN = 10.0
AT_ONCE = 8
LONGEST_PAUSE = 3600.0


def sign(payload: bytes, secrets: list[str], timestamp: int) -> str:
    """The ``Stripe-Signature`` header: one ``v1`` for every secret that is valid now."""
    signed = str(timestamp).encode() + b"." + payload
    values = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={timestamp}", *(f"v1={value}" for value in values)])


class Courier:
    """Takes due deliveries from the store and brings them to their endpoints, until told to stop."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._world, self._faults = world, faults
        self._bell = asyncio.Event()
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._session: aiohttp.ClientSession | None = None
        self._random = random.Random()

    def ring(self) -> None:
        """Something may be due now."""
        self._bell.set()

    async def run(self) -> None:
        """Deliver for ever; cancel to stop."""
        timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN)
        async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as self._session:
            while True:
                self._bell.clear()
                self.start_due()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._bell.wait(), self._pause())

    def _pause(self) -> float:
        """Seconds until the next delivery that is not under way; landing ones ring the bell themselves."""
        query = "SELECT seq, due FROM deliveries WHERE state = 'pending' ORDER BY due LIMIT ?"
        rows = self._world.store.connection.execute(query, (AT_ONCE + 1,)).fetchall()
        waiting = [float(row["due"]) for row in rows if row["seq"] not in self._under_way]
        if not waiting or self._faults.paused or len(self._under_way) >= AT_ONCE:
            return LONGEST_PAUSE
        return min(LONGEST_PAUSE, max(0.01, waiting[0] - self._world.clock.real()))

    def start_due(self, *, even_if_paused: bool = False) -> list[asyncio.Task[None]]:
        """Start every delivery whose time has come; returns the tasks started."""
        if self._faults.paused and not even_if_paused:
            return []
        room = AT_ONCE - len(self._under_way)
        rows = self._world.store.connection.execute(
            "SELECT * FROM deliveries WHERE state = 'pending' AND due <= ? ORDER BY due, seq LIMIT ?",
            (self._world.clock.real(), max(0, room) + len(self._under_way)),
        ).fetchall()
        started = []
        for row in rows:
            if row["seq"] in self._under_way or len(self._under_way) >= AT_ONCE:
                continue
            task = asyncio.create_task(self._deliver(row))
            self._under_way[row["seq"]] = task
            task.add_done_callback(partial(self._landed, int(row["seq"])))
            started.append(task)
        return started

    def _landed(self, seq: int, _: asyncio.Task[None]) -> None:
        self._under_way.pop(seq, None)
        self._bell.set()

    async def drain(self) -> None:
        """Deliver everything pending now, waiting or not, once each; answers when all of them have been tried."""
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
        with self._world.store.transaction():
            self._world.store.connection.execute("UPDATE deliveries SET due = 0 WHERE state = 'pending'")
        while tasks := self.start_due(even_if_paused=True):
            await asyncio.gather(*tasks, *self._under_way.values(), return_exceptions=True)

    async def _deliver(self, row: sqlite3.Row) -> None:
        event = self._world.store.find("event", row["event"])
        endpoint = self._world.store.find("webhook_endpoint", row["endpoint"])
        if event is None or endpoint is None or endpoint.get("deleted") or endpoint["status"] != "enabled":
            self._note(row, "abandoned", None, "the endpoint is gone or disabled")
            return
        copies = 1
        fault = self._faults.take_delivery(row["type"])
        if fault is not None and fault.kind in ("delay", "reorder"):
            spread = fault.seconds if fault.kind == "delay" else self._random.uniform(0, fault.seconds)
            self._postpone(row, spread)
            return
        if fault is not None and fault.kind == "fail":
            self._note(row, "failed", None, "failed on request")
            return
        if fault is not None and fault.kind == "drop":
            self._later(row, None, "dropped on request")
            return
        if fault is not None and fault.kind == "duplicate":
            copies = 2
        for _ in range(copies):
            status, error = await self._post(event, endpoint)
        if status is not None and 200 <= status < 300:
            self._note(row, "delivered", status, None)
        else:
            self._later(row, status, error)

    async def _post(self, event: Record, endpoint: Record) -> tuple[int | None, str | None]:
        if self._session is None:
            return None, "not running"
        event["pending_webhooks"] = self._world.store.undelivered(event["id"])
        body = rendered_at(public(event), endpoint["api_version"] or API_VERSION)
        payload = json.dumps(body, indent=2).encode()
        now = self._world.clock.real()
        valid = [
            entry["secret"] for entry in private(endpoint)["secrets"] if entry["until"] is None or entry["until"] > now
        ]
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": sign(payload, valid, int(now)),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        try:
            async with self._session.post(
                endpoint["url"], data=payload, headers=headers, allow_redirects=False
            ) as answer:
                return answer.status, None if 200 <= answer.status < 300 else f"answered {answer.status}"
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return None, f"{type(error).__name__}: {error}"[:200]

    def _note(self, row: sqlite3.Row, state: str, status: int | None, error: str | None) -> None:
        now = self._world.clock.real()
        with self._world.store.transaction():
            self._world.store.connection.execute(
                "UPDATE deliveries SET state = ?, attempts = attempts + 1, last_status = ?, last_error = ?, "
                "delivered_at = ? WHERE seq = ?",
                (state, status, error, now if state == "delivered" else None, row["seq"]),
            )

    def _later(self, row: sqlite3.Row, status: int | None, error: str | None) -> None:
        tries = row["attempts"]
        if tries >= len(RETRY_AFTER):
            self._note(row, "failed", status, error)
            return
        due = self._world.clock.real() + RETRY_AFTER[tries]
        log.info("delivery %s of %s failed (%s), next try in %s s", row["seq"], row["type"], error, RETRY_AFTER[tries])
        with self._world.store.transaction():
            self._world.store.connection.execute(
                "UPDATE deliveries SET attempts = attempts + 1, last_status = ?, last_error = ?, due = ? WHERE seq = ?",
                (status, error, due, row["seq"]),
            )

    def _postpone(self, row: sqlite3.Row, seconds: float) -> None:
        with self._world.store.transaction():
            self._world.store.connection.execute(
                "UPDATE deliveries SET due = ? WHERE seq = ?", (self._world.clock.real() + seconds, row["seq"])
            )
