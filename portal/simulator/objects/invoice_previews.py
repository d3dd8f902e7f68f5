"""The next invoice as it would be, with nothing kept."""

from typing import Any

from portal.simulator.billing import invoice_record
from portal.simulator.billing.changing import apply_changes
from portal.simulator.billing.cycle import pending_lines, period_lines
from portal.simulator.billing.subscription_record import boundary, new_subscription
from portal.simulator.errors import missing_parameter
from portal.simulator.objects.shared import get_record
from portal.simulator.objects.subscriptions import items_from
from portal.simulator.records import Record
from portal.simulator.routes import Call
from portal.simulator.world import World


def preview(world: World, call: Call) -> Record:
    """``POST /v1/invoices/create_preview``: the next invoice as it would be, with nothing kept."""
    details: dict[str, Any] = call.get("subscription_details") or {}
    if "subscription" in call.params:
        subscription = get_record(world, "subscription", call.params["subscription"], "subscription")
        customer = get_record(world, "customer", subscription["customer"], "customer")
        found = _preview_of(world, subscription, customer, details)
    else:
        customer = get_record(world, "customer", call.get("customer") or "", "customer")
        if not details.get("items"):
            raise missing_parameter("subscription")
        subscription = new_subscription(
            world, customer, items_from(world, details.get("items") or [], call.get("currency"))
        )
        found = _drafted(world, subscription, customer, period_lines(world, subscription))
    found.update(
        id="upcoming_" + found["id"], billing_reason="upcoming", automatically_finalizes_at=None, auto_advance=False
    )
    for entry in found["lines"]["data"]:
        entry["invoice"] = found["id"]
    found["lines"]["url"] = f"/v1/invoices/{found['id']}/lines"
    return found


def _preview_of(world: World, subscription: Record, customer: Record, details: dict[str, Any]) -> Record:
    now = world.now(subscription["test_clock"])
    moment = details.get("proration_date") or now
    waiting = pending_lines(world, subscription)
    changed, rhythm = apply_changes(world, subscription, details.get("items") or [], moment)
    prorated = [] if details.get("proration_behavior") == "none" else changed
    at_once = rhythm or (details.get("billing_cycle_anchor") or {}).get("type") == "now"
    if details.get("proration_behavior") == "always_invoice" and not at_once:
        return _drafted(world, subscription, customer, [*waiting, *prorated])
    for item in subscription["items"]["data"]:
        anchor = moment if at_once else subscription["billing_cycle_anchor"]
        item["current_period_start"] = moment if at_once else item["current_period_end"]
        item["current_period_end"] = boundary(anchor, item["current_period_start"], item["price"])
    if subscription["status"] == "trialing":
        subscription["status"] = "active"
    return _drafted(world, subscription, customer, [*waiting, *prorated, *period_lines(world, subscription)])


def _drafted(world: World, subscription: Record, customer: Record, entries: list[Record]) -> Record:
    period = (
        min(item["current_period_start"] for item in subscription["items"]["data"]),
        min(item["current_period_end"] for item in subscription["items"]["data"]),
    )
    return invoice_record.draft(
        world, customer, subscription["currency"], reason="upcoming", period=period, subscription=subscription,
        lines=entries,
    )  # fmt: skip
