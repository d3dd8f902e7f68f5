"""Reading what a control was sent, and saying how it is meant when it means nothing."""

import json
from dataclasses import fields as fields_of
from typing import Any, TypeVar

from aiohttp import web

from portal.simulator.faults import PlannedApiFault, PlannedDeliveryFault

Planned = TypeVar("Planned", PlannedApiFault, PlannedDeliveryFault)


class Unusable(ValueError):
    """A control was called in a way that means nothing; the message says how it is meant."""


async def json_object(request: web.Request) -> dict[str, Any]:
    raw = await request.read()
    if not raw.strip():
        return {}
    try:
        given = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Unusable("the body is not JSON") from error
    if not isinstance(given, dict):
        raise Unusable("send a JSON object")
    return given


def whole_number(given: dict[str, Any], name: str, *, least: int) -> int:
    value = given[name]
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= 10**11:
        raise Unusable(f"{name} must be a whole number, at least {least}")
    return value


def planned_fault(kind: type[Planned], entry: Any, kinds: tuple[str, ...]) -> Planned:
    """A planned fault from JSON, each value of the type its field has."""
    known = {field.name: field.type for field in fields_of(kind)}
    if not isinstance(entry, dict) or set(entry) - set(known) or entry.get("kind") not in kinds:
        raise Unusable(
            f"a fault has a kind ({', '.join(kinds)}) and may have {', '.join(sorted(set(known) - {'kind'}))}"
        )
    checks: dict[object, tuple[type, ...]] = {int: (int,), float: (int, float), str: (str,), bool: (bool,)}
    for name, value in entry.items():
        wanted = checks.get(known[name], (str,))
        if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
            raise Unusable(f"{name} has the wrong type")
    planned = kind(**entry)
    status = getattr(planned, "status", 500)
    if not 0 <= planned.seconds <= 600 or not 1 <= planned.count <= 100_000 or not 400 <= status <= 599:
        raise Unusable("seconds are 0 to 600, count is 1 to 100000, status is 400 to 599")
    return planned
