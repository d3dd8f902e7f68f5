"""Events: what happened, kept and listed for whoever missed the delivery."""

from portal.simulator.listing import page
from portal.simulator.objects.shared import get_record
from portal.simulator.parameters import CREATED, PAGING, Flag, Many, Text
from portal.simulator.records import Record
from portal.simulator.routes import Call, get
from portal.simulator.world import World

KIND = "event"


def with_pending(world: World, event: Record) -> Record:
    """The event with the number of endpoints that have not confirmed it yet."""
    event["pending_webhooks"] = world.store.undelivered(event["id"])
    return event


def retrieve(world: World, call: Call) -> Record:
    """``GET /v1/events/:id``."""
    return with_pending(world, get_record(world, KIND, call.id, "id", in_path=True))


def list_(world: World, call: Call) -> Record:
    """``GET /v1/events``; ``delivery_success=false`` finds what some endpoint did not take."""
    wanted, kinds, kind = call.get("delivery_success"), call.get("types"), call.get("type")

    def keep(event: Record) -> bool:
        if kinds is not None and not any(matches(event["type"], pattern) for pattern in kinds):
            return False
        if kind is not None and not matches(event["type"], kind):
            return False
        return wanted is None or (world.store.undelivered(event["id"]) == 0) == wanted

    found = page(world, call, KIND, "/v1/events", keep)
    found["data"] = [with_pending(world, event) for event in found["data"]]
    return found


def matches(kind: str, pattern: str) -> bool:
    """Whether an event type fits ``invoice.paid`` or ``invoice.*``."""
    return kind.startswith(pattern[:-1]) if pattern.endswith("*") else kind == pattern


ROUTES = (
    get("/v1/events", list_, **PAGING, created=CREATED, delivery_success=Flag(), type=Text(), types=Many(Text(), 20)),
    get("/v1/events/{event}", retrieve),
)
