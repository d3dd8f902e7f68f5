"""What a checkout session sells: its lines, from prices that exist or are made on the spot."""

from typing import Any

from portal.simulator.billing.amounts import cost
from portal.simulator.billing.changing import recurring_price
from portal.simulator.billing.cycle import product_name
from portal.simulator.billing.discounts import taken
from portal.simulator.errors import invalid, missing_parameter
from portal.simulator.identifiers import new_id
from portal.simulator.objects.prices import price_from
from portal.simulator.objects.product_record import new_product
from portal.simulator.objects.shared import get_record, merged_metadata
from portal.simulator.records import Record
from portal.simulator.routes import Call
from portal.simulator.world import World, public


def lines_from(world: World, call: Call, mode: str) -> list[Record]:
    data = call.get("subscription_data") or {}
    trial = bool(data.get("trial_period_days") or data.get("trial_end"))
    lines: list[Record] = []
    for index, given in enumerate(call.get("line_items") or []):
        at = f"line_items[{index}]"
        if ("price" in given) == ("price_data" in given):
            message = "You must specify either `price` or `price_data` when creating a Checkout Session line item."
            raise invalid(message, f"{at}[price]")
        price = _price(world, given, at, mode)
        recurring = price["recurring"] is not None
        metered = recurring and price["recurring"]["usage_type"] == "metered"
        if not metered and "quantity" not in given:
            raise missing_parameter(f"{at}[quantity]")
        amount = 0 if trial and recurring else cost(price, given.get("quantity", 0))
        lines.append(
            {
                "id": new_id("item"),
                "object": "item",
                "adjustable_quantity": None,
                "amount_discount": 0,
                "amount_subtotal": amount,
                "amount_tax": 0,
                "amount_total": amount,
                "currency": price["currency"],
                "description": product_name(world, price),
                "metadata": dict(given.get("metadata") or {}),
                "price": public(price),
                "quantity": None if metered else given["quantity"],
            }
        )
    _agree(lines, mode)
    return lines


def lower_lines(lines: list[Record], coupon: Record) -> None:
    """Take a coupon off the lines, as the invoice will."""
    for line, off in zip(
        lines, taken(coupon, [(line["amount_total"], line["price"]["product"]) for line in lines]), strict=True
    ):
        line["amount_discount"] += off
        line["amount_total"] -= off


def _agree(lines: list[Record], mode: str) -> None:
    if len({line["currency"] for line in lines}) > 1:
        raise invalid("All prices on a Checkout Session must have the same currency.", "line_items")
    recurring = [line for line in lines if line["price"]["recurring"] is not None]
    if mode == "subscription" and not recurring:
        raise invalid(
            "You must provide at least one recurring price in `subscription` mode when using prices.", "line_items"
        )
    if len({tuple(line["price"]["recurring"][n] for n in ("interval", "interval_count")) for line in recurring}) > 1:
        raise invalid("Checkout does not support multiple prices with different billing intervals.", "line_items")


def _price(world: World, given: dict[str, Any], at: str, mode: str) -> Record:
    if "price" in given:
        price = get_record(world, "price", given["price"], f"{at}[price]")
        if not price["active"]:
            raise invalid("The price specified is inactive. This field only accepts active prices.", f"{at}[price]")
        if mode == "payment" and price["recurring"] is not None:
            message = "You specified `payment` mode but passed a recurring price. Use `subscription` mode instead."
            raise invalid(message, "mode")
        return price if price["recurring"] is None else recurring_price(world, price["id"], f"{at}[price]")
    data = dict(given["price_data"])
    if ("product" in data) == ("product_data" in data):
        raise invalid("Exactly one of product or product_data is required.", f"{at}[price_data][product]")
    if mode == "payment" and data.get("recurring"):
        raise invalid("You specified `payment` mode but passed a recurring price.", "mode")
    if "product_data" in data:
        details = data.pop("product_data")
        product = new_product(world, new_id("product"), details["name"])
        product.update(active=False, description=details.get("description"))
        product["metadata"] = merged_metadata({}, details.get("metadata", {}))
        world.save(product, "product.created")
        data["product"] = product["id"]
    get_record(world, "product", data["product"], f"{at}[price_data][product]")
    price = {**price_from(world, data), "active": False}
    return world.save(price, "price.created")
