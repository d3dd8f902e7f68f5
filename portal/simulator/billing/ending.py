"""How a subscription ends: its trial, a wish to leave, a first payment that never came, a debt written off."""

from typing import Any

from portal.simulator.billing.cycle import method_for, renew
from portal.simulator.billing.invoicing import mark_uncollectible, subscription_of, void
from portal.simulator.records import Record, private
from portal.simulator.world import World


def end_trial(world: World, subscription: Record) -> None:
    """The free span is over: charge, or do what the subscription says about a missing payment method."""
    method = method_for(world, subscription)
    behaviour = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    if method is None and behaviour == "cancel":
        end(world, subscription, reason="cancellation_requested")
        return
    if method is None and behaviour == "pause":
        subscription["status"] = "paused"
        world.save(subscription, "customer.subscription.paused")
        return
    subscription["status"] = "active"
    renew(world, subscription)


def announce_trial_end(world: World, subscription: Record) -> None:
    """Three days before a trial ends, or at once for a shorter one."""
    private(subscription)["trial_end_announced"] = True
    world.save(subscription)
    world.announce("customer.subscription.trial_will_end", subscription)


def end(world: World, subscription: Record, *, reason: str | None, details: dict[str, Any] | None = None) -> Record:
    """Cancel now; final. Open invoices of the subscription stop being collected by themselves."""
    now = world.now(subscription["test_clock"])
    subscription.update(status="canceled", ended_at=now, canceled_at=subscription["canceled_at"] or now)
    subscription["cancellation_details"].update(details or {})
    if subscription["cancellation_details"]["reason"] is None:
        subscription["cancellation_details"]["reason"] = reason
    for invoice in world.store.newest("invoice", customer=subscription["customer"]):
        if subscription_of(invoice) == subscription["id"] and invoice["status"] in ("draft", "open"):
            invoice.update(automatically_finalizes_at=None, next_payment_attempt=None, auto_advance=False)
            world.save(invoice, "invoice.updated")
    return world.save(subscription, "customer.subscription.deleted")


def expire_incomplete(world: World, subscription: Record) -> None:
    """The first payment never came: the subscription never was, and its invoice is void."""
    invoice = world.store.find("invoice", subscription["latest_invoice"] or "")
    if invoice is not None and invoice["status"] == "open":
        void(world, invoice)
    subscription.update(status="incomplete_expired", ended_at=world.now(subscription["test_clock"]))
    world.save(subscription, "customer.subscription.updated")


def schedule_cancel(world: World, subscription: Record, *, at_period_end: bool) -> None:
    """Set or clear "cancel at the end of what is paid for"; not saved."""
    if at_period_end == subscription["cancel_at_period_end"]:
        return
    subscription["cancel_at_period_end"] = at_period_end
    if at_period_end:
        subscription["cancel_at"] = max(item["current_period_end"] for item in subscription["items"]["data"])
        subscription["canceled_at"] = world.now(subscription["test_clock"])
        subscription["cancellation_details"]["reason"] = "cancellation_requested"
    else:
        subscription.update(cancel_at=None, canceled_at=None)
        subscription["cancellation_details"] = {
            "comment": None,
            "feedback": None,
            "feedback_option": None,
            "reason": None,
        }


def write_off(world: World, subscription: Record) -> None:
    """Mark every open invoice of a subscription that ended for non-payment as uncollectible."""
    for invoice in world.store.newest("invoice", customer=subscription["customer"], status="open"):
        if subscription_of(invoice) == subscription["id"]:
            mark_uncollectible(world, invoice)
