"""The least a webhook intake can do: check the signature and say yes. Stores nothing; the limit of `webhooks`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

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
    _verify(request.get_data(), request.headers["Stripe-Signature"])
    return jsonify(received=True)


def bare(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """The same without Flask."""
    if environ["REQUEST_METHOD"] == "POST":
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        _verify(body, environ["HTTP_STRIPE_SIGNATURE"])
    answer = b'{"received":true}'
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
    return (answer,)


def _verify(body: bytes, signature: str) -> None:
    assert _payments is not None
    _payments.verify_notice(body, signature, now=SystemClock().now())
