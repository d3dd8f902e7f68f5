"""What the simulator keeps: Stripe objects as plain JSON records."""

from typing import Any

Record = dict[str, Any]
"""One Stripe object as it travels on the wire, plus an optional ``_private`` dictionary that never leaves us."""


def private(record: Record) -> Record:
    """The part of a record only the simulator sees; created on first use."""
    kept: Record = record.setdefault("_private", {})
    return kept


def listing(data: list[Record], url: str, has_more: bool = False) -> Record:
    """Stripe's envelope for a list."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}
