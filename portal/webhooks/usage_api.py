"""`POST /billing/webhook` (seed 000): usage in signed events, for a tenant that nobody can make up.

Whose usage it is follows from the payment provider's customer, or from its subscription, both mapped by ourselves. What
the event's metadata says about a tenant may only agree with that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, request
from sqlalchemy.orm import Session

from portal.db import SYSTEM, in_transaction
from portal.metering.deltas import Taken, take
from portal.ports.billing import Notice
from portal.ports.payments import BadSignature
from portal.projects.queries import find_account_by_customer, find_external
from portal.subscriptions.queries import find_by_stripe_id
from portal.web.plugs import plugs
from portal.web.principal import public
from portal.web.problems import Problem

bp = Blueprint("usage_webhook", __name__)
MAX_BYTES = 512 * 1024
_TENANT_NAMES = ("tenant_id", "tenantId", "organisation_id", "organisationId")


@bp.post("/billing/webhook")
@public
def receive() -> Response:
    """Take in usage that a signed event reports, once. 200 says what became of it; 400 that nobody we know signed it."""
    ports = plugs()
    if not ports.settings.stripe_webhook_secrets or not ports.settings.enable_billing:
        raise Problem(404, "not-found", "Not found", "This endpoint is off: no signing secret is configured.")
    request.max_content_length = MAX_BYTES
    raw, now = request.get_data(cache=False), ports.clock.now()
    try:
        notice = ports.payments.verify_notice(raw, request.headers.get("Stripe-Signature", ""), now=now)
    except BadSignature as problem:
        raise Problem(400, "bad-signature", "The signature does not match", str(problem)) from None
    except ValueError as problem:
        raise Problem(400, "not-an-event", "This is not an event", str(problem)) from None
    thing, livemode = _object_of(raw), ports.settings.livemode
    if notice.flaw or thing is None:
        raise Problem(400, "not-an-event", "This is not an event", notice.flaw or "it has no object")

    def work(session: Session) -> Taken:
        account_id, refused = _whose(thing, notice, livemode)
        return take(session, notice, raw, thing, account_id=account_id, refused=refused, now=now)

    taken = in_transaction(work, scope=SYSTEM)
    return jsonify(received=True, verdict=taken.verdict, reason=taken.reason)


def _whose(thing: Mapping[str, Any], notice: Notice, livemode: bool) -> tuple[int | None, str | None]:
    if notice.livemode != livemode:
        return None, "live and test mode do not mix"
    if notice.connected_account is not None:
        return None, "connected accounts are not served by this endpoint"
    account_id = None
    if isinstance(thing.get("customer"), str):
        account_id = find_account_by_customer(thing["customer"])
    elif isinstance(thing.get("subscription"), str):
        held = find_by_stripe_id(thing["subscription"])
        account_id = held.account_id if held else None
    if account_id is None:
        return None, "no customer or subscription that we know"
    claimed = _claimed(thing)
    external = find_external(account_id)
    if claimed is not None and (external is None or claimed != external[1]):
        return None, "the metadata names another tenant than the customer is"
    return account_id, None


def _claimed(thing: Mapping[str, Any]) -> str | None:
    metadata = thing.get("metadata")
    if not isinstance(metadata, dict):
        return None
    return next((str(metadata[name]) for name in _TENANT_NAMES if name in metadata), None)


def _object_of(raw: bytes) -> Mapping[str, Any] | None:
    data: Any = json.loads(raw).get("data")
    found = data.get("object") if isinstance(data, dict) else None
    return found if isinstance(found, dict) else None
