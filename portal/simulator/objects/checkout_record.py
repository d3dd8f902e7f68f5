"""What a checkout session looks like when it opens, and what it learns about the person."""

from portal.simulator.errors import invalid
from portal.simulator.identifiers import new_id
from portal.simulator.objects.shared import merged_metadata
from portal.simulator.records import Record
from portal.simulator.routes import Call
from portal.simulator.world import World

KIND = "checkout.session"
HALF_HOUR, DAY = 1800, 86_400


def new_session(world: World, call: Call, mode: str, clock: str | None) -> Record:
    identifier, now = new_id(KIND), world.now(clock)
    expires = call.get("expires_at", now + DAY)
    if not now + HALF_HOUR - 60 <= expires <= now + DAY + 60:
        message = "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation."
        raise invalid(message, "expires_at")
    collection = call.get("payment_method_collection", "always") if mode == "subscription" else "if_required"
    creation = {"subscription": None, "payment": "if_required", "setup": None}[mode]
    return {
        "id": identifier,
        "object": KIND,
        "adaptive_pricing": {"enabled": False},
        "after_expiration": None,
        "allow_promotion_codes": None,
        "allowed_payment_method_types": None,
        "amount_subtotal": None,
        "amount_total": None,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": None,
        "cancel_url": call.get("cancel_url"),
        "client_reference_id": call.get("client_reference_id"),
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": now,
        "currency": None,
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": None,
        "customer_account": None,
        "customer_creation": call.get("customer_creation", creation),
        "customer_details": None,
        "customer_email": call.get("customer_email"),
        "discounts": [],
        "expires_at": expires,
        "integration_identifier": None,
        "invoice": None,
        "invoice_creation": None,
        "livemode": False,
        "locale": None,
        "managed_payments": None,
        "metadata": merged_metadata({}, call.get("metadata", {})),
        "mode": mode,
        "origin_context": None,
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": collection,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "payment_status": "no_payment_required" if mode == "setup" else "unpaid",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": call.get("submit_type"),
        "subscription": None,
        "success_url": call.get("success_url"),
        "total_details": None,
        "ui_mode": "hosted_page",
        "url": f"{world.public_url}/c/pay/{identifier}",
        "wallet_options": None,
    }


def use_customer(session: Record, customer: Record) -> None:
    """Let the session belong to this customer."""
    session["customer"] = customer["id"]
    session["customer_details"] = customer_details(customer["email"], customer["name"])


def customer_details(email: str | None, name: str | None) -> Record:
    """What the session knows about the person."""
    return {
        "address": None,
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }
