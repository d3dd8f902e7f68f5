"""Which mails the state of a subscription calls for. Mails follow from states, never from intents (billing rule 3.5).

Each is announced once per cause: an overdue invoice and its step, an invoice that was paid after all, a trial and its
end, a subscription and its end. The letter itself looks again when it is written, and stays away when it has become
pointless. Callers hold the unit of work. Accounts of integrators are reminded by the integrator.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from portal.db import db
from portal.identity.queries import list_members
from portal.outbox.service import announce_mail, was_mailed
from portal.payments.models import StripeInvoice
from portal.payments.queries import find_due_invoice
from portal.projects.queries import find_organisation_of
from portal.subscriptions.queries import get_subscription, list_wanting_attention
from portal.subscriptions.types import SubscriptionView
from portal.web.principal import RIGHTS

STEPS = (0, 3, 7, 14, 20)  # days since the payment failed first
TRIAL_NOTICE = timedelta(days=3)
# An end of long ago is no news: a notice that was missed stays missed.
NEWS_FOR = timedelta(days=3)


def step_of(past_due_since: datetime, now: datetime) -> int:
    """Return the last step that is due: 0 at once, then 3, 7, 14 and 20 days."""
    days = (now - past_due_since) // timedelta(days=1)
    return max(step for step in STEPS if step <= max(days, 0))


def consider(subscription_id: int, now: datetime) -> int:
    """Announce the mails that a subscription's state calls for now; return how many are new. Safe to repeat."""
    held = get_subscription(subscription_id)
    readers = readers_of(held.account_id)
    if not readers:
        return 0
    causes = [*_overdue(held, now), *_recovered(held, readers), *_trial(held, now), *_ended(held, now)]
    told = [
        announce_mail(kind, f"{cause}:{reader}", user_id=reader, subscription_id=held.id, **facts)
        for kind, cause, facts in causes
        for reader in readers
    ]
    return sum(told)


def consider_all(now: datetime) -> int:
    """Look at every subscription that is overdue or in a trial about to end; return how many mails are new."""
    return sum(consider(one, now) for one in list_wanting_attention(now + TRIAL_NOTICE))


def readers_of(account_id: int) -> list[int]:
    """Return who hears about the money of an account: the members who may buy; nobody of an integrator's account."""
    organisation_id = find_organisation_of(account_id)
    members = list_members(organisation_id) if organisation_id is not None else []
    return [one.user_id for one in members if "buy" in RIGHTS[one.role]]


Cause = tuple[str, str, dict[str, int]]


def _overdue(held: SubscriptionView, now: datetime) -> list[Cause]:
    if held.status not in ("past_due", "unpaid") or held.past_due_since is None:
        return []
    invoice = find_due_invoice(held.account_id, held.id)
    if invoice is None:  # not mirrored yet: its own event is on the way, and the timetable looks again
        return []
    step = step_of(held.past_due_since, now)
    return [("billing.overdue", f"{invoice.stripe_invoice_id}:{step}", {"invoice_id": invoice.id, "step": step})]


def _recovered(held: SubscriptionView, readers: Sequence[int]) -> list[Cause]:
    if held.status != "active":
        return []
    paid = db.session.scalars(
        select(StripeInvoice)
        .where(StripeInvoice.subscription_id == held.id, StripeInvoice.status == "paid")
        .order_by(StripeInvoice.id.desc())
        .limit(3)
    )
    return [
        ("billing.recovered", one.stripe_invoice_id, {"invoice_id": one.id})
        for one in paid
        if was_mailed("billing.overdue", (f"{one.stripe_invoice_id}:0:{reader}" for reader in readers))
    ]


def _trial(held: SubscriptionView, now: datetime) -> list[Cause]:
    if held.status != "trialing" or held.trial_end is None or not now < held.trial_end <= now + TRIAL_NOTICE:
        return []
    return [("billing.trial-ending", f"{held.id}:{held.trial_end:%Y-%m-%d}", {})]


def _ended(held: SubscriptionView, now: datetime) -> list[Cause]:
    if held.status != "canceled" or held.ended_at is None or held.is_free or held.ended_at < now - NEWS_FOR:
        return []
    return [("billing.ended", f"{held.id}", {})]
