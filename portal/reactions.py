"""Which function answers which announcement. Reactions run after the commit that announced them, at least once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from portal.db import SYSTEM, in_transaction
from portal.entitlements.answering import forget_answers
from portal.gateway import provisioning
from portal.notifications import service as notifications
from portal.outbox.service import Payload, Pending, Reaction
from portal.payments import at_provider, billed, buying, reminding, withdrawing
from portal.ports.gateway import Gateway
from portal.ports.payments import PaymentsUnavailable
from portal.subscriptions import telling
from portal.web.plugs import plugs

REACTIONS: dict[str, Reaction] = {
    "price.offered": lambda payload: _ask(at_provider.make_price, int(payload["plan_id"])),
    "checkout.superseded": lambda payload: _ask(buying.close_checkout, str(payload["checkout_id"])),
    "billing.identity_changed": lambda payload: _ask(
        billed.tell, int(payload["organisation_id"]), livemode=plugs().settings.livemode
    ),
    "gateway.admit": lambda payload: provisioning.admit(
        int(payload["key_id"]), _gateway(), clock=plugs().clock, pepper=plugs().settings.pepper
    ),
    "gateway.refuse": lambda payload: provisioning.refuse(str(payload["public_id"]), _gateway()),
    "gateway.move": lambda payload: provisioning.move(int(payload["from"]), int(payload["to"]), _gateway()),
    "entitlements.changed": lambda payload: _rights_changed(payload),
    "subscription.changed": lambda payload: _subscription_changed(payload),
    "mail": lambda payload: _mail(payload),
    "api.door": lambda payload: _door_changed(payload),
    "gateway.publish": lambda payload: provisioning.publish(int(payload["api_id"]), _gateway()),
}


def _ask(reaction: Callable[..., None], *what: Any, **how: Any) -> None:
    """React at the payment provider. While it is away the announcement waits, and no try counts."""
    try:
        reaction(*what, payments=plugs().payments, **how)
    except PaymentsUnavailable as problem:
        raise Pending(str(problem)) from problem


def _rights_changed(payload: Payload) -> None:
    account_id, version = int(payload["account_id"]), int(payload["version"])
    forget_answers(account_id, version, plugs().redis)
    provisioning.agree(account_id, _gateway(), clock=plugs().clock)


def _subscription_changed(payload: Payload) -> None:
    subscription_id, now = int(payload["subscription_id"]), plugs().clock.now()
    in_transaction(lambda _session: reminding.consider(subscription_id, now), scope=SYSTEM)


def _door_changed(payload: Payload) -> None:
    def tell(_session: Session) -> None:
        withdrawing.withdraw(int(payload["api_id"]))
        telling.tell_holders(payload)

    in_transaction(tell, scope=SYSTEM)


def _mail(payload: Payload) -> None:
    ports = plugs()
    notifications.deliver(payload, ports.mail, settings=ports.settings, clock=ports.clock)


def _gateway() -> Gateway:
    gateway = plugs().gateway
    if gateway is None:
        raise RuntimeError("this application is not plugged into a gateway")
    return gateway
