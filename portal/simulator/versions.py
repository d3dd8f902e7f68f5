"""Event payloads at older API versions: the differences that matter to a billing portal.

An endpoint receives events in the shape of its own ``api_version``. The simulator speaks the current version; for an
endpoint pinned to one before 2025-03-31 it puts back the fields that version moved, so that a receiver's handling of
foreign versions can be tried. Other differences are not rendered (``docs/simulator.md``).
"""

from portal.simulator import API_VERSION
from portal.simulator.records import Record

BASIL = "2025-03-31"


def rendered_at(event: Record, version: str) -> Record:
    """The event (a copy that may be changed) as an endpoint of this version expects it."""
    if version == API_VERSION:
        return event
    event["api_version"] = version
    if version[:10] < BASIL:
        thing = event["data"]["object"]
        older = _OLDER.get(thing.get("object", ""))
        if older is not None:
            older(thing)
    return event


def _subscription(record: Record) -> None:
    periods = record["items"]["data"]
    record["current_period_start"] = min(item["current_period_start"] for item in periods)
    record["current_period_end"] = min(item["current_period_end"] for item in periods)
    for item in periods:
        del item["current_period_start"], item["current_period_end"]


def _invoice(record: Record) -> None:
    details = (record.pop("parent") or {}).get("subscription_details") or {}
    record["subscription"] = details.get("subscription")
    record["paid"] = record["status"] == "paid"
    record["tax"] = None


_OLDER = {"subscription": _subscription, "invoice": _invoice}
