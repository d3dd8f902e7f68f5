"""The three addresses of the inbox (each of the earlier systems had one of its own)."""

from __future__ import annotations

from flask import Blueprint, Flask, jsonify, request
from flask.typing import ResponseReturnValue

from portal.ports.payments import BadSignature
from portal.web.doors import Doors, Post, raise_met
from portal.web.plugs import Plugs, plugs
from portal.web.principal import public
from portal.web.problems import Problem
from portal.webhooks.service import DELIVERIES, store

MAX_BYTES = 512 * 1024
PATHS = ("/api/v1/webhooks/stripe", "/api/stripe/webhook", "/api/webhooks/stripe")


bp = Blueprint("webhooks", __name__)


def register(app: Flask) -> None:
    """Serve the addresses, each with a door of its own."""
    app.register_blueprint(bp)
    doors: Doors = app.extensions["doors"]
    for path in PATHS:
        doors.open(path, accept, max_bytes=MAX_BYTES)


@bp.post(PATHS[0])
@bp.post(PATHS[1])
@bp.post(PATHS[2])
@public
def receive() -> ResponseReturnValue:
    """Take one signed event. 2xx means it is stored durably; 400 that it is not the provider's."""
    raise_met()
    _check_on(plugs())
    return jsonify(accept(Post(request.path, _body(), request.environ)))


def accept(post: Post) -> dict[str, object]:
    """Store a delivery and say so. Raises Problem for what the provider did not sign or what is no event."""
    ports = plugs()
    _check_on(ports)
    now = ports.clock.now()
    try:
        notice = ports.payments.verify_notice(post.body, post.header("Stripe-Signature"), now=now)
    except BadSignature as problem:
        DELIVERIES.labels("forged").inc()
        raise Problem(400, "bad-signature", "The signature does not match", str(problem)) from None
    except ValueError as problem:
        DELIVERIES.labels("unreadable").inc()
        raise Problem(400, "not-an-event", "This is not an event", str(problem)) from None
    livemode = ports.settings.livemode
    verdict = store(notice, post.body, endpoint=post.path, now=now, queue=ports.queue, livemode=livemode)
    return {"received": True, "verdict": verdict}


def _check_on(ports: Plugs) -> None:
    if not ports.settings.stripe_webhook_secrets or not ports.settings.enable_billing:
        raise Problem(404, "not-found", "Not found", "This endpoint is off: no signing secret is configured.")


def _body() -> bytes:
    if (request.content_length or 0) > MAX_BYTES:
        raise Problem(413, "body-too-large", "The delivery is too large", f"The limit is {MAX_BYTES} bytes.")
    request.max_content_length = MAX_BYTES
    return request.get_data(cache=False)
