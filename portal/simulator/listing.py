"""Lists as Stripe pages them: newest first, ``limit`` 1 to 100, cursors that are ids, ``has_more``."""

from collections.abc import Callable, Iterable
from typing import Any

from portal.simulator.errors import invalid, no_such
from portal.simulator.records import Record, listing
from portal.simulator.routes import Call
from portal.simulator.world import World

Test = Callable[[Record], bool]


def page(world: World, call: Call, kind: str, list_url: str, keep: Test | None = None, **equal: str | None) -> Record:
    """One page of the objects of ``kind`` whose fields equal the keywords and which ``keep`` accepts."""
    before, after = _cursors(world, call, kind)
    found = world.store.newest(kind, before=before, after=after, oldest_first=after is not None, where=equal)
    limit = int(call.get("limit", 10))
    kept: list[Record] = []
    for record in found:
        if record.get("deleted") or not within(call.get("created"), record.get("created", 0)):
            continue
        if keep is None or keep(record):
            kept.append(record)
        if len(kept) > limit:
            break
    has_more, kept = len(kept) > limit, kept[:limit]
    return listing(kept[::-1] if after is not None else kept, list_url, has_more)


def slice_of(call: Call, records: Iterable[Record], url: str) -> Record:
    """One page of records that are part of another object, such as an invoice's lines."""
    everything, limit = list(records), int(call.get("limit", 10))
    places = {record["id"]: index for index, record in enumerate(everything)}
    for name in ("starting_after", "ending_before"):
        if name in call.params and call.params[name] not in places:
            raise no_such("object", call.params[name], name)
    if "ending_before" in call.params:
        head = everything[: places[call.params["ending_before"]]]
        return listing(head[-limit:], url, len(head) > limit)
    rest = everything[places[call.params["starting_after"]] + 1 :] if "starting_after" in call.params else everything
    return listing(rest[:limit], url, len(rest) > limit)


def _cursors(world: World, call: Call, kind: str) -> tuple[int | None, int | None]:
    """Bounds in the order of creation: (older than, newer than)."""
    starting, ending = call.get("starting_after"), call.get("ending_before")
    if starting is not None and ending is not None:
        message = "You may only specify one of these parameters: starting_after, ending_before."
        raise invalid(message, "starting_after", stored=False)
    for name, cursor in (("starting_after", starting), ("ending_before", ending)):
        if cursor is not None and world.store.find(kind, cursor) is None:
            raise no_such(kind.rpartition(".")[2], cursor, name)
    before = world.store.place(starting) if starting is not None else None
    return before, world.store.place(ending) if ending is not None else None


def within(wanted: Any, moment: int) -> bool:
    """Whether a moment fits a ``created``-like filter: a timestamp or bounds."""
    if wanted is None:
        return True
    if isinstance(wanted, int):
        return moment == wanted
    tests = {"gt": moment.__gt__, "gte": moment.__ge__, "lt": moment.__lt__, "lte": moment.__le__}
    return all(tests[name](bound) for name, bound in wanted.items())
