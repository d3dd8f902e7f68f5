"""Moving a subscription to another plan: a preview that is the charge, and changes that wait for the period to end.

The provider changes first; our rows follow through the sync. Whatever is asked of it carries a key made from a row
that was committed before, so a lost answer, a double click or a crash leads to the same change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy.orm import Session

from portal.audit.service import record
from portal.db import transaction
from portal.kit.clock import from_timestamp
from portal.kit.money import Money
from portal.payments import planned as rows
from portal.payments.at_provider import ensure_price
from portal.payments.discounts import next_charge
from portal.payments.errors import NotSwitchable, StalePreview
from portal.payments.held_discounts import find_discount
from portal.payments.queries import find_planned_change
from portal.payments.rules import switch_kind
from portal.payments.syncing import Syncing, sync_subscription
from portal.payments.types import PlannedChange, SwitchKind, SwitchPreview
from portal.ports.billing import ChangePreview
from portal.ports.payments import PaymentsRefused
from portal.pricing.queries import get_offer, get_offer_of_price
from portal.pricing.types import Offer
from portal.subscriptions.queries import get_for_account
from portal.subscriptions.types import SubscriptionView

PREVIEW_HOLDS = timedelta(minutes=15)
WAITING = ("later", "free_later")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes the plan, for the row and the trail."""

    name: str
    user_id: int | None
    organisation_id: int | None


def preview(
    account_id: int, subscription_id: int, plan_id: int, *, syncing: Syncing, at: datetime | None = None
) -> SwitchPreview:
    """Return what moving to a plan does and charges, counted from `at` (now by default). Changes nothing.

    Raises UnknownSubscription, NotSwitchable, PaymentsUnavailable and PaymentsRefused.
    """
    held = get_for_account(account_id, subscription_id)
    current, wanted = get_offer_of_price(held.price_id), get_offer(plan_id)
    if wanted is None:
        raise NotSwitchable("not_offered")
    kind = switch_kind(held, current, wanted)
    moment = (at or syncing.clock.now()).replace(microsecond=0)
    asked = _ask(held, wanted, kind, moment, syncing)
    charged_at, discount = _next_charge_at(held, current, wanted, kind), find_discount(account_id, subscription_id)
    return SwitchPreview(
        kind=kind,
        current=current,
        wanted=wanted,
        at=moment,
        effective_at=held.period.end if kind in WAITING else moment,
        lines=asked.lines,
        due=Money(max(asked.amount_due, 0), asked.currency),
        credit_used=Money(max(asked.total - asked.amount_due, 0), asked.currency),
        next_charge=None if wanted.is_free else next_charge(wanted, discount, charged_at or moment),
        next_charge_at=charged_at,
    )


def token_of(shown: SwitchPreview, subscription_id: int, secret_key: str) -> str:
    """Return what the page sends back: proof of the figures the person saw."""
    return _serializer(secret_key).dumps(_facts(shown, subscription_id))


def confirm(
    account_id: int, subscription_id: int, plan_id: int, token: str, *, syncing: Syncing, actor: Actor, secret_key: str
) -> SwitchPreview:
    """Make the change that was previewed, for exactly what was shown; return it.

    Raises StalePreview when the figures are not the same any more, PaymentsRefused when the card does not pay (then
    nothing has changed), and what `preview` raises.
    """
    seen_at = _seen_at(token, secret_key, syncing.clock.now())
    known = get_for_account(account_id, subscription_id).stripe_subscription_id
    if known is not None:
        sync_subscription(known, syncing)  # an earlier try may have gone through although its answer was lost
    shown = preview(account_id, subscription_id, plan_id, syncing=syncing, at=seen_at)
    if token_of(shown, subscription_id, secret_key) != token:
        raise StalePreview("the figures have changed")
    held = get_for_account(account_id, subscription_id)
    waiting = find_planned_change(account_id, subscription_id)
    if waiting is not None and shown.kind != "later":
        withdraw(account_id, subscription_id, syncing=syncing, actor=actor)
    with transaction():
        change_id = rows.intend(held, shown, requested_by=actor.user_id)
        _record("subscription.plan_change", held.id, actor, plan_id, due=shown.due.amount, kind=shown.kind)
    if shown.kind in WAITING:
        _plan(held, shown, change_id, syncing)
    else:
        _change_now(held, shown, change_id, syncing)
    return shown


def withdraw(account_id: int, subscription_id: int, *, syncing: Syncing, actor: Actor) -> bool:
    """Take back a change that waits for the end of the period; False when there is none.

    Raises UnknownSubscription, PaymentsUnavailable and PaymentsRefused; after each of them calling again is safe.
    """
    held = get_for_account(account_id, subscription_id)
    waiting = find_planned_change(account_id, subscription_id)
    if waiting is None or held.stripe_subscription_id is None:
        return False
    _release(waiting, held.stripe_subscription_id, syncing)

    def also(session: Session) -> None:
        rows.finish(session, waiting.id, "withdrawn", syncing.clock.now())
        _record("subscription.plan_change_withdrawn", held.id, actor, waiting.to_plan_id)

    sync_subscription(held.stripe_subscription_id, syncing, also)
    return True


def _release(waiting: PlannedChange, stripe_subscription_id: str, syncing: Syncing) -> None:
    key = f"plan-change:{waiting.id}:withdrawn:{int(waiting.planned_at.timestamp())}"
    if waiting.kind == "free_later":
        syncing.payments.set_cancel_at_period_end(stripe_subscription_id, False, key=key)
    elif waiting.stripe_schedule_id is not None:
        syncing.payments.release_schedule(waiting.stripe_schedule_id, key=key)


def _ask(held: SubscriptionView, wanted: Offer, kind: SwitchKind, at: datetime, syncing: Syncing) -> ChangePreview:
    """Ask the provider what it would charge at once; a change that waits charges nothing."""
    if kind in WAITING or held.stripe_subscription_id is None:
        return ChangePreview(wanted.terms.currency, (), 0, 0)
    price_id = ensure_price(wanted, syncing.payments)
    return syncing.payments.preview_change(held.stripe_subscription_id, price_id, at=at)


def _next_charge_at(held: SubscriptionView, current: Offer, wanted: Offer, kind: SwitchKind) -> datetime | None:
    """When the new plan's fee falls due next; None when the change itself begins a new rhythm."""
    if kind == "trial":
        return held.trial_end
    starts_over = (current.terms.interval, current.terms.interval_count) != (
        wanted.terms.interval,
        wanted.terms.interval_count,
    )
    return None if kind == "now" and starts_over else held.period.end


def _change_now(held: SubscriptionView, shown: SwitchPreview, change_id: int, syncing: Syncing) -> None:
    assert held.stripe_subscription_id is not None
    price_id = ensure_price(shown.wanted, syncing.payments)
    # The instant is part of the key: a refused card is tried anew with a fresh preview, a lost answer with the same.
    key = f"plan-change:{change_id}:{int(shown.at.timestamp())}"
    try:
        syncing.payments.change_price(held.stripe_subscription_id, price_id, at=shown.at, key=key)
    except PaymentsRefused:
        with transaction() as session:
            rows.finish(session, change_id, "withdrawn", syncing.clock.now())
        raise
    sync_subscription(
        held.stripe_subscription_id,
        syncing,
        lambda session: rows.finish(session, change_id, "done", syncing.clock.now()),
    )


def _plan(held: SubscriptionView, shown: SwitchPreview, change_id: int, syncing: Syncing) -> None:
    assert held.stripe_subscription_id is not None
    key, schedule_id = f"plan-change:{change_id}:{int(shown.at.timestamp())}", None
    if shown.kind == "free_later":
        syncing.payments.set_cancel_at_period_end(held.stripe_subscription_id, True, key=key)
    else:
        price_id = ensure_price(shown.wanted, syncing.payments)
        schedule_id = syncing.payments.schedule_price(held.stripe_subscription_id, price_id, key=key)
    sync_subscription(
        held.stripe_subscription_id,
        syncing,
        lambda session: rows.schedule(session, change_id, schedule_id, syncing.clock.now()),
    )


def _record(action: str, subscription_id: int, actor: Actor, plan_id: int, **more: Any) -> None:
    record(
        action,
        f"subscription:{subscription_id}",
        actor=actor.name,
        organisation_id=actor.organisation_id,
        after={"plan_id": plan_id, **more},
    )


def _facts(shown: SwitchPreview, subscription_id: int) -> list[int | str]:
    """Everything the person agreed to. A change that waits begins when the period ends, whichever period that is."""
    return [
        int(shown.at.timestamp()),
        subscription_id,
        shown.current.price_id,
        shown.wanted.price_id,
        shown.kind,
        int(shown.effective_at.timestamp()),
        shown.due.amount,
        shown.due.currency,
    ]


def _seen_at(token: str, secret_key: str, now: datetime) -> datetime:
    try:
        seen = from_timestamp(int(_serializer(secret_key).loads(token)[0]))
    except (BadSignature, TypeError, ValueError, LookupError, OverflowError):
        raise StalePreview("not a preview of ours") from None
    if not now - PREVIEW_HOLDS <= seen <= now:
        raise StalePreview("the preview is too old")
    return seen


def _serializer(secret_key: str) -> URLSafeSerializer:
    return URLSafeSerializer(secret_key, salt="plan-change")
