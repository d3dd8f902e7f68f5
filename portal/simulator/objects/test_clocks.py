"""Test clocks: a customer's own time, moved by hand. Advancing is asynchronous, as at Stripe."""

from portal.simulator.errors import invalid
from portal.simulator.identifiers import new_id
from portal.simulator.listing import page
from portal.simulator.objects.shared import get_record
from portal.simulator.parameters import PAGING, TIMESTAMP, Text
from portal.simulator.records import Record, private
from portal.simulator.routes import Call, delete, get, post
from portal.simulator.world import World

KIND = "test_helpers.test_clock"
_LENGTHS = {"day": 86_400, "week": 7 * 86_400, "month": 31 * 86_400, "year": 366 * 86_400}
_TWO_YEARS = 2 * 366 * 86_400
_KEPT_DAYS = 30


def create(world: World, call: Call) -> Record:
    """``POST /v1/test_helpers/test_clocks``."""
    identifier = new_id(KIND)
    clock = {
        "id": identifier,
        "object": KIND,
        "created": world.now(),
        "deletes_after": world.now() + _KEPT_DAYS * 86_400,
        "frozen_time": call.params["frozen_time"],
        "livemode": False,
        "name": call.get("name"),
        "status": "ready",
        "status_details": {},
    }
    return world.save(clock, "test_helpers.test_clock.created")


def advance(world: World, call: Call) -> Record:
    """``POST /v1/test_helpers/test_clocks/:id/advance``: answers ``advancing``; the work follows at once."""
    clock = get_record(world, KIND, call.id, "test_clock", in_path=True)
    target = call.params["frozen_time"]
    if clock["status"] != "ready":
        raise invalid("Test clock advancement underway - cannot advance again until it is ready.")
    if target <= clock["frozen_time"]:
        raise invalid("Test clock can only be advanced to a time after its current frozen time.", "frozen_time")
    if target > clock["frozen_time"] + _furthest(world, clock["id"]):
        message = "You can advance a test clock by at most two intervals of its shortest subscription (or two years)."
        raise invalid(message, "frozen_time", "test_clock_advance_too_far")
    clock.update(status="advancing", status_details={"advancing": {"target_frozen_time": target}})
    private(clock)["target"] = target
    return world.save(clock, "test_helpers.test_clock.advancing")


def _furthest(world: World, clock: str) -> int:
    spans = [
        2 * _LENGTHS[item["price"]["recurring"]["interval"]] * item["price"]["recurring"]["interval_count"]
        for subscription in world.store.newest("subscription", test_clock=clock)
        if subscription["status"] not in ("canceled", "incomplete_expired")
        for item in subscription["items"]["data"]
    ]
    return min(spans, default=_TWO_YEARS)


def arrive(world: World, clock: Record) -> None:
    """The advance is done: the clock stands at its target."""
    clock.update(status="ready", status_details={}, frozen_time=private(clock).pop("target"))
    world.save(clock, "test_helpers.test_clock.ready")


def retrieve(world: World, call: Call) -> Record:
    """``GET /v1/test_helpers/test_clocks/:id``."""
    return get_record(world, KIND, call.id, "test_clock", in_path=True)


def list_(world: World, call: Call) -> Record:
    """``GET /v1/test_helpers/test_clocks``."""
    return page(world, call, KIND, "/v1/test_helpers/test_clocks")


def remove(world: World, call: Call) -> Record:
    """``DELETE /v1/test_helpers/test_clocks/:id``: its customers, and all they have, go with it."""
    clock = get_record(world, KIND, call.id, "test_clock", in_path=True)
    customers = [customer["id"] for customer in world.store.newest("customer", test_clock=clock["id"])]
    for customer in customers:
        for kind in ("subscription", "invoice", "payment_method"):
            for record in world.store.newest(kind, customer=customer):
                world.store.schedule(record["id"], None, None)
                world.store.remove(record["id"])
        world.store.remove(customer)
    world.announce("test_helpers.test_clock.deleted", clock)
    return world.save({"id": clock["id"], "object": KIND, "deleted": True})


ROUTES = (
    post("/v1/test_helpers/test_clocks", create, "frozen_time", frozen_time=TIMESTAMP, name=Text(300)),
    get("/v1/test_helpers/test_clocks", list_, **PAGING),
    get("/v1/test_helpers/test_clocks/{test_clock}", retrieve),
    post("/v1/test_helpers/test_clocks/{test_clock}/advance", advance, "frozen_time", frozen_time=TIMESTAMP),
    delete("/v1/test_helpers/test_clocks/{test_clock}", remove),
)
