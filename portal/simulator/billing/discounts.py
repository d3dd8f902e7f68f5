"""Discounts: what a redeemed coupon takes off a line, and for how long.

A discount belongs to a subscription from the day it is redeemed. It lowers lines whose period begins before it ends;
`once` is used up by the first invoice that it lowers, so a trial's invoice of zero leaves it for the first real one.
Prorations carry no discount lines of their own: they are counted from what the period really costs.
"""

from decimal import Decimal
from fractions import Fraction
from typing import Any

from portal.kit.clock import from_timestamp
from portal.kit.money import round_half_up
from portal.kit.periods import add_intervals
from portal.simulator.billing.amounts import cost, shown
from portal.simulator.identifiers import new_id
from portal.simulator.records import Record, private
from portal.simulator.world import World

KIND = "discount"
Redeemed = tuple[Record, Record | None]
"""A coupon, and the promotion code that led to it, if one did."""


def redeem(world: World, subscription: Record, redeemed: list[Redeemed]) -> None:
    """Let a new subscription hold discounts, and count the redemptions; the subscription is saved by the caller."""
    now = int(subscription["created"])
    for coupon, code in redeemed:
        made = _discount(subscription, coupon, code, now)
        subscription["discounts"].append(made["id"])
        world.save(made)
        world.announce("customer.discount.created", made)
        _count(world, coupon, "valid", "coupon.updated")
        if code is not None:
            _count(world, code, "active", "promotion_code.updated")


def _discount(subscription: Record, coupon: Record, code: Record | None, now: int) -> Record:
    end = None
    if coupon["duration"] == "repeating":
        end = int(add_intervals(from_timestamp(now), "month", coupon["duration_in_months"]).timestamp())
    return {
        "id": new_id(KIND),
        "object": KIND,
        "checkout_session": None,
        "customer": subscription["customer"],
        "customer_account": None,
        "end": end,
        "invoice": None,
        "invoice_item": None,
        "promotion_code": None if code is None else code["id"],
        "source": {"coupon": coupon["id"], "type": "coupon"},
        "start": now,
        "subscription": subscription["id"],
        "subscription_item": None,
        "_private": {"test_clock": subscription["test_clock"], "coupon": coupon},
    }


def _count(world: World, thing: Record, flag: str, event: str) -> None:
    thing["times_redeemed"] += 1
    if thing["max_redemptions"] is not None and thing["times_redeemed"] >= thing["max_redemptions"]:
        thing[flag] = False
    world.save(thing, event)


def held(world: World, subscription: Record) -> list[Record]:
    """The discounts of a subscription, in the order in which they apply."""
    found = (world.store.find(KIND, identifier) for identifier in subscription["discounts"])
    return [each for each in found if each is not None]


def coupon_of(discount: Record) -> Record:
    """The coupon as it was when it was redeemed; deleting it later takes nothing back."""
    kept: Record = private(discount)["coupon"]
    return kept


def lower(world: World, subscription: Record, lines: list[Record]) -> None:
    """Write onto the lines of a draft what the subscription's discounts take off them."""
    entries = [(line, product_of(line)) for line in lines if line["discountable"]]
    for discount in held(world, subscription):
        live = [(line, product) for line, product in entries if _covers(discount, line["period"]["start"])]
        left = [line["amount"] - taken_off(line) for line, _ in live]
        parts = taken(coupon_of(discount), list(zip(left, (product for _, product in live), strict=True)))
        for (line, _), part in zip(live, parts, strict=True):
            if part:
                line["discount_amounts"].append({"amount": part, "discount": discount["id"]})


def taken(coupon: Record, entries: list[tuple[int, str | None]]) -> list[int]:
    """What a coupon takes off each (amount, product), whole minor units; a percentage is rounded per line, half up."""
    only = private(coupon).get("products")
    parts, rest = [], int(coupon["amount_off"] or 0)
    for amount, product in entries:
        if amount <= 0 or (only and product not in only):
            part = 0
        elif coupon["percent_off"] is not None:
            part = round_half_up(Fraction(Decimal(str(coupon["percent_off"]))) * amount / 100)
        else:
            part = min(amount, rest)
            rest -= part
        parts.append(part)
    return parts


def taken_off(line: Record) -> int:
    """What the discounts of a line come to."""
    return sum(int(each["amount"]) for each in line["discount_amounts"])


def product_of(line: Record) -> str | None:
    """The product that a line of an invoice bills."""
    details = (line["pricing"] or {}).get("price_details") or {}
    found = details.get("product")
    return None if found is None else str(found)


def totals(lines: list[Record]) -> list[dict[str, Any]]:
    """``total_discount_amounts`` of an invoice: each discount once, with its sum."""
    sums: dict[str, int] = {}
    for line in lines:
        for each in line["discount_amounts"]:
            sums[each["discount"]] = sums.get(each["discount"], 0) + each["amount"]
    return [{"amount": amount, "discount": identifier} for identifier, amount in sums.items()]


def net_cost(world: World, subscription: Record, price: Record, quantity: int, moment: int) -> int:
    """What a whole period of a price costs from a moment on, less the discounts that hold then."""
    amount = cost(price, quantity)
    for discount in held(world, subscription):
        if _covers(discount, moment):
            amount -= taken(coupon_of(discount), [(amount, price["product"])])[0]
    return amount


def let_go(world: World, subscription: Record, invoice: Record) -> None:
    """After an invoice: what was good once and has been used, and what has ended, leaves the subscription."""
    used = {each["discount"] for each in invoice["total_discount_amounts"]}
    start = min(item["current_period_start"] for item in subscription["items"]["data"])
    for discount in held(world, subscription):
        spent = coupon_of(discount)["duration"] == "once" and discount["id"] in used
        if spent or not _covers(discount, start):
            subscription["discounts"].remove(discount["id"])
            world.announce("customer.discount.deleted", discount)


def described(coupon: Record, code: str | None = None) -> str:
    """A coupon for people: ``WELCOME25 (25% off)``."""
    if coupon["percent_off"] is not None:
        share = Decimal(str(coupon["percent_off"])).normalize()
        words = f"{share:f}% off"
    else:
        words = f"{shown(coupon['amount_off'], coupon['currency'])} off"
    name = code or coupon["name"]
    return f"{name} ({words})" if name else words


def _covers(discount: Record, moment: int) -> bool:
    return discount["end"] is None or moment < discount["end"]
