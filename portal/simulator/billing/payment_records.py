"""What intents, charges, declines and lines of Stripe's balance look like."""

from portal.simulator.cards import Decline
from portal.simulator.identifiers import client_secret, new_id, random_text
from portal.simulator.records import Record
from portal.simulator.world import World, clock_of, public


def new_intent(world: World, amount: int, currency: str, customer: Record | None, description: str | None) -> Record:
    """A payment intent that waits for a payment method; not saved."""
    test_clock = None if customer is None else clock_of(customer)
    identifier = new_id("payment_intent")
    return {
        "id": identifier,
        "object": "payment_intent",
        "allowed_payment_method_types": None,
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": {"allow_redirects": "always", "enabled": True},
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": client_secret(identifier),
        "confirmation_method": "automatic",
        "created": world.now(test_clock),
        "currency": currency,
        "customer": None if customer is None else customer["id"],
        "customer_account": None,
        "description": description,
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "managed_payments": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {
                "installments": None,
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        "payment_method_types": ["card"],
        "payment_record": None,
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
        "_private": {"test_clock": test_clock},
    }


def error_record(decline: Decline, method: Record | None, charge: str | None = None) -> Record:
    """A decline as ``last_payment_error`` shows it."""
    error: Record = {
        "code": decline.code,
        "doc_url": "https://stripe.com/docs/error-codes/" + decline.code.replace("_", "-"),
        "message": decline.message,
        "type": "card_error" if decline.decline_code else "invalid_request_error",
    }
    if decline.decline_code:
        error["decline_code"] = decline.decline_code
        error["advice_code"] = "do_not_try_again" if decline.hard else "try_again_later"
    if charge is not None:
        error["charge"] = charge
    if method is not None:
        error["payment_method"] = public(method)
        error["payment_method_type"] = "card"
    return error


def bank_outcome(kind: str, decline: Decline | None) -> Record:
    return {
        "advice_code": None if decline is None else ("do_not_try_again" if decline.hard else "try_again_later"),
        "network_advice_code": None,
        "network_decline_code": None if decline is None else "05",
        "network_status": "approved_by_network" if decline is None else "declined_by_network",
        "reason": None if decline is None else decline.decline_code,
        "risk_level": "normal",
        "risk_score": 12,
        "seller_message": "Payment complete." if decline is None else "The bank did not return any further details.",
        "type": kind,
    }


def charge_record(world: World, intent: Record, method: Record) -> Record:
    card, identifier = method["card"], new_id("charge")
    return {
        "id": identifier,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"],
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": new_id("balance_transaction"),
        "billing_details": dict(method["billing_details"]),
        "calculated_statement_descriptor": "MERCATO TEST",
        "captured": True,
        "created": world.now(clock_of(intent)),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "on_behalf_of": None,
        "outcome": bank_outcome("authorized", None),
        "paid": True,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {
            "card": {
                "amount_authorized": intent["amount"],
                "authorization_code": random_text(6).upper(),
                "brand": card["brand"],
                "checks": dict(card["checks"]),
                "country": card["country"],
                "electronic_commerce_indicator": None,
                "exp_month": card["exp_month"],
                "exp_year": card["exp_year"],
                "extended_authorization": {"status": "disabled"},
                "fingerprint": card["fingerprint"],
                "funding": card["funding"],
                "incremental_authorization": {"status": "unavailable"},
                "installments": None,
                "last4": card["last4"],
                "mandate": None,
                "multicapture": {"status": "unavailable"},
                "network": card["brand"],
                "network_token": {"used": False},
                "network_transaction_id": random_text(15),
                "overcapture": {"maximum_amount_capturable": intent["amount"], "status": "unavailable"},
                "regulated_status": "unregulated",
                "three_d_secure": None,
                "transaction_link_id": None,
                "wallet": None,
            },
            "type": "card",
        },
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": f"{world.public_url}/receipts/{identifier}",
        "refunded": False,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "succeeded",
        "transfer_data": None,
        "transfer_group": None,
        "_private": {"test_clock": clock_of(intent)},
    }


def processing_fee(amount: int) -> int:
    """What a charge costs: 1.5 % + 25, as in Europe."""
    return (amount * 15 + 500) // 1000 + 25


def balance_entry(world: World, source: Record, kind: str, amount: int, fee: int = 0) -> Record:
    """The line in Stripe's balance that a charge, a refund or a dispute makes."""
    now = world.now(clock_of(source))
    details = [{"amount": fee, "application": None, "currency": source["currency"],
                "description": "Dispute fee" if kind == "adjustment" else "Stripe processing fees",
                "type": "stripe_fee"}]  # fmt: skip
    return {
        "id": source["balance_transaction"],
        "object": "balance_transaction",
        "amount": amount,
        "available_on": now + 2 * 86_400,
        "balance_type": "payments",
        "created": now,
        "currency": source["currency"],
        "description": source.get("description"),
        "exchange_rate": None,
        "fee": fee,
        "fee_details": details if fee else [],
        "net": amount - fee,
        "reporting_category": kind,
        "source": source["id"],
        "status": "pending",
        "type": kind,
    }
