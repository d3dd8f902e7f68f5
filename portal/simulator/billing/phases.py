"""Phases of a subscription schedule: what a subscription buys from an instant that is known ahead."""

from typing import Any

from portal.simulator.billing.subscription_record import plan_of
from portal.simulator.records import Record
from portal.simulator.world import World, public

KIND = "subscription_schedule"


def phase(
    subscription: Record, items: list[Record], start: int, end: int, proration: str, discounts: list[str]
) -> Record:
    """A phase that buys `items` from `start` to `end` (exclusive) with these discounts of the subscription."""
    return {
        "add_invoice_items": [],
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": None,
        "billing_thresholds": None,
        "collection_method": None,
        "currency": subscription["currency"],
        "default_payment_method": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [{"coupon": None, "discount": each, "promotion_code": None} for each in discounts],
        "end_date": end,
        "invoice_settings": None,
        "items": items,
        "metadata": {},
        "on_behalf_of": None,
        "proration_behavior": proration,
        "start_date": start,
        "transfer_data": None,
        "trial": False,
        "trial_end": subscription["trial_end"] if subscription["status"] == "trialing" else None,
    }


def phase_item(price: str, quantity: int | None) -> Record:
    """One price within a phase."""
    return {
        "billing_thresholds": None,
        "discounts": [],
        "metadata": {},
        "plan": price,
        "price": price,
        "quantity": quantity,
        "tax_rates": [],
    }


def current_phase(subscription: Record) -> Record:
    """What the subscription buys in the period it is in."""
    bought = subscription["items"]["data"]
    items = [phase_item(item["price"]["id"], item.get("quantity")) for item in bought]
    start = min(item["current_period_start"] for item in bought)
    end = min(item["current_period_end"] for item in bought)
    return phase(subscription, items, start, end, "create_prorations", list(subscription["discounts"]))


def enter_due(world: World, subscription: Record, moment: int) -> None:
    """At a period's end: buy what the schedule says from here on, or let the subscription go when it says no more."""
    schedule = world.store.find(KIND, subscription["schedule"] or "")
    if schedule is None or schedule["status"] != "active":
        return
    due = next((each for each in schedule["phases"] if each["start_date"] <= moment < each["end_date"]), None)
    if due is None:
        release(world, schedule, subscription)
        return
    for item, wanted in zip(subscription["items"]["data"], due["items"], strict=False):
        rewrite(world, item, wanted)
    keep_discounts(subscription, due)
    span = {"start_date": due["start_date"], "end_date": due["end_date"]}
    if schedule["current_phase"] != span:
        schedule["current_phase"] = span
        world.save(schedule, "subscription_schedule.updated")


def keep_discounts(subscription: Record, entered: Record) -> None:
    """Let a phase decide which discounts the subscription still has: those it does not name are gone."""
    named = [each["discount"] for each in entered["discounts"]]
    subscription["discounts"] = [each for each in subscription["discounts"] if each in named]


def rewrite(world: World, item: Record, wanted: dict[str, Any]) -> None:
    """Let a subscription's item buy what a phase's item says."""
    price = world.store.find("price", wanted["price"])
    if price is not None:
        item.update(price=public(price), plan=plan_of(price))
    if wanted["quantity"] is not None:
        item["quantity"] = wanted["quantity"]


def release(world: World, schedule: Record, subscription: Record) -> None:
    """End the schedule and let its subscription go on as it is; the subscription is saved by the caller."""
    schedule.update(
        status="released",
        released_at=world.now(schedule["test_clock"]),
        released_subscription=subscription["id"],
        subscription=None,
        current_phase=None,
    )
    subscription["schedule"] = None
    world.save(schedule, "subscription_schedule.released")
