"""Changing what a subscription buys in the middle of a period: what is given back and what is asked for."""

from typing import Any

from portal.simulator.billing.amounts import share
from portal.simulator.billing.cycle import claim_pending, finalize_and_collect, pending_lines, product_name, renew
from portal.simulator.billing.discounts import net_cost, taken_off
from portal.simulator.billing.invoice_record import draft, item_parent, line
from portal.simulator.billing.subscription_record import boundary, build_item, plan_of
from portal.simulator.errors import invalid
from portal.simulator.identifiers import new_id
from portal.simulator.objects.shared import get_record, merged_metadata
from portal.simulator.records import Record
from portal.simulator.world import World, public

Change = dict[str, Any]
"""One entry of ``items``: ``id`` or ``price``, ``quantity``, ``deleted``, ``metadata``."""


def recurring_price(world: World, identifier: str, param: str, currency: str | None = None) -> Record:
    """The active recurring price named; 400 otherwise."""
    price = get_record(world, "price", identifier, param)
    if price["recurring"] is None:
        message = (
            "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`."
        )
        raise invalid(message, param)
    if not price["active"]:
        raise invalid("The price specified is inactive. This field only accepts active prices.", param)
    if currency is not None and price["currency"] != currency:
        raise invalid(
            f"The price specified only supports `{price['currency']}`. Expected: `{currency}`.",
            param,
        )
    return price


def apply_changes(world: World, subscription: Record, changes: list[Change], moment: int) -> tuple[list[Record], bool]:
    """Change the items in place. Returns proration lines for the rest of the period, and whether the rhythm changed."""
    lines: list[Record] = []
    rhythm_changed = False
    for index, change in enumerate(changes):
        item = _item_named(subscription, change.get("id"), index)
        if item is None:
            lines += _added(world, subscription, change, index, moment)
            continue
        before = (item["price"], int(item.get("quantity", 0)))
        lines += _prorated(world, subscription, item, *before, -1, moment)
        if change.get("deleted"):
            subscription["items"]["data"].remove(item)
            continue
        _rewrite(world, subscription, item, change, index)
        rhythm = ("interval", "interval_count")
        rhythm_changed |= any(before[0]["recurring"][name] != item["price"]["recurring"][name] for name in rhythm)
        after = (item["price"], int(item.get("quantity", 0)))
        if (before[0]["id"], before[1]) == (after[0]["id"], after[1]):
            lines.pop()
        elif not rhythm_changed:
            lines += _prorated(world, subscription, item, *after, 1, moment)
    if not subscription["items"]["data"]:
        raise invalid("A subscription must have at least one item.", "items")
    return [entry for entry in lines if entry["amount"] != 0], rhythm_changed


def _item_named(subscription: Record, identifier: str | None, index: int) -> Record | None:
    if identifier is None:
        return None
    for item in subscription["items"]["data"]:
        if item["id"] == identifier:
            found: Record = item
            return found
    raise invalid(f"No such subscription_item: '{identifier[:80]}'", f"items[{index}][id]", "resource_missing")


def _added(world: World, subscription: Record, change: Change, index: int, moment: int) -> list[Record]:
    if "price" not in change:
        raise invalid(
            "Each item needs a `price` or the `id` of an existing item.", f"items[{index}][price]", "parameter_missing"
        )
    price = recurring_price(world, change["price"], f"items[{index}][price]", subscription["currency"])
    if any(item["price"]["id"] == price["id"] for item in subscription["items"]["data"]):
        raise invalid(
            f"Cannot add multiple subscription items with the same plan: {price['id']}", f"items[{index}][price]"
        )
    sibling = subscription["items"]["data"][0]
    item = build_item(
        subscription["id"],
        price,
        change.get("quantity", 1),
        merged_metadata({}, change.get("metadata", {})),
        sibling["current_period_start"],
        sibling["current_period_end"],
    )
    subscription["items"]["data"].append(item)
    return _prorated(world, subscription, item, price, int(item.get("quantity", 0)), 1, moment)


def _rewrite(world: World, subscription: Record, item: Record, change: Change, index: int) -> None:
    if "price" in change:
        price = recurring_price(world, change["price"], f"items[{index}][price]", subscription["currency"])
        item.update(price=public(price), plan=plan_of(price))
        if price["recurring"]["usage_type"] == "licensed":
            item.setdefault("quantity", 1)
        else:
            item.pop("quantity", None)
    if "quantity" in change:
        item["quantity"] = change["quantity"]
    if "metadata" in change:
        item["metadata"] = merged_metadata(item["metadata"], change["metadata"])


def _prorated(
    world: World, subscription: Record, item: Record, price: Record, quantity: int, sign: int, moment: int
) -> list[Record]:
    start, end = item["current_period_start"], item["current_period_end"]
    kept = world.store.find("price", price["id"]) or price
    whole = _billed(world, subscription, item, price, quantity) if sign < 0 else None
    if whole is None:
        whole = net_cost(world, subscription, kept, quantity, moment)
    amount = 0 if subscription["status"] == "trialing" else share(whole, end - moment, end - start)
    name = product_name(world, price)
    words = f"Unused time on {name}" if sign < 0 else f"Remaining time on {name}"
    if quantity > 1:
        words = f"Unused time on {quantity} × {name}" if sign < 0 else f"Remaining time on {quantity} × {name}"
    parent = item_parent(item, proration=True, invoice_item=new_id("invoiceitem"))
    return [
        line(
            sign * amount,
            subscription["currency"],
            words,
            (moment, end),
            parent=parent,
            price=price,
            quantity=quantity,
            subscription=subscription["id"],
            metadata=subscription["metadata"],
        )
    ]


def _billed(world: World, subscription: Record, item: Record, price: Record, quantity: int) -> int | None:
    """What the present period of an item really cost, discounts taken off; None when no invoice billed it as a whole."""
    period = {"start": item["current_period_start"], "end": item["current_period_end"]}
    for invoice in world.store.newest("invoice", customer=subscription["customer"]):
        for entry in [] if invoice.get("deleted") else invoice["lines"]["data"]:
            details = (entry["parent"] or {}).get("subscription_item_details") or {}
            bought = ((entry["pricing"] or {}).get("price_details") or {}).get("price")
            if (details.get("subscription_item"), details.get("proration")) == (item["id"], False) and (
                entry["period"] == period and (bought, entry["quantity"]) == (price["id"], quantity)
            ):
                return int(entry["amount"]) - taken_off(entry)
    return None


def remember_prorations(world: World, subscription: Record, lines: list[Record]) -> None:
    """Keep prorations as invoice items until the next invoice takes them."""
    for entry in lines:
        details = entry["parent"]["subscription_item_details"]
        record = {
            "id": details["invoice_item"],
            "object": "invoiceitem",
            "amount": entry["amount"],
            "currency": entry["currency"],
            "customer": subscription["customer"],
            "customer_account": None,
            "date": world.now(subscription["test_clock"]),
            "description": entry["description"],
            "discountable": False,
            "discounts": [],
            "invoice": None,
            "livemode": False,
            "metadata": {},
            "net_amount": entry["amount"],
            "parent": {
                "subscription_details": {
                    "subscription": subscription["id"],
                    "subscription_item": details["subscription_item"],
                },
                "type": "subscription_details",
            },
            "period": dict(entry["period"]),
            "pricing": entry["pricing"],
            "proration": True,
            "quantity": entry["quantity"] or 0,
            "quantity_decimal": str(entry["quantity"] or 0),
            "tax_rates": [],
            "test_clock": subscription["test_clock"],
            "_private": {"subscription": subscription["id"], "line": entry},
        }
        world.save(record, "invoiceitem.created")


def invoice_prorations(world: World, subscription: Record) -> Record | None:
    """Ask for waiting prorations at once (``always_invoice``): drafted, finalized and charged now."""
    customer = world.store.find("customer", subscription["customer"])
    lines = pending_lines(world, subscription)
    if customer is None or not lines:
        return None
    now = world.now(subscription["test_clock"])
    invoice = draft(
        world,
        customer,
        subscription["currency"],
        reason="subscription_update",
        period=(now, now),
        subscription=subscription,
        lines=lines,
    )
    invoice["automatically_finalizes_at"] = None
    subscription["latest_invoice"] = invoice["id"]
    claim_pending(world, subscription, invoice)
    world.save(invoice, "invoice.created")
    world.save(subscription)
    finalize_and_collect(world, invoice, off_session=False)
    return invoice


def restart_cycle(world: World, subscription: Record, moment: int) -> None:
    """A new rhythm or ``billing_cycle_anchor[type]=now``: a full period starts now and is invoiced now."""
    subscription["billing_cycle_anchor"] = moment
    for item in subscription["items"]["data"]:
        item["current_period_start"] = item["current_period_end"] = moment
    renew(world, subscription)
    for item in subscription["items"]["data"]:
        item["current_period_end"] = boundary(moment, moment, item["price"])
    invoice = world.store.find("invoice", subscription["latest_invoice"])
    if invoice is not None:
        invoice.update(billing_reason="subscription_update", automatically_finalizes_at=None)
        world.save(invoice)
        finalize_and_collect(world, invoice, off_session=False)
