"""Subscription schedules over the API: a change of price that waits for the end of the period."""

from typing import Any

from portal.kit.clock import from_timestamp
from portal.kit.periods import add_intervals
from portal.simulator.billing.changing import recurring_price
from portal.simulator.billing.phases import KIND, current_phase, keep_discounts, phase, phase_item, release
from portal.simulator.errors import invalid, missing_parameter
from portal.simulator.identifiers import new_id
from portal.simulator.listing import page
from portal.simulator.objects.shared import apply, get_record
from portal.simulator.objects.subscription_parameters import ITEM, PRORATION
from portal.simulator.parameters import (
    CREATED,
    INTERVAL,
    PAGING,
    TIMESTAMP,
    Absent,
    Accepted,
    Either,
    Fields,
    Flag,
    Integer,
    Many,
    Metadata,
    Text,
    choice,
    fields,
)
from portal.simulator.records import Record
from portal.simulator.routes import Call, get, post
from portal.simulator.world import World

_ENDED = ("canceled", "completed", "released")


def create(world: World, call: Call) -> Record:
    """``POST /v1/subscription_schedules``: takes a running subscription under a schedule of one phase, its present one."""
    if "from_subscription" not in call.params:
        raise missing_parameter("from_subscription")
    subscription = get_record(world, "subscription", call.params["from_subscription"], "from_subscription")
    if subscription["status"] not in ("active", "trialing", "past_due"):
        raise invalid(
            "You cannot migrate a subscription that is in the `canceled`, `incomplete` or `incomplete_expired` state.",
            "from_subscription",
        )
    if subscription["schedule"] is not None:
        raise invalid(
            "You cannot migrate a subscription that is already attached to a schedule:"
            f" `{subscription['schedule']}`. Please use the schedule to update it.",
            "from_subscription",
        )
    if subscription["cancel_at_period_end"] or subscription["cancel_at"] is not None:
        raise invalid("You cannot migrate a subscription that is set to cancel.", "from_subscription")
    schedule = _schedule(world, subscription, call.get("metadata") or {})
    subscription["schedule"] = schedule["id"]
    world.save(schedule, "subscription_schedule.created")
    world.save(subscription, "customer.subscription.updated")
    return schedule


def update(world: World, call: Call) -> Record:
    """``POST /v1/subscription_schedules/:id``: new phases; the one that is running must be among them."""
    schedule = _living(world, call)
    subscription = get_record(world, "subscription", schedule["subscription"], "subscription")
    apply(schedule, call.params, "metadata", "end_behavior")
    if "phases" in call.params:
        schedule["phases"] = _phases(world, subscription, schedule, call.params["phases"])
        keep_discounts(subscription, schedule["phases"][0])
        world.save(subscription, "customer.subscription.updated")
    return world.save(schedule, "subscription_schedule.updated")


def retrieve(world: World, call: Call) -> Record:
    """``GET /v1/subscription_schedules/:id``."""
    return get_record(world, KIND, call.id, "schedule", in_path=True)


def release_(world: World, call: Call) -> Record:
    """``POST /v1/subscription_schedules/:id/release``: the subscription goes on as it is, without what was planned."""
    schedule = _living(world, call)
    subscription = get_record(world, "subscription", schedule["subscription"], "subscription")
    release(world, schedule, subscription)
    world.save(subscription, "customer.subscription.updated")
    return schedule


def list_(world: World, call: Call) -> Record:
    """``GET /v1/subscription_schedules``."""
    return page(world, call, KIND, "/v1/subscription_schedules", lambda _schedule: True, customer=call.get("customer"))


def _living(world: World, call: Call) -> Record:
    schedule = get_record(world, KIND, call.id, "schedule", in_path=True)
    if schedule["status"] in _ENDED:
        raise invalid(
            f"You cannot update a subscription schedule that is currently in the `{schedule['status']}` status."
        )
    return schedule


def _phases(world: World, subscription: Record, schedule: Record, given: list[dict[str, Any]]) -> list[Record]:
    running, phases = schedule["current_phase"], []
    if not given or given[0].get("start_date") != running["start_date"]:
        raise invalid("You can not modify the start date of the current phase.", "phases[0][start_date]")
    start = int(running["start_date"])
    for index, wanted in enumerate(given):
        here = f"phases[{index}]"
        prices = [
            recurring_price(world, _price_of(item, f"{here}[items][{n}]"), f"{here}[items][{n}][price]")
            for n, item in enumerate(wanted["items"])
        ]
        if len(prices) != len(subscription["items"]["data"]):
            raise invalid("The simulator keeps the number of items of a subscription over all phases.", here)
        items = [
            phase_item(price["id"], item.get("quantity", 1))
            for price, item in zip(prices, wanted["items"], strict=True)
        ]
        end = _end(wanted, start, prices[0], here)
        discounts = [each["discount"] for each in wanted.get("discounts") or []]
        if not set(discounts) <= set(subscription["discounts"]):
            raise invalid("A phase may name only discounts that its subscription has.", f"{here}[discounts]")
        behaviour = wanted.get("proration_behavior", "create_prorations")
        phases.append(phase(subscription, items, start, end, behaviour, discounts))
        start = end
    return phases


def _price_of(item: dict[str, Any], here: str) -> str:
    if "price" not in item:
        raise missing_parameter(f"{here}[price]")
    return str(item["price"])


def _end(wanted: dict[str, Any], start: int, price: Record, here: str) -> int:
    """The end of a phase: as stated, after its duration, or after one interval of its price."""
    if "end_date" in wanted and "duration" in wanted:
        raise invalid("You may only specify one of these parameters: duration, end_date.", f"{here}[duration]")
    rhythm = wanted.get("duration") or price["recurring"]
    end = wanted.get("end_date") or int(
        add_intervals(from_timestamp(start), rhythm["interval"], rhythm.get("interval_count") or 1).timestamp()
    )
    if end <= start:
        raise invalid("The end date of a phase must be after its start date.", f"{here}[end_date]")
    return int(end)


def _schedule(world: World, subscription: Record, metadata: dict[str, str]) -> Record:
    only = current_phase(subscription)
    return {
        "id": new_id(KIND),
        "object": KIND,
        "application": None,
        "billing_mode": subscription["billing_mode"],
        "canceled_at": None,
        "completed_at": None,
        "created": world.now(subscription["test_clock"]),
        "current_phase": {"end_date": only["end_date"], "start_date": only["start_date"]},
        "customer": subscription["customer"],
        "customer_account": None,
        "default_settings": {
            "application_fee_percent": None,
            "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
            "billing_cycle_anchor": "automatic",
            "billing_thresholds": None,
            "collection_method": subscription["collection_method"],
            "default_payment_method": subscription["default_payment_method"],
            "description": None,
            "invoice_settings": subscription["invoice_settings"] | {"days_until_due": None},
            "on_behalf_of": None,
            "transfer_data": None,
        },
        "end_behavior": "release",
        "livemode": False,
        "metadata": metadata,
        "pause_schedules": [],
        "phases": [only],
        "released_at": None,
        "released_subscription": None,
        "status": "active",
        "subscription": subscription["id"],
        "test_clock": subscription["test_clock"],
    }


_PHASE_ITEM = {name: kind for name, kind in ITEM.items() if name != "current_trial"}
_PHASE = Fields(
    {
        "add_invoice_items": Absent(), "application_fee_percent": Absent(), "automatic_tax": Absent(),
        "billing_cycle_anchor": Absent(), "billing_thresholds": Absent(), "collection_method": Accepted(),
        "currency": Accepted(), "default_payment_method": Absent(), "default_tax_rates": Absent(),
        "description": Accepted(),
        "discounts": Many(fields("discount", coupon=Absent(), discount=Text(), promotion_code=Absent()), 20),
        "duration": fields("interval", interval=INTERVAL, interval_count=Integer(1, 36)),
        "end_date": TIMESTAMP, "invoice_settings": Accepted(), "items": Many(Fields(_PHASE_ITEM), 20),
        "metadata": Metadata(), "on_behalf_of": Absent(), "proration_behavior": PRORATION, "start_date": TIMESTAMP,
        "transfer_data": Absent(), "trial": Absent(), "trial_end": Absent(),
    },
    ("items",),
)  # fmt: skip

ROUTES = (
    post("/v1/subscription_schedules", create, from_subscription=Text(), metadata=Metadata(), billing_mode=Accepted(),
         customer=Absent(), customer_account=Absent(), default_settings=Absent(), end_behavior=Absent(),
         pause_schedules=Absent(), phases=Absent(), start_date=Absent()),
    get("/v1/subscription_schedules", list_, **PAGING, customer=Text(), customer_account=Absent(), created=CREATED,
        canceled_at=Absent(), completed_at=Absent(), released_at=Absent(), scheduled=Flag()),
    get("/v1/subscription_schedules/{schedule}", retrieve),
    post("/v1/subscription_schedules/{schedule}", update, phases=Many(_PHASE, 20), metadata=Metadata(),
         end_behavior=choice("release"), proration_behavior=PRORATION, default_settings=Absent(),
         pause_schedules=Absent()),
    post("/v1/subscription_schedules/{schedule}/release", release_, preserve_cancel_date=Either((Flag(),))),
)  # fmt: skip
