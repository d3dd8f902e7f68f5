"""What becomes of a subscription: changes now, as previewed, and later, as schedules; its end. Imports no SDK."""

from __future__ import annotations

from datetime import datetime
from typing import Any


def preview(client: Any, subscription_id: str, price_id: str, at: datetime) -> Any:
    """Return the invoice that replacing the price at an instant would make at once."""
    item = client.v1.subscriptions.retrieve(subscription_id).items.data[0]
    return client.v1.invoices.create_preview(
        params={
            "subscription": subscription_id,
            "subscription_details": {
                "items": [{"id": item.id, "price": price_id}],
                "proration_behavior": "always_invoice",
                "proration_date": int(at.timestamp()),
            },
        }
    )


def change_price(client: Any, subscription_id: str, price_id: str, at: datetime, key: str) -> Any:
    """Replace the price now, charge the difference from `at` on, and return the subscription; no change when it has it."""
    held = client.v1.subscriptions.retrieve(subscription_id)
    if held.items.data[0].price.id == price_id:
        return held
    _release_of(client, held, key)
    return client.v1.subscriptions.update(
        subscription_id,
        params={
            "items": [{"id": held.items.data[0].id, "price": price_id}],
            "proration_behavior": "always_invoice",
            "proration_date": int(at.timestamp()),
            "payment_behavior": "error_if_incomplete",
        },
        options={"idempotency_key": key},
    )


def cancel_at_period_end(client: Any, subscription_id: str, cancel: bool, key: str) -> Any:
    """Let a subscription end with its period, or go on after all, and return it."""
    _release_of(client, client.v1.subscriptions.retrieve(subscription_id), key)
    return client.v1.subscriptions.update(
        subscription_id, params={"cancel_at_period_end": cancel}, options={"idempotency_key": key}
    )


def schedule_price(client: Any, subscription_id: str, price_id: str, key: str) -> str:
    """Replace the price when the period ends and return the schedule's id. Phases lose the discounts they do not name."""
    held = client.v1.subscriptions.retrieve(subscription_id)
    schedule_id = held.schedule if isinstance(held.schedule, str) else None
    if schedule_id is None:
        made = client.v1.subscription_schedules.create(
            params={"from_subscription": subscription_id}, options={"idempotency_key": key}
        )
        schedule_id = str(made.id)
    item = held.items.data[0]
    span = {"start_date": item.current_period_start, "end_date": item.current_period_end}
    kept = {"discounts": [{"discount": each} for each in held.discounts]} if held.discounts else {}
    phases: list[Any] = [
        {"items": [{"price": item.price.id, "quantity": item.quantity or 1}], **span, **kept},
        {"items": [{"price": price_id, "quantity": item.quantity or 1}], "proration_behavior": "none", **kept},
    ]
    client.v1.subscription_schedules.update(
        schedule_id,
        params={"phases": phases, "end_behavior": "release"},
        options={"idempotency_key": f"{key}:phases:{price_id}"},
    )
    return schedule_id


def release(client: Any, schedule_id: str, key: str) -> None:
    """Let a subscription go on without what was planned, unless the schedule has ended already."""
    if client.v1.subscription_schedules.retrieve(schedule_id).status in ("active", "not_started"):
        client.v1.subscription_schedules.release(schedule_id, options={"idempotency_key": key})


def _release_of(client: Any, held: Any, key: str) -> None:
    """Stripe lets nobody else end or re-price a subscription that a schedule holds, also when it has done its work."""
    if isinstance(held.schedule, str):
        release(client, held.schedule, f"{key}:release")
