"""The simulated account: state, time, and the events that tell the outside what changed."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from portal.simulator import API_VERSION
from portal.simulator.billing.agenda import next_due
from portal.simulator.clock import SimulatorClock
from portal.simulator.identifiers import new_id
from portal.simulator.records import Record
from portal.simulator.store import Store


@dataclass
class Origin:
    """The API request that caused a change; empty for what time or a hosted page caused."""

    request: str | None = None
    idempotency_key: str | None = None


@dataclass
class World:
    """Everything an operation may touch. All of it runs inside one store transaction."""

    store: Store
    clock: SimulatorClock
    public_url: str
    origin: Origin = field(default_factory=Origin)
    _moments: dict[str | None, int] = field(default_factory=dict)

    def now(self, test_clock: str | None = None) -> int:
        """Seconds since 1970 for objects of this test clock, or of the account itself."""
        if test_clock in self._moments:
            return self._moments[test_clock]
        if test_clock is not None:
            frozen = self.store.find("test_helpers.test_clock", test_clock)
            if frozen is not None and not frozen.get("deleted"):
                return int(frozen["frozen_time"])
        return self.clock.now()

    @contextmanager
    def at(self, moment: int, test_clock: str | None) -> Iterator[None]:
        """Let work for this clock happen at ``moment``: a renewal is dated when it fell due, not when noticed."""
        before = dict(self._moments)
        self._moments[test_clock] = moment
        try:
            yield
        finally:
            self._moments = before

    def save(self, record: Record, event: str | None = None) -> Record:
        """Keep the record and, when ``event`` is named, announce the change with what it was before."""
        old = self.store.find(record["object"], record["id"])
        self.store.put(record)
        self.store.schedule(record["id"], clock_of(record), next_due(record))
        if event is not None:
            changed = previous_attributes(old, record) if old is not None and event.endswith("updated") else None
            if changed != {}:
                self.announce(event, record, changed)
        return record

    def announce(self, event: str, record: Record, previous: dict[str, Any] | None = None) -> Record:
        """Record an event with a snapshot of the object and queue it for every endpoint that listens."""
        data: dict[str, Any] = {"object": public(record)}
        if previous is not None:
            data["previous_attributes"] = previous
        created: Record = {
            "id": new_id("event"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now(clock_of(record)),
            "data": data,
            "livemode": False,
            "pending_webhooks": 0,
            "request": {"id": self.origin.request, "idempotency_key": self.origin.idempotency_key},
            "type": event,
        }
        created["pending_webhooks"] = self.send_to_listeners(created)
        self.store.put(created)
        return created

    def send_to_listeners(self, event: Record) -> int:
        """Queue an event for every endpoint that listens to its type; returns for how many."""
        queued = 0
        for endpoint in self.store.newest("webhook_endpoint", oldest_first=True):
            wanted = endpoint["enabled_events"] if endpoint.get("status") == "enabled" else []
            if "*" in wanted or event["type"] in wanted:
                self.store.queue_delivery(event["id"], event["type"], endpoint["id"], self.clock.real())
                queued += 1
        return queued


def clock_of(record: Record) -> str | None:
    """The test clock an object lives on, if any."""
    found = record.get("test_clock") or record.get("_private", {}).get("test_clock")
    return None if found is None else str(found)


def public(record: Any) -> Any:
    """A deep copy without what only the simulator may see."""
    if isinstance(record, dict):
        return {name: public(value) for name, value in record.items() if name != "_private"}
    if isinstance(record, list):
        return [public(value) for value in record]
    return copy.copy(record)


def previous_attributes(old: Record, new: Record) -> dict[str, Any]:
    """What changed, with the values from before, as ``*.updated`` events carry it."""
    changed: dict[str, Any] = {}
    for name in old.keys() | new.keys():
        before, after = old.get(name), new.get(name)
        if name == "_private" or before == after:
            continue
        if name == "metadata" and isinstance(before, dict) and isinstance(after, dict):
            changed[name] = {
                key: before.get(key) for key in before.keys() | after.keys() if before.get(key) != after.get(key)
            }
        else:
            changed[name] = public(before)
    return changed
