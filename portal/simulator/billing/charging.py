"""Moving money from a card: what happens to an intent when a bank says yes, no, or who are you."""

from typing import Literal

from portal.simulator.billing.disputing import open_dispute
from portal.simulator.billing.payment_records import (
    balance_entry,
    bank_outcome,
    charge_record,
    error_record,
    processing_fee,
)
from portal.simulator.cards import AUTHENTICATION, UNAUTHENTICATED, Decline, card_of
from portal.simulator.errors import StripeError, card_declined
from portal.simulator.records import Record, private
from portal.simulator.world import World, public

Outcome = Literal["succeeded", "requires_action", "failed"]


def attempt(world: World, intent: Record, method: Record, *, off_session: bool, authenticated: bool = False) -> Outcome:
    """Try to take the intent's amount from this method; the intent, a charge and their events tell the story.

    ``off_session`` means nobody is there to confirm; a card that insists then leaves the intent in
    ``requires_action`` until its owner comes back.
    """
    card = card_of(method)
    intent["payment_method"] = method["id"]
    intent["last_payment_error"] = None
    set_up = bool(private(method).get("set_up"))
    insists = card.authentication == "always" or (
        card.authentication == "unless_set_up" and not (off_session and set_up)
    )
    if insists and not authenticated:
        return _ask(world, intent)
    intent["next_action"] = None
    if card.decline is not None:
        return _fail(world, intent, method, card.decline)
    _succeed(world, intent, method)
    if authenticated:
        private(method)["set_up"] = True
        world.save(method)
    return "succeeded"


def _ask(world: World, intent: Record) -> Outcome:
    intent["status"] = "requires_action"
    url = f"{world.public_url}/authentications/{intent['id']}"
    intent["next_action"] = {"type": "redirect_to_url", "redirect_to_url": {"return_url": None, "url": url}}
    world.save(intent, "payment_intent.requires_action")
    return "requires_action"


def refuse_authentication(world: World, intent: Record) -> Outcome:
    """The person could not, or did not want to, confirm at the bank. Nothing is charged."""
    intent["status"] = "requires_payment_method"
    intent["next_action"] = None
    method = world.store.find("payment_method", intent["payment_method"] or "")
    intent["last_payment_error"] = error_record(UNAUTHENTICATED, method)
    intent["payment_method"] = None
    world.save(intent, "payment_intent.payment_failed")
    return "failed"


def refuse_off_session(intent: Record, method: Record) -> None:
    """Note on an intent that its bank wants its owner present."""
    intent["last_payment_error"] = error_record(AUTHENTICATION, method)


def _fail(world: World, intent: Record, method: Record, decline: Decline) -> Outcome:
    charge = charge_record(world, intent, method)
    charge.update(
        status="failed",
        paid=False,
        captured=False,
        amount_captured=0,
        failure_code=decline.code,
        failure_message=decline.message,
        balance_transaction=None,
        receipt_url=None,
        outcome=bank_outcome("issuer_declined", decline),
    )
    intent["latest_charge"] = charge["id"]
    intent["status"] = "requires_payment_method"
    intent["payment_method"] = None
    intent["last_payment_error"] = error_record(decline, method, charge["id"])
    world.save(charge, "charge.failed")
    world.save(intent, "payment_intent.payment_failed")
    return "failed"


def _succeed(world: World, intent: Record, method: Record) -> None:
    charge = charge_record(world, intent, method)
    world.save(balance_entry(world, charge, "charge", charge["amount"], processing_fee(charge["amount"])))
    intent.update(status="succeeded", amount_received=intent["amount"], latest_charge=charge["id"], next_action=None)
    world.save(charge, "charge.succeeded")
    world.save(intent, "payment_intent.succeeded")
    if card_of(method).disputed:
        open_dispute(world, charge)


def raised(error: Record, intent: Record | None) -> StripeError:
    """The same decline as the error an API call gets (402). The failed attempt stays on record."""
    more: Record = {name: error[name] for name in ("charge", "payment_method", "advice_code") if name in error}
    if intent is not None:
        more["payment_intent"] = public(intent)
    failure = card_declined(error["code"], error["message"], error.get("decline_code"), **more)
    failure.keeps_changes = True
    return failure
