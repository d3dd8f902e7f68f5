"""The least a webhook intake can do: check the signature and say yes. Stores nothing; the limit of `webhooks`."""

from __future__ import annotations

import os

from flask import Flask, jsonify, request

from portal.adapters.stripe_payments import StripePayments
from portal.kit.clock import SystemClock

app = Flask(__name__)
_payments = (
    StripePayments("sk_test_x", (os.environ["STRIPE_WEBHOOK_SECRET"],))
    if "STRIPE_WEBHOOK_SECRET" in os.environ
    else None
)


@app.post("/api/v1/webhooks/stripe")
def receive() -> object:
    assert _payments is not None
    _payments.verify_notice(request.get_data(), request.headers["Stripe-Signature"], now=SystemClock().now())
    return jsonify(received=True)
