"""Prices: what a product costs and how often."""

from decimal import Decimal
from typing import Any

from portal.kit.money import UnknownCurrency, currency
from portal.simulator.errors import invalid, missing_parameter
from portal.simulator.identifiers import new_id
from portal.simulator.listing import page
from portal.simulator.objects.product_record import new_product
from portal.simulator.objects.shared import apply, get_record
from portal.simulator.parameters import (
    CREATED,
    CURRENCY,
    INTERVAL,
    PAGING,
    Absent,
    Accepted,
    Either,
    Exact,
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

KIND = "price"
_TAX = choice("exclusive", "inclusive", "unspecified")
_TIER = fields(
    "up_to",
    flat_amount=Integer(0),
    flat_amount_decimal=Exact(),
    unit_amount=Integer(0),
    unit_amount_decimal=Exact(),
    up_to=Either((choice("inf"), Integer(1))),
)


def create(world: World, call: Call) -> Record:
    """``POST /v1/prices``."""
    given = dict(call.params)
    if "product" not in given and "product_data" not in given:
        raise missing_parameter("product")
    if "product_data" in given:
        given["product"] = _product_for(world, given.pop("product_data"))
    get_record(world, "product", given["product"], "product")
    _take_lookup_key(world, given)
    return world.save(price_from(world, given), "price.created")


def _product_for(world: World, data: dict[str, Any]) -> str:
    product = new_product(world, data.get("id", new_id("product")), data["name"])
    apply(product, data, "metadata", "active", "unit_label", "statement_descriptor", "description")
    world.save(product, "product.created")
    return str(product["id"])


def price_from(world: World, given: dict[str, Any]) -> Record:
    """A price from checked parameters, not saved. Raises 400 when no amount or an unknown currency is given."""
    recurring = given.get("recurring")
    amount, exact = _amounts(given)
    tiers = [_tier(tier) for tier in given.get("tiers", [])]
    if given.get("billing_scheme") == "tiered" and not (tiers and given.get("tiers_mode")):
        raise invalid("Tiered prices need both `tiers` and `tiers_mode`.", "tiers")
    return {
        "id": new_id(KIND),
        "object": KIND,
        "active": given.get("active", True),
        "billing_scheme": given.get("billing_scheme", "per_unit"),
        "created": world.now(),
        "currency": known_currency(given["currency"]),
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": given.get("lookup_key"),
        "metadata": dict(given.get("metadata") or {}),
        "nickname": given.get("nickname"),
        "product": given["product"],
        "recurring": recurring
        and {
            "interval": recurring["interval"],
            "interval_count": recurring.get("interval_count", 1),
            "meter": recurring.get("meter"),
            "trial_period_days": recurring.get("trial_period_days"),
            "usage_type": recurring.get("usage_type", "licensed"),
        },
        "tax_behavior": given.get("tax_behavior", "unspecified"),
        "tiers_mode": given.get("tiers_mode"),
        "transform_quantity": given.get("transform_quantity"),
        "type": "recurring" if recurring else "one_time",
        "unit_amount": amount,
        "unit_amount_decimal": exact,
        "_private": {"tiers": tiers},
    }


def known_currency(code: str) -> str:
    """The code in lower case; 400 for a currency the simulator cannot count in."""
    try:
        return currency(code).code
    except UnknownCurrency as error:
        raise invalid(f"Invalid currency: {code.lower()}", "currency") from error


def _amounts(given: dict[str, Any]) -> tuple[int | None, str | None]:
    """(unit_amount, unit_amount_decimal); the whole amount is null when the exact one is a fraction."""
    if given.get("billing_scheme") == "tiered":
        return None, None
    both = "unit_amount" in given and "unit_amount_decimal" in given
    if both or not ("unit_amount" in given or "unit_amount_decimal" in given):
        raise invalid(
            "Exactly one of unit_amount or unit_amount_decimal is required.", "unit_amount", "parameter_missing"
        )
    exact = Decimal(given.get("unit_amount", given.get("unit_amount_decimal", 0)))
    return (int(exact) if exact == int(exact) else None), plain(exact)


def plain(exact: Decimal) -> str:
    """A decimal without exponent and without trailing zeros."""
    text = format(exact, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _tier(tier: dict[str, Any]) -> Record:
    result: Record = {"up_to": None if tier["up_to"] == "inf" else tier["up_to"]}
    for name in ("flat_amount", "unit_amount"):
        exact = tier.get(f"{name}_decimal", tier.get(name))
        whole = None if exact is None or Decimal(exact) != int(exact) else int(exact)
        result[name], result[f"{name}_decimal"] = whole, None if exact is None else plain(Decimal(exact))
    return result


def _take_lookup_key(world: World, given: dict[str, Any], price_id: str | None = None) -> None:
    key = given.get("lookup_key")
    holders = world.store.newest(KIND, lookup_key=key) if key is not None else iter(())
    for holder in holders:
        if holder["id"] == price_id:
            continue
        if not given.get("transfer_lookup_key"):
            raise invalid(f"A price (`{holder['id']}`) already uses that lookup key.", "lookup_key")
        holder["lookup_key"] = None
        world.save(holder, "price.updated")


def retrieve(world: World, call: Call) -> Record:
    """``GET /v1/prices/:id``."""
    return get_record(world, KIND, call.id, "price", in_path=True)


def update(world: World, call: Call) -> Record:
    """``POST /v1/prices/:id``: amounts never change, names do."""
    price = get_record(world, KIND, call.id, "price", in_path=True)
    _take_lookup_key(world, call.params, price["id"])
    apply(price, call.params, "active", "metadata", "nickname", "lookup_key", "tax_behavior")
    return world.save(price, "price.updated")


def list_(world: World, call: Call) -> Record:
    """``GET /v1/prices``."""

    def keep(price: Record) -> bool:
        keys, active, recurring = call.get("lookup_keys"), call.get("active"), call.get("recurring") or {}
        rhythm = price["recurring"] or {}
        return (
            (keys is None or price["lookup_key"] in keys)
            and (active is None or price["active"] == active)
            and all(rhythm.get(name) == value for name, value in recurring.items())
        )

    equal = {name: call.get(name) for name in ("product", "currency", "type")}
    return page(world, call, KIND, "/v1/prices", keep, **equal)


def included_tiers(world: World, price: Record) -> list[Record] | None:
    """``expand[]=tiers``."""
    kept = world.store.find(KIND, price["id"])
    return list((kept or price)["_private"]["tiers"]) or None


ROUTES = (
    post("/v1/prices", create, "currency", active=Flag(), billing_scheme=choice("per_unit", "tiered"),
         currency=CURRENCY, currency_options=Absent(), custom_unit_amount=Absent(), lookup_key=Text(200),
         metadata=Metadata(), nickname=Text(), product=Text(),
         product_data=fields("name", active=Flag(), id=Text(), metadata=Metadata(), name=Text(), tax_code=Accepted(),
                             tax_details=Accepted(), statement_descriptor=Text(22), unit_label=Text(12)),
         recurring=fields("interval", interval=INTERVAL, interval_count=Integer(1, 1095), meter=Text(),
                          trial_period_days=Integer(0, 730), usage_type=choice("licensed", "metered")),
         tax_behavior=_TAX, tiers=Many(_TIER), tiers_mode=choice("graduated", "volume"), transfer_lookup_key=Flag(),
         transform_quantity=fields("divide_by", "round", divide_by=Integer(1), round=choice("up", "down")),
         unit_amount=Integer(0, 99_999_999_999), unit_amount_decimal=Exact()),
    get("/v1/prices", list_, **PAGING, created=CREATED, active=Flag(), currency=CURRENCY, lookup_keys=Many(Text(), 10),
        product=Text(), type=choice("one_time", "recurring"),
        recurring=fields(interval=INTERVAL, meter=Text(), usage_type=choice("licensed", "metered"))),
    get("/v1/prices/{price}", retrieve),
    post("/v1/prices/{price}", update, active=Flag(), currency_options=Absent(), lookup_key=Text(200, clearable=True),
         metadata=Metadata(), nickname=Text(clearable=True), tax_behavior=_TAX, transfer_lookup_key=Flag()),
)  # fmt: skip
