"""Starting a subscription, from the API or from a completed checkout."""

from dataclasses import dataclass, field
from typing import Any

from portal.simulator.billing.charging import raised
from portal.simulator.billing.collecting import collect, settle
from portal.simulator.billing.cycle import first_invoice, method_for
from portal.simulator.billing.discounts import Redeemed, redeem
from portal.simulator.billing.invoicing import finalize, intent_of
from portal.simulator.billing.subscription_record import begin_trial, new_subscription
from portal.simulator.errors import invalid
from portal.simulator.records import Record
from portal.simulator.world import World

Items = list[tuple[Record, int, Record]]


@dataclass
class Start:
    """What is asked for. ``behavior`` is Stripe's ``payment_behavior``; ``changes`` are plain fields to set."""

    customer: Record
    items: Items
    trial_end: int | None = None
    behavior: str = "allow_incomplete"
    off_session: bool = False
    changes: dict[str, Any] = field(default_factory=dict)
    extra_lines: list[Record] = field(default_factory=list)
    discounts: list[Redeemed] = field(default_factory=list)


def start(world: World, wanted: Start) -> Record:
    """Create, invoice and (unless told otherwise) charge. Raises 402 with ``error_if_incomplete``."""
    subscription = _prepared(world, wanted)
    trialing = wanted.trial_end is not None
    invoice = first_invoice(world, subscription, wanted.customer, wanted.extra_lines)
    automatic = subscription["collection_method"] == "charge_automatically"
    method = method_for(world, subscription, wanted.customer)
    if automatic and method is None and invoice["amount_due"] > 0 and wanted.behavior != "default_incomplete":
        raise invalid(
            "This customer has no attached payment source or default payment method. Please consider adding a "
            "default payment method.",
            code="resource_missing",
        )
    if not trialing:
        subscription["status"] = "incomplete" if automatic and invoice["amount_due"] > 0 else "active"
    world.save(subscription, "customer.subscription.created")
    if not automatic:
        invoice["automatically_finalizes_at"] = invoice["created"] + 3600
        world.save(invoice)
        return subscription
    finalize(world, invoice)
    if invoice["status"] == "open" and method is not None and wanted.behavior != "default_incomplete":
        _charge_first(world, wanted, invoice, method)
    return world.store.find("subscription", subscription["id"]) or subscription


def _charge_first(world: World, wanted: Start, invoice: Record, method: Record) -> None:
    outcome = collect(world, invoice, method, off_session=wanted.off_session)
    if outcome == "succeeded" or wanted.behavior != "error_if_incomplete":
        return
    intent = intent_of(world, invoice) or {}
    error = intent.get("last_payment_error") or {"code": "card_declined", "message": "Your card was declined."}
    failure = raised(error, None)
    failure.keeps_changes = False
    raise failure


def start_paid(world: World, wanted: Start, intent: Record | None, method: Record | None) -> Record:
    """A checkout is complete: money taken (or nothing due), so the subscription begins active or trialing."""
    subscription = _prepared(world, wanted)
    if method is not None:
        subscription["default_payment_method"] = method["id"]
    invoice = first_invoice(world, subscription, wanted.customer, wanted.extra_lines)
    if wanted.trial_end is None:
        subscription["status"] = "active"
    world.save(subscription, "customer.subscription.created")
    finalize(world, invoice, intent)
    if invoice["status"] == "open":
        settle(world, invoice)
    return world.store.find("subscription", subscription["id"]) or subscription


def _prepared(world: World, wanted: Start) -> Record:
    subscription = new_subscription(world, wanted.customer, wanted.items)
    subscription.update(wanted.changes)
    if wanted.trial_end is not None:
        begin_trial(subscription, wanted.trial_end)
    redeem(world, subscription, wanted.discounts)
    return subscription
