"""The log of deliveries, for controls and the overview page."""

from typing import Any

from portal.simulator.clock import SimulatorClock
from portal.simulator.store import Store


class DeliveryLog:
    """Reads what was and is to be delivered, and queues one again."""

    def __init__(self, store: Store, clock: SimulatorClock) -> None:
        self._store, self._clock = store, clock

    def counts(self) -> dict[str, int]:
        """How many deliveries are in each state."""
        rows = self._store.connection.execute("SELECT state, count(*) AS n FROM deliveries GROUP BY state")
        return {row["state"]: row["n"] for row in rows}

    def newest(self, limit: int, *, state: str | None = None, event: str | None = None) -> list[dict[str, Any]]:
        """The latest deliveries, newest first."""
        rows = self._store.connection.execute(
            "SELECT * FROM deliveries WHERE (? IS NULL OR state = ?) AND (? IS NULL OR event = ?) "
            "ORDER BY seq DESC LIMIT ?",
            (state, state, event, event, limit),
        )
        return [{"id": row["seq"], **{name: row[name] for name in row.keys() if name != "seq"}} for row in rows]  # noqa: SIM118

    def again(self, number: int) -> bool:
        """Queue a copy of this delivery for now; False when there is none with this number."""
        row = self._store.connection.execute("SELECT * FROM deliveries WHERE seq = ?", (number,)).fetchone()
        if row is None:
            return False
        self._store.queue_delivery(row["event"], row["type"], row["endpoint"], self._clock.real())
        return True
