"""The keys of a subscription: see them, make one, rotate one, revoke one."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, abort, flash, make_response, redirect, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Redirect

from portal.catalog.labels import find_label
from portal.db import transaction
from portal.gateway import queries, service
from portal.gateway.errors import SubscriptionOver, TooManyKeys, UnknownKey
from portal.gateway.forms import EnteredKey, read_key
from portal.gateway.rules import OVERLAPS, first_call
from portal.gateway.types import IssuedKey
from portal.subscriptions.errors import UnknownSubscription
from portal.subscriptions.queries import get_for_account
from portal.web.negotiation import page_or_fragment, wants_fragment
from portal.web.plugs import plugs
from portal.web.principal import get_principal, right_required

bp = Blueprint("gateway", __name__)


@bp.get("/subscriptions/<int:subscription_id>/keys")
@right_required("read")
def keys(subscription_id: int) -> Response:
    """Show the keys without their secrets."""
    return _page(subscription_id, EnteredKey())


@bp.post("/subscriptions/<int:subscription_id>/keys")
@right_required("keys")
def create_key(subscription_id: int) -> Response:
    """Make a key and show it, this once."""
    wanted, entered = read_key(request.form)
    if wanted is None:
        return _page(subscription_id, entered, status=422)
    ports = plugs()
    try:
        with transaction():
            issued = service.issue_key(
                _account_id(),
                subscription_id,
                wanted.name,
                created_by=get_principal().user_id,
                now=ports.clock.now(),
                pepper=ports.settings.pepper,
                lifetime=wanted.lifetime,
                keep_sealed=ports.settings.enable_kong,
                queue=ports.queue,
            )
    except UnknownSubscription:
        abort(404)
    except SubscriptionOver:
        entered.errors["name"] = _(
            "This subscription has ended, so a new key would open nothing. Subscribe again first."
        )
    except TooManyKeys as full:
        entered.errors["name"] = _("A subscription can have %(count)s keys. Revoke one first.", count=full.most)
    else:
        return _page(subscription_id, EnteredKey(), issued=issued, status=201)
    return _page(subscription_id, entered, status=422)


@bp.post("/subscriptions/<int:subscription_id>/keys/<int:key_id>/rotation")
@right_required("keys")
def rotate_key(subscription_id: int, key_id: int) -> Response:
    """Make a successor of a key and show it, this once; the old one works on for the chosen overlap."""
    overlap = OVERLAPS.get(request.form.get("overlap", "24"))
    if overlap is None:
        abort(422, _("Choose how long the old key should go on working."))
    ports, said = plugs(), EnteredKey()
    try:
        with transaction():
            get_for_account(_account_id(), subscription_id)
            issued = service.rotate_key(
                _account_id(),
                key_id,
                overlap=overlap,
                created_by=get_principal().user_id,
                now=ports.clock.now(),
                pepper=ports.settings.pepper,
                keep_sealed=ports.settings.enable_kong,
                queue=ports.queue,
            )
    except (UnknownKey, UnknownSubscription):
        abort(404)
    except SubscriptionOver:
        said.errors["name"] = _("This subscription has ended, so a new key would open nothing. Subscribe again first.")
    except TooManyKeys as full:
        said.errors["name"] = _("A subscription can have %(count)s keys. Revoke one first.", count=full.most)
    else:
        return _page(subscription_id, said, issued=issued, status=201)
    return _page(subscription_id, said, status=422)


@bp.post("/subscriptions/<int:subscription_id>/keys/<int:key_id>/revocation")
@right_required("keys")
def revoke_key(subscription_id: int, key_id: int) -> Response | Redirect:
    """Stop a key. The gateway refuses it within a second."""
    ports, principal = plugs(), get_principal()
    try:
        with transaction():
            get_for_account(_account_id(), subscription_id)
            service.revoke_key(_account_id(), key_id, now=ports.clock.now(), actor=principal.actor, queue=ports.queue)
    except (UnknownKey, UnknownSubscription):
        abort(404)
    said = _("Key revoked. It stops working within a second.")
    if wants_fragment():
        response = _page(subscription_id, EnteredKey())
        response.headers["HX-Trigger"] = json.dumps({"toast": said})
        return response
    flash(said, "success")
    return redirect(url_for("gateway.keys", subscription_id=subscription_id), 303)


def _page(subscription_id: int, entered: EnteredKey, *, issued: IssuedKey | None = None, status: int = 200) -> Response:
    facts = _facts(subscription_id, issued)
    return make_response(
        page_or_fragment("gateway/keys.html", "gateway/_keys.html", status=status, form=entered, issued=issued, **facts)
    )


def _facts(subscription_id: int, issued: IssuedKey | None) -> dict[str, Any]:
    ports, account_id = plugs(), _account_id()
    try:
        held = get_for_account(account_id, subscription_id)
    except UnknownSubscription:
        abort(404)
    door = queries.find_door(account_id, subscription_id)
    shown = issued.text if issued else _("YOUR_KEY")
    return {
        "held": held,
        "label": find_label(held.product_id),
        "door": door,
        "may_buy": get_principal().may("buy"),
        "keys": queries.list_keys(account_id, subscription_id, ports.clock.now()),
        "curl": first_call(ports.settings.gateway_url, door, shown) if door else None,
        "may_change": get_principal().may("keys") and not held.has_ended,
    }


def _account_id() -> int:
    account_id = get_principal().account_id
    if account_id is None:
        abort(404)
    return account_id
