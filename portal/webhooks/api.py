"""The three addresses of the inbox (each of the earlier systems had one of its own)."""

from __future__ import annotations

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from portal.ports.payments import BadSignature
from portal.web.plugs import plugs
from portal.web.principal import public
from portal.web.problems import Problem
from portal.webhooks.service import DELIVERIES, store

MAX_BYTES = 512 * 1024


bp = Blueprint("webhooks", __name__)


@bp.post("/api/v1/webhooks/stripe")
@bp.post("/api/stripe/webhook")
@bp.post("/api/webhooks/stripe")
@public
def receive() -> ResponseReturnValue:
    """Take one signed event. 2xx means it is stored durably; 400 that it is not the provider's."""
    ports = plugs()
    if not ports.settings.stripe_webhook_secrets or not ports.settings.enable_billing:
        raise Problem(404, "not-found", "Not found", "This endpoint is off: no signing secret is configured.")
    raw, now = _body(), ports.clock.now()
    try:
        notice = ports.payments.verify_notice(raw, request.headers.get("Stripe-Signature", ""), now=now)
    except BadSignature as problem:
        DELIVERIES.labels("forged").inc()
        raise Problem(400, "bad-signature", "The signature does not match", str(problem)) from None
    except ValueError as problem:
        DELIVERIES.labels("unreadable").inc()
        raise Problem(400, "not-an-event", "This is not an event", str(problem)) from None
    verdict = store(notice, raw, endpoint=request.path, now=now, queue=ports.queue, livemode=ports.settings.livemode)
    return jsonify(received=True, verdict=verdict)


def _body() -> bytes:
    if (request.content_length or 0) > MAX_BYTES:
        raise Problem(413, "body-too-large", "The delivery is too large", f"The limit is {MAX_BYTES} bytes.")
    request.max_content_length = MAX_BYTES
    return request.get_data(cache=False)
