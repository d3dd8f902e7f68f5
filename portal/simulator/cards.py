"""Stripe's published test cards and what each of them does."""

from dataclasses import dataclass
from typing import Literal

from portal.simulator.records import Record

Authentication = Literal["none", "unless_set_up", "always"]
_DECLINED = "Your card was declined."


@dataclass(frozen=True)
class Decline:
    """Why a bank refuses. ``human`` is what the hosted page says; ``hard`` means that trying again cannot help."""

    code: str
    decline_code: str | None
    message: str
    human: str
    hard: bool = False


@dataclass(frozen=True)
class Card:
    """A test card. ``decline_on_setup`` is False for the card that attaches and then fails every charge; the owner of one
    that is ``disputed`` tells the bank at once that it was not them."""

    number: str
    brand: str
    title: str
    token: str
    decline: Decline | None = None
    decline_on_setup: bool = True
    authentication: Authentication = "none"
    disputed: bool = False

    @property
    def last4(self) -> str:
        """The only digits anybody keeps."""
        return self.number[-4:]


GENERIC = Decline(
    "card_declined",
    "generic_decline",
    _DECLINED,
    "Your bank declined this card. Nothing was charged. Try another card, or ask your bank.",
)
FUNDS = Decline(
    "card_declined",
    "insufficient_funds",
    "Your card has insufficient funds.",
    "This card does not have enough funds. Nothing was charged. Try another card.",
)
LOST = Decline("card_declined", "lost_card", _DECLINED, GENERIC.human, hard=True)
STOLEN = Decline("card_declined", "stolen_card", _DECLINED, GENERIC.human, hard=True)
EXPIRED = Decline(
    "expired_card",
    "expired_card",
    "Your card has expired.",
    "This card has expired. Nothing was charged. Check the date or try another card.",
    hard=True,
)
CVC = Decline(
    "incorrect_cvc",
    "incorrect_cvc",
    "Your card's security code is incorrect.",
    "The security code does not match this card. Nothing was charged. Check the code and try again.",
)
PROCESSING = Decline(
    "processing_error",
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
    "The payment could not be processed just now. Nothing was charged. Try again in a moment.",
)
AUTHENTICATION = Decline(
    "card_declined",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
    "Your bank asks you to confirm this payment.",
    hard=True,
)
UNAUTHENTICATED = Decline(
    "payment_intent_authentication_failure",
    None,
    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new PaymentMethod "
    "to attempt to fulfill this PaymentIntent again.",
    "Your bank could not confirm that it is you. Nothing was charged. Try again, or use another card.",
)

CARDS = (
    Card("4242424242424242", "visa", "Succeeds", "pm_card_visa"),
    Card("5555555555554444", "mastercard", "Succeeds (Mastercard)", "pm_card_mastercard"),
    Card("4000002500003155", "visa", "Asks to confirm, once", "pm_card_authenticationRequiredOnSetup",
         authentication="unless_set_up"),
    Card("4000002760003184", "visa", "Asks to confirm, always", "pm_card_authenticationRequired",
         authentication="always"),
    Card("4000008260003178", "visa", "Confirms, then lacks funds",
         "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds", decline=FUNDS, decline_on_setup=False,
         authentication="always"),
    Card("4000000000000002", "visa", "Declined", "pm_card_visa_chargeDeclined", decline=GENERIC),
    Card("4000000000009995", "visa", "Not enough funds", "pm_card_visa_chargeDeclinedInsufficientFunds", decline=FUNDS),
    Card("4000000000009987", "visa", "Lost card", "pm_card_visa_chargeDeclinedLostCard", decline=LOST),
    Card("4000000000009979", "visa", "Stolen card", "pm_card_visa_chargeDeclinedStolenCard", decline=STOLEN),
    Card("4000000000000069", "visa", "Expired card", "pm_card_chargeDeclinedExpiredCard", decline=EXPIRED),
    Card("4000000000000127", "visa", "Wrong security code", "pm_card_chargeDeclinedIncorrectCvc", decline=CVC),
    Card("4000000000000119", "visa", "Processing error", "pm_card_chargeDeclinedProcessingError", decline=PROCESSING),
    Card("4000000000000341", "visa", "Saves, then every charge fails", "pm_card_chargeCustomerFail", decline=GENERIC,
         decline_on_setup=False),
    Card("4000000000000259", "visa", "Succeeds, then is disputed", "pm_card_createDispute", disputed=True),
)  # fmt: skip
BY_NUMBER = {card.number: card for card in CARDS}
BY_TOKEN = {card.token: card for card in CARDS} | {
    "pm_card_chargeDeclined": BY_NUMBER["4000000000000002"],
    "pm_card_chargeDeclinedInsufficientFunds": BY_NUMBER["4000000000009995"],
}


def card_of(method: Record) -> Card:
    """The test card behind a payment method."""
    return BY_NUMBER[method["_private"]["number"]]


def luhn(number: str) -> bool:
    """Whether the check digit is right, as every real card's is."""
    digits = [int(digit) for digit in reversed(number)]
    return (sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])) % 10 == 0
