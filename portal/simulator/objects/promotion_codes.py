"""Promotion codes: the words a person types, leading to a coupon."""

import re
from typing import Any

from portal.simulator.billing.discounts import Redeemed
from portal.simulator.errors import invalid, missing_parameter
from portal.simulator.identifiers import new_id, random_text
from portal.simulator.listing import page
from portal.simulator.objects.shared import apply, get_record, merged_metadata
from portal.simulator.parameters import (
    CREATED,
    PAGING,
    TIMESTAMP,
    Absent,
    Fields,
    Flag,
    Integer,
    Many,
    Metadata,
    Text,
    choice,
    fields,
)
from portal.simulator.records import Record, private
from portal.simulator.routes import Call, get, post
from portal.simulator.world import World

KIND = "promotion_code"


def create(world: World, call: Call) -> Record:
    """``POST /v1/promotion_codes``."""
    wanted = call.params["promotion"]
    if "coupon" not in wanted:
        raise missing_parameter("promotion[coupon]")
    coupon = get_record(world, "coupon", wanted["coupon"], "promotion[coupon]")
    text = call.get("code") or random_text(8).upper()
    if not re.fullmatch(r"[A-Za-z0-9-]+", text):
        raise invalid("A code has letters, digits and dashes only.", "code")
    if any(other["active"] for other in _written(world, text)):
        raise invalid(
            f"An active promotion code with `code: {text}` already exists.", "code", "resource_already_exists"
        )
    if call.get("customer") is not None:
        get_record(world, "customer", call.params["customer"], "customer")
    code: Record = {
        "id": new_id(KIND),
        "object": KIND,
        "active": call.get("active", True) and coupon["valid"],
        "code": text,
        "created": world.now(),
        "customer": call.get("customer"),
        "customer_account": None,
        "expires_at": call.get("expires_at"),
        "livemode": False,
        "max_redemptions": call.get("max_redemptions"),
        "metadata": merged_metadata({}, call.get("metadata", {})),
        "promotion": {"coupon": coupon["id"], "type": "coupon"},
        "restrictions": {"first_time_transaction": False, "minimum_amount": None, "minimum_amount_currency": None},
        "times_redeemed": 0,
    }
    return world.save(code, "promotion_code.created")


def _written(world: World, text: str) -> list[Record]:
    return [code for code in world.store.newest(KIND) if code["code"].lower() == text.lower()]


def retrieve(world: World, call: Call) -> Record:
    """``GET /v1/promotion_codes/:id``."""
    return get_record(world, KIND, call.id, "promotion_code", in_path=True)


def update(world: World, call: Call) -> Record:
    """``POST /v1/promotion_codes/:id``: switch it off or on, metadata."""
    code = get_record(world, KIND, call.id, "promotion_code", in_path=True)
    coupon = world.store.find("coupon", code["promotion"]["coupon"]) or {}
    if call.get("active") and not coupon.get("valid"):
        raise invalid("A code cannot be active while its coupon is not valid.", "active")
    apply(code, call.params, "active", "metadata")
    return world.save(code, "promotion_code.updated")


def list_(world: World, call: Call) -> Record:
    """``GET /v1/promotion_codes``; ``code`` in any letter case."""

    def keep(code: Record) -> bool:
        wanted = call.get("code")
        return (
            (wanted is None or code["code"].lower() == wanted.lower())
            and call.get("active") in (None, code["active"])
            and call.get("coupon") in (None, code["promotion"]["coupon"])
        )

    return page(world, call, KIND, "/v1/promotion_codes", keep, customer=call.get("customer"))


def redeemable(
    world: World, given: list[dict[str, Any]], products: list[str], currency: str, customer: Record | None
) -> list[Redeemed]:
    """The coupons behind ``discounts``, if this customer may redeem them for this. Raises 400 otherwise."""
    found: list[Redeemed] = []
    for index, entry in enumerate(given):
        at = f"discounts[{index}]"
        if ("coupon" in entry) == ("promotion_code" in entry):
            raise invalid("You must provide exactly one of `coupon` and `promotion_code`.", at)
        code = None
        if "promotion_code" in entry:
            code = get_record(world, KIND, entry["promotion_code"], f"{at}[promotion_code]")
            if not code["active"]:
                raise invalid("This promotion code is expired or has been used up.", f"{at}[promotion_code]")
            if code["customer"] is not None and code["customer"] != (customer or {}).get("id"):
                raise invalid("This promotion code belongs to another customer.", f"{at}[promotion_code]")
        identifier = entry["coupon"] if code is None else code["promotion"]["coupon"]
        coupon = get_record(world, "coupon", identifier, f"{at}[coupon]")
        _check(coupon, products, currency, at)
        found.append((coupon, code))
    return found


def _check(coupon: Record, products: list[str], currency: str, at: str) -> None:
    if not coupon["valid"]:
        raise invalid(f"Coupon expired: {coupon['id']}", at, "coupon_expired")
    if coupon["amount_off"] is not None and coupon["currency"] != currency:
        raise invalid(f"This coupon takes off {coupon['currency']}, and this is sold in {currency}.", at)
    only = private(coupon).get("products")
    if only and not set(only) & set(products):
        raise invalid("This coupon does not apply to anything that is bought here.", at, "coupon_not_applicable")


def run_out(world: World, code: Record) -> None:
    """The last moment to type it has passed."""
    world.save({**code, "active": False}, "promotion_code.updated")


DISCOUNTS = Many(fields(coupon=Text(), promotion_code=Text()), 1)
ROUTES = (
    post("/v1/promotion_codes", create, "promotion", active=Flag(), code=Text(500), customer=Text(),
         customer_account=Absent(), expires_at=TIMESTAMP, max_redemptions=Integer(1), metadata=Metadata(),
         promotion=Fields({"coupon": Text(), "type": choice("coupon")}, ("type",)), restrictions=Absent()),
    get("/v1/promotion_codes", list_, **PAGING, active=Flag(), code=Text(), coupon=Text(), created=CREATED,
        customer=Text(), customer_account=Absent()),
    get("/v1/promotion_codes/{promotion_code}", retrieve),
    post("/v1/promotion_codes/{promotion_code}", update, active=Flag(), metadata=Metadata(), restrictions=Absent()),
)  # fmt: skip
