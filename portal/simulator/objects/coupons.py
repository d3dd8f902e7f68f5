"""Coupons: what is taken off, and for how long."""

from typing import Any

from portal.simulator.errors import invalid, missing_parameter
from portal.simulator.identifiers import new_id
from portal.simulator.listing import page
from portal.simulator.objects.prices import known_currency
from portal.simulator.objects.shared import apply, get_record, merged_metadata
from portal.simulator.parameters import (
    CREATED,
    CURRENCY,
    PAGING,
    TIMESTAMP,
    Absent,
    Exact,
    Integer,
    Many,
    Metadata,
    Text,
    choice,
    fields,
)
from portal.simulator.records import Record, private
from portal.simulator.routes import Call, delete, get, post
from portal.simulator.world import World

KIND = "coupon"


def create(world: World, call: Call) -> Record:
    """``POST /v1/coupons``."""
    _check(call)
    identifier = call.get("id") or new_id(KIND)
    if world.store.find_any(identifier) is not None:
        raise invalid("Coupon already exists.", "id", "resource_already_exists")
    percent = call.get("percent_off")
    coupon: Record = {
        "id": identifier,
        "object": KIND,
        "amount_off": call.get("amount_off"),
        "created": world.now(),
        "currency": known_currency(call.params["currency"]) if "amount_off" in call.params else None,
        "duration": call.get("duration", "once"),
        "duration_in_months": call.get("duration_in_months"),
        "livemode": False,
        "max_redemptions": call.get("max_redemptions"),
        "metadata": merged_metadata({}, call.get("metadata", {})),
        "name": call.get("name"),
        "percent_off": None if percent is None else float(percent),  # a share as Stripe's JSON has it, never money
        "redeem_by": call.get("redeem_by"),
        "times_redeemed": 0,
        "valid": True,
    }
    products = (call.get("applies_to") or {}).get("products")
    for index, product in enumerate(products or []):
        get_record(world, "product", product, f"applies_to[products][{index}]")
    private(coupon)["products"] = products
    return world.save(coupon, "coupon.created")


def _check(call: Call) -> None:
    if ("percent_off" in call.params) == ("amount_off" in call.params):
        raise invalid("You must pass exactly one of percent_off and amount_off.", "percent_off")
    percent: Any = call.get("percent_off")
    if percent is not None and not 0 < percent <= 100:
        raise invalid("Invalid percent_off: must be above 0 and at most 100.", "percent_off")
    if "amount_off" in call.params and "currency" not in call.params:
        raise missing_parameter("currency")
    if (call.get("duration") == "repeating") != ("duration_in_months" in call.params):
        raise invalid("`duration_in_months` goes with a `duration` of repeating, and only with that.", "duration")


def retrieve(world: World, call: Call) -> Record:
    """``GET /v1/coupons/:id``."""
    return get_record(world, KIND, call.id, "coupon", in_path=True)


def update(world: World, call: Call) -> Record:
    """``POST /v1/coupons/:id``: name and metadata; what it takes off stays."""
    coupon = get_record(world, KIND, call.id, "coupon", in_path=True)
    apply(coupon, call.params, "metadata", "name")
    return world.save(coupon, "coupon.updated")


def remove(world: World, call: Call) -> Record:
    """``DELETE /v1/coupons/:id``: nobody redeems it any more; who has it keeps it."""
    coupon = get_record(world, KIND, call.id, "coupon", in_path=True)
    world.announce("coupon.deleted", coupon)
    for code in world.store.newest("promotion_code"):
        if code["promotion"]["coupon"] == coupon["id"] and code["active"]:
            world.save({**code, "active": False}, "promotion_code.updated")
    return world.save({"id": coupon["id"], "object": KIND, "deleted": True})


def list_(world: World, call: Call) -> Record:
    """``GET /v1/coupons``."""
    return page(world, call, KIND, "/v1/coupons")


def included_products(world: World, coupon: Record) -> Record | None:
    """``expand[]=applies_to``."""
    products = private(world.store.find(KIND, coupon["id"]) or coupon).get("products")
    return {"products": products} if products else None


def run_out(world: World, coupon: Record) -> None:
    """The last moment to redeem it has passed."""
    world.save({**coupon, "valid": False}, "coupon.updated")


ROUTES = (
    post("/v1/coupons", create, amount_off=Integer(1), applies_to=fields(products=Many(Text())), currency=CURRENCY,
         currency_options=Absent(), duration=choice("forever", "once", "repeating"), duration_in_months=Integer(1, 600),
         id=Text(200), max_redemptions=Integer(1), metadata=Metadata(), name=Text(40), percent_off=Exact(),
         redeem_by=TIMESTAMP),
    get("/v1/coupons", list_, **PAGING, created=CREATED),
    get("/v1/coupons/{coupon}", retrieve),
    post("/v1/coupons/{coupon}", update, metadata=Metadata(), name=Text(40, clearable=True), currency_options=Absent()),
    delete("/v1/coupons/{coupon}", remove),
)  # fmt: skip
