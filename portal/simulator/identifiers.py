"""Identifiers in Stripe's form: a prefix that says what it is, then random characters."""

import secrets
import string

_ALPHABET = string.ascii_letters + string.digits

PREFIXES = {
    "balance_transaction": "txn_3",
    "billing_portal.configuration": "bpc_1",
    "billing_portal.session": "bps_1",
    "charge": "ch_3",
    "checkout.session": "cs_test_a1",
    "coupon": "",
    "customer": "cus_",
    "discount": "di_1",
    "dispute": "du_1",
    "event": "evt_1",
    "invoice": "in_1",
    "invoice_payment": "inpay_1",
    "invoiceitem": "ii_1",
    "item": "li_1",
    "line_item": "il_1",
    "payment_intent": "pi_3",
    "payment_method": "pm_1",
    "price": "price_1",
    "product": "prod_",
    "promotion_code": "promo_1",
    "refund": "re_3",
    "setup_intent": "seti_1",
    "subscription": "sub_1",
    "subscription_item": "si_",
    "subscription_schedule": "sub_sched_1",
    "tax_id": "txi_1",
    "test_helpers.test_clock": "clock_1",
    "webhook_endpoint": "we_1",
}
_LENGTHS = {"customer": 14, "product": 14, "subscription_item": 14, "coupon": 8, "checkout.session": 56}


def new_id(kind: str) -> str:
    """A fresh identifier for an object of this kind."""
    return PREFIXES[kind] + random_text(_LENGTHS.get(kind, 22))


def random_text(length: int) -> str:
    """Unguessable letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def client_secret(identifier: str) -> str:
    """The secret a browser would use to confirm this intent."""
    return f"{identifier}_secret_{random_text(25)}"
