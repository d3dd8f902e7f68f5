"""Collecting an invoice, and what its success or failure means for the subscription and the customer."""

from portal.simulator.billing.agenda import DAY
from portal.simulator.billing.charging import Outcome, attempt, refuse_off_session
from portal.simulator.billing.invoicing import intent_of, mark_paid, mark_uncollectible, subscription_of
from portal.simulator.cards import card_of
from portal.simulator.records import Record, private
from portal.simulator.world import World

RETRY_DAYS = (1, 2, 3, 5, 7, 9, 11, 14)
"""Days after the first failure at which a charge is tried again: Stripe's default of eight tries in two weeks."""


def collect(
    world: World, invoice: Record, method: Record | None, *, off_session: bool, authenticated: bool = False
) -> Outcome:
    """Try to collect an open invoice with this method; without one it fails like a declined card does."""
    intent = intent_of(world, invoice)
    if intent is None or intent["status"] in ("succeeded", "canceled"):
        settle(world, invoice)
        return "succeeded"
    if method is None:
        outcome: Outcome = "failed"
    else:
        outcome = attempt(world, intent, method, off_session=off_session, authenticated=authenticated)
        if outcome == "requires_action" and off_session:
            refuse_off_session(intent, method)
            world.save(intent)
    if outcome == "succeeded":
        settle(world, invoice)
    else:
        _missed(world, invoice, method, outcome, off_session=off_session)
    return outcome


def settle(world: World, invoice: Record) -> None:
    """The money is here: the invoice is paid, the subscription lives, the customer owes nothing on it."""
    if invoice["status"] == "paid":
        return
    invoice["attempt_count"] += 1
    mark_paid(world, invoice, amount=invoice["amount_due"])
    customer = world.store.find("customer", invoice["customer"])
    if customer is not None and customer.get("delinquent"):
        customer["delinquent"] = False
        world.save(customer, "customer.updated")
    subscription = world.store.find("subscription", subscription_of(invoice) or "")
    if subscription is None or subscription["status"] not in ("incomplete", "past_due", "unpaid"):
        return
    if not _still_owing(world, subscription, invoice["id"]):
        subscription["status"] = "active"
        world.save(subscription, "customer.subscription.updated")


def _still_owing(world: World, subscription: Record, except_invoice: str) -> bool:
    opened = world.store.newest("invoice", customer=subscription["customer"], status="open")
    return any(other["id"] != except_invoice and subscription_of(other) == subscription["id"] for other in opened)


def _missed(world: World, invoice: Record, method: Record | None, outcome: Outcome, *, off_session: bool) -> None:
    invoice["attempted"] = True
    if outcome == "failed" or off_session:
        invoice["attempt_count"] += 1
    first_payment = invoice["billing_reason"] == "subscription_create"
    if not first_payment:
        _plan_retry(world, invoice, method)
    world.save(invoice, "invoice.updated")
    if outcome == "requires_action":
        world.announce("invoice.payment_action_required", invoice)
    if outcome == "failed" or off_session:
        world.announce("invoice.payment_failed", invoice)
    subscription = world.store.find("subscription", subscription_of(invoice) or "")
    if subscription is None:
        return
    if subscription["status"] in ("active", "trialing") and not first_payment:
        subscription["status"] = "past_due"
        world.save(subscription, "customer.subscription.updated")
    customer = world.store.find("customer", invoice["customer"])
    if customer is not None and not customer.get("deleted") and not first_payment and not customer["delinquent"]:
        customer["delinquent"] = True
        world.save(customer, "customer.updated")


def _plan_retry(world: World, invoice: Record, method: Record | None) -> None:
    kept = private(invoice)
    now = world.now(invoice["test_clock"])
    first = kept.setdefault("first_failure", now)
    later = [first + days * DAY for days in RETRY_DAYS if first + days * DAY > now]
    invoice["next_payment_attempt"] = later[0] if later else None
    decline = None if method is None else card_of(method).decline
    kept["waits_for"] = method["id"] if method is not None and decline is not None and decline.hard else None


def retry(world: World, invoice: Record, method: Record | None) -> bool:
    """A planned retry falls due. Returns whether all retries are now used up without success.

    After a hard decline the same card is not asked again: the retry passes silently and waits for a new one.
    """
    same_refused_card = method is not None and private(invoice).get("waits_for") == method["id"]
    if same_refused_card or method is None:
        _plan_retry(world, invoice, method)
        world.save(invoice, "invoice.updated")
    elif collect(world, invoice, method, off_session=True) == "succeeded":
        return False
    return invoice["next_payment_attempt"] is None


def give_up(world: World, invoice: Record) -> None:
    """Retries are used up and the subscription is over: the debt is written off."""
    if invoice["status"] == "open":
        mark_uncollectible(world, invoice)
