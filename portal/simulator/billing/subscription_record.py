"""What a subscription and its items look like when they begin, and where their periods end."""

from portal.kit.clock import from_timestamp
from portal.kit.periods import add_intervals, period_containing
from portal.simulator.identifiers import new_id
from portal.simulator.records import Record, listing
from portal.simulator.world import World, clock_of, public

ENDED = ("canceled", "incomplete_expired")


def new_subscription(world: World, customer: Record, items: list[tuple[Record, int, Record]]) -> Record:
    """A subscription to (price, quantity, metadata) items that starts now; not saved, without trial."""
    test_clock = clock_of(customer)
    now, identifier = world.now(test_clock), new_id("subscription")
    first_price = items[0][0]
    end = boundary(now, now, first_price)
    built = [build_item(identifier, price, quantity, metadata, now, end) for price, quantity, metadata in items]
    return {
        "id": identifier,
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": now,
        "billing_cycle_anchor_config": None,
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible", "updated_at": now},
        "billing_schedules": [],
        "billing_thresholds": None,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "feedback_option": None, "reason": None},
        "collection_method": "charge_automatically",
        "created": now,
        "currency": first_price["currency"],
        "customer": customer["id"],
        "customer_account": None,
        "days_until_due": None,
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {
            "account_tax_ids": None,
            "custom_fields": None,
            "description": None,
            "footer": None,
            "issuer": {"type": "self"},
        },
        "items": listing(built, f"/v1/subscription_items?subscription={identifier}"),
        "latest_invoice": None,
        "livemode": False,
        "managed_payments": None,
        "metadata": {},
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "schedule": None,
        "start_date": now,
        "status": "incomplete",
        "test_clock": test_clock,
        "transfer_data": None,
        "trial_end": None,
        "trial_settings": {"end_behavior": {"billing_cycle_anchor": None, "missing_payment_method": "create_invoice"}},
        "trial_start": None,
    }


def build_item(
    subscription: str, price: Record, quantity: int, metadata: dict[str, str], start: int, end: int
) -> Record:
    """An item of a subscription for the period from ``start`` to ``end``; metered ones have no quantity."""
    metered = price["recurring"]["usage_type"] == "metered"
    item = {
        "id": new_id("subscription_item"),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": start,
        "current_period_end": end,
        "current_period_start": start,
        "current_trial": None,
        "discounts": [],
        "metadata": dict(metadata),
        "plan": plan_of(price),
        "price": public(price),
        "subscription": subscription,
        "tax_rates": [],
    }
    return item if metered else {**item, "quantity": quantity}


def plan_of(price: Record) -> Record:
    """The older shape of a recurring price, which subscription items still carry."""
    rhythm = price["recurring"]
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": rhythm["interval"],
        "interval_count": rhythm["interval_count"],
        "livemode": False,
        "metadata": dict(price["metadata"]),
        "meter": rhythm["meter"],
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": price["tiers_mode"],
        "transform_usage": price["transform_quantity"],
        "trial_period_days": rhythm["trial_period_days"],
        "usage_type": rhythm["usage_type"],
    }


def boundary(anchor: int, moment: int, price: Record) -> int:
    """The end of the billing period that holds ``moment``, counted from the anchor (so the 31st stays the 31st)."""
    rhythm = price["recurring"]
    period = period_containing(
        from_timestamp(anchor), from_timestamp(moment), rhythm["interval"], rhythm["interval_count"]
    )
    return int(period.end.timestamp())


def begin_trial(subscription: Record, trial_end: int) -> None:
    """Let the subscription start with a free span; the cycle is anchored to its end."""
    subscription.update(
        status="trialing",
        trial_start=subscription["created"],
        trial_end=trial_end,
        billing_cycle_anchor=trial_end,
    )
    for item in subscription["items"]["data"]:
        item["current_period_end"] = trial_end


def days_later(moment: int, days: int) -> int:
    """``moment`` plus whole days."""
    return int(add_intervals(from_timestamp(moment), "day", days).timestamp())
