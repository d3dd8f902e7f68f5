"""Stripe's events as the port's notices, whatever version they were rendered at; imports no SDK.

Of an event only its envelope and its object's id are read. What the envelope does not say is a flaw, said in words;
only what has no id or no type is no event at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from portal.kit.clock import from_timestamp
from portal.ports.billing import Notice

LONGEST = 255


def notice_of(body: Any, *, version: str, now: datetime) -> Notice:
    """Return the event in a delivery's body. `version` is ours; `now` stands in for a time of creation that is none.

    Raises ValueError for what is no event.
    """
    if not isinstance(body, Mapping) or not (_text(body.get("id")) and _text(body.get("type"))):
        raise ValueError("an event has an id and a type")
    thing = _object_in(body)
    created = _instant(body.get("created"))
    return Notice(
        id=body["id"],
        type=body["type"],
        livemode=body.get("livemode") is True,
        connected_account=_text(body.get("account")),
        api_version=_text(body.get("api_version")),
        created_at=created or now,
        object_type=_text(thing.get("object")),
        object_id=_text(thing.get("id")),
        is_other_version=body.get("api_version") != version,
        flaw=_flaw(body, created),
    )


def _flaw(body: Mapping[str, Any], created: datetime | None) -> str | None:
    if not isinstance(body.get("livemode"), bool):
        return "it does not say whether it is about real money"
    if body.get("account") is not None and _text(body["account"]) is None:
        return "it does not say whose account it is about"
    return "it does not say when it was made" if created is None else None


def _object_in(body: Mapping[str, Any]) -> Mapping[str, Any]:
    data = body.get("data")
    thing = data.get("object") if isinstance(data, Mapping) else None
    return thing if isinstance(thing, Mapping) else {}


def _text(value: object) -> str | None:
    """Return a short text that can be stored and shown, else None."""
    fits = isinstance(value, str) and 0 < len(value) <= LONGEST and value.isprintable()
    return str(value) if fits else None


def _instant(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return from_timestamp(value)
    except (ValueError, OverflowError, OSError):
        return None
