"""Subscriptions over the API."""

from typing import Any

from portal.simulator.billing.changing import (
    recurring_price,
)
from portal.simulator.billing.cycle import renew
from portal.simulator.billing.ending import end
from portal.simulator.billing.starting import Items, Start, start
from portal.simulator.billing.subscription_record import ENDED, boundary, days_later
from portal.simulator.errors import invalid, missing_parameter, no_such
from portal.simulator.listing import page, slice_of, within
from portal.simulator.objects.payment_methods import attached_to, usable
from portal.simulator.objects.promotion_codes import DISCOUNTS, redeemable
from portal.simulator.objects.shared import get_record, merged_metadata
from portal.simulator.objects.subscription_parameters import CANCELLATION, ITEM, PRORATION, STATUSES, WRITABLE
from portal.simulator.objects.subscription_updates import (
    collect_latest,
    update,
    whole_trial_settings,
    write_cancellation,
)
from portal.simulator.parameters import (
    CREATED,
    CURRENCY,
    PAGING,
    TIMESTAMP,
    Absent,
    Accepted,
    Fields,
    Flag,
    Integer,
    Many,
    Text,
    choice,
    fields,
)
from portal.simulator.records import Record
from portal.simulator.routes import Call, delete, get, post
from portal.simulator.world import World, clock_of

KIND = "subscription"


def create(world: World, call: Call) -> Record:
    """``POST /v1/subscriptions``."""
    for name in ("customer", "items"):
        if not call.get(name):
            raise missing_parameter(name)
    customer = get_record(world, "customer", call.params["customer"], "customer")
    if call.get("collection_method") == "send_invoice" and "days_until_due" not in call.params:
        raise missing_parameter("days_until_due")
    items = items_from(world, call.params["items"], call.get("currency"))
    wanted = Start(
        customer,
        items,
        trial_end=trial_end_from(world, call.params, customer),
        behavior=call.get("payment_behavior", "allow_incomplete"),
        off_session=call.get("off_session", False),
        changes=plain_fields(world, call.params, customer),
        discounts=redeemable(
            world,
            call.get("discounts") or [],
            [item[0]["product"] for item in items],
            items[0][0]["currency"],
            customer,
        ),
    )
    subscription = start(world, wanted)
    if call.get("cancel_at_period_end") or call.get("cancel_at"):
        write_cancellation(world, subscription, call.params)
        world.save(subscription)
    return subscription


def items_from(world: World, given: list[dict[str, Any]], currency: str | None = None) -> Items:
    """(price, quantity, metadata) of each item asked for."""
    items: Items = []
    for index, entry in enumerate(given):
        if "price" not in entry:
            raise missing_parameter(f"items[{index}][price]")
        price = recurring_price(world, entry["price"], f"items[{index}][price]", currency)
        currency = price["currency"]
        metered = price["recurring"]["usage_type"] == "metered"
        quantity = 0 if metered else entry.get("quantity", 1)
        items.append((price, quantity, merged_metadata({}, entry.get("metadata", {}))))
    if len({price["id"] for price, _, _ in items}) < len(items):
        raise invalid("Cannot add multiple subscription items with the same plan.", "items")
    if len({tuple(price["recurring"][n] for n in ("interval", "interval_count")) for price, _, _ in items}) > 1:
        raise invalid("The simulator keeps all items of a subscription on one interval.", "items")
    return items


def trial_end_from(world: World, params: dict[str, Any], customer: Record) -> int | None:
    """When the trial ends, if there is one. A moment not in the future is refused."""
    now = world.now(clock_of(customer))
    days = params.get("trial_period_days") or 0
    wanted = params.get("trial_end")
    if days and wanted is not None:
        raise invalid("You can not set both trial_end and trial_period_days.", "trial_end")
    if days:
        return days_later(now, days)
    if wanted in (None, "now"):
        return None
    if wanted <= now:
        raise invalid("Invalid timestamp: can't be in the past.", "trial_end")
    return int(wanted)


def plain_fields(world: World, params: dict[str, Any], customer: Record) -> dict[str, Any]:
    """The fields that are simply set on a new subscription."""
    changes: dict[str, Any] = {"metadata": merged_metadata({}, params.get("metadata", {}))}
    for name in ("description", "days_until_due", "collection_method", "trial_settings"):
        if name in params:
            changes[name] = params[name]
    if "trial_settings" in changes:
        changes["trial_settings"] = whole_trial_settings(changes["trial_settings"])
    if "default_payment_method" in params:
        method = attached_to(usable(world, params["default_payment_method"], "default_payment_method"), customer)
        changes["default_payment_method"] = method["id"]
    return changes


def cancel(world: World, call: Call) -> Record:
    """``DELETE /v1/subscriptions/:id``: now and for good."""
    subscription = get_record(world, KIND, call.id, "id", in_path=True)
    if subscription["status"] in ENDED:
        raise no_such("subscription", call.id, "id", in_path=True)
    return end(world, subscription, reason="cancellation_requested", details=call.get("cancellation_details"))


def resume(world: World, call: Call) -> Record:
    """``POST /v1/subscriptions/:id/resume``: for a subscription that is ``paused``."""
    subscription = get_record(world, KIND, call.id, "id", in_path=True)
    if subscription["status"] != "paused":
        raise invalid("You can only resume a subscription with `status=paused`.")
    subscription["status"] = "active"
    moment = world.now(subscription["test_clock"])
    if (call.get("billing_cycle_anchor") or {}).get("type", "now") == "now":
        subscription["billing_cycle_anchor"] = moment
        for item in subscription["items"]["data"]:
            item["current_period_end"] = moment
        renew(world, subscription)
    else:
        for item in subscription["items"]["data"]:
            item["current_period_end"] = boundary(subscription["billing_cycle_anchor"], moment, item["price"])
        world.save(subscription)
    world.announce("customer.subscription.resumed", subscription)
    collect_latest(world, subscription)
    return world.store.find(KIND, subscription["id"]) or subscription


def retrieve(world: World, call: Call) -> Record:
    """``GET /v1/subscriptions/:id``."""
    return get_record(world, KIND, call.id, "id", in_path=True)


def list_(world: World, call: Call) -> Record:
    """``GET /v1/subscriptions``: without ``status`` everything that has not ended."""
    status = call.get("status")

    def keep(subscription: Record) -> bool:
        periods = subscription["items"]["data"]
        if status is None and subscription["status"] in ("canceled", "incomplete_expired"):
            return False
        if status == "ended" and subscription["status"] not in ENDED:
            return False
        return (
            (call.get("price") is None or any(item["price"]["id"] == call.get("price") for item in periods))
            and any(within(call.get("current_period_start"), item["current_period_start"]) for item in periods)
            and any(within(call.get("current_period_end"), item["current_period_end"]) for item in periods)
        )

    exact = status if status not in (None, "all", "ended") else None
    return page(
        world,
        call,
        KIND,
        "/v1/subscriptions",
        keep,
        status=exact,
        customer=call.get("customer"),
        collection_method=call.get("collection_method"),
        test_clock=call.get("test_clock"),
    )


def list_items(world: World, call: Call) -> Record:
    """``GET /v1/subscription_items``."""
    if call.get("subscription") is None:
        raise missing_parameter("subscription")
    subscription = get_record(world, KIND, call.params["subscription"], "subscription")
    return slice_of(call, subscription["items"]["data"], "/v1/subscription_items")


def retrieve_item(world: World, call: Call) -> Record:
    """``GET /v1/subscription_items/:id``."""
    for subscription in world.store.newest(KIND):
        for item in subscription["items"]["data"]:
            if item["id"] == call.id:
                found: Record = item
                return found
    raise no_such("subscription_item", call.id, "item", in_path=True)


ROUTES = (
    post("/v1/subscriptions", create, **{**WRITABLE, "discounts": DISCOUNTS},
         backdate_start_date=Absent(), billing_cycle_anchor=Absent(),
         billing_cycle_anchor_config=Absent(), billing_mode=Accepted(), currency=CURRENCY, customer=Text(),
         customer_account=Absent(), items=Many(Fields(ITEM), 20), trial_period_days=Integer(0, 730)),
    get("/v1/subscriptions", list_, **PAGING, created=CREATED, customer=Text(), customer_account=Absent(),
        price=Text(), plan=Absent(), status=STATUSES, collection_method=Text(), test_clock=Text(),
        automatic_tax=Absent(), current_period_start=CREATED, current_period_end=CREATED),
    get("/v1/subscriptions/{subscription}", retrieve),
    post("/v1/subscriptions/{subscription}", update, **WRITABLE, cancellation_details=CANCELLATION,
         billing_cycle_anchor=fields("type", type=choice("now", "unchanged")), proration_date=TIMESTAMP,
         pause_collection=Fields({"behavior": choice("keep_as_draft", "mark_uncollectible", "void"),
                                  "resumes_at": TIMESTAMP}, ("behavior",), clearable=True),
         items=Many(Fields({**ITEM, "id": Text(), "deleted": Flag(), "clear_usage": Accepted()}), 20)),
    delete("/v1/subscriptions/{subscription}", cancel, cancellation_details=CANCELLATION, invoice_now=Absent(),
           prorate=Absent()),
    post("/v1/subscriptions/{subscription}/resume", resume, proration_behavior=PRORATION, proration_date=TIMESTAMP,
         payment_behavior=choice("resume_on_payment_attempt", "resume_on_payment_success"),
         billing_cycle_anchor=fields("type", type=choice("now", "unchanged"))),
    get("/v1/subscription_items", list_items, **PAGING, subscription=Text()),
    get("/v1/subscription_items/{item}", retrieve_item),
)  # fmt: skip
