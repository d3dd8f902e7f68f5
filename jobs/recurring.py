"""What the timetable runs. Each returns a short summary for the log."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from portal.audit.types import ChainBroken
from portal.audit.verifying import in_words, walk
from portal.catalog import facts, listing
from portal.catalog.finding import gaps, vocabulary
from portal.db import SYSTEM, in_transaction, scoped, transaction
from portal.entitlements.service import derive
from portal.gateway import provisioning
from portal.identity import service as identity
from portal.metering import measuring, partitions
from portal.notifications import service as notifications
from portal.payments import reminding, spending
from portal.reconciliation import running
from portal.subscriptions import service as subscriptions
from portal.web import idempotency
from portal.web.plugs import plugs
from portal.webhooks import filling


def roll_free_periods() -> str:
    """Move free subscriptions into their next period."""
    now = plugs().clock.now()

    def roll(_session: object) -> int:
        changed = subscriptions.roll_free_periods(now=now)
        for subscription_id in changed:
            derive(subscription_id, now=now)
        return len(changed)

    return f"{in_transaction(roll, scope=SYSTEM)} subscriptions"


def suspend_ended_keys() -> str:
    """Tell a gateway that cannot see entitlements itself which keys have run out."""
    ports = plugs()
    if ports.gateway is None:
        return "no gateway"
    # Looks back further than the interval, so that a missed slot or a gateway that was away costs no more than delay.
    done = provisioning.suspend_ended(ports.gateway, clock=ports.clock, looking_back=timedelta(hours=1))
    return f"{done} keys"


def measure_the_market() -> str:
    """Measure every listed API: calls, uptime, speed. A few hundred at a time, so that nobody waits for all."""
    now, last, measured = plugs().clock.now(), 0, 0
    while some := in_transaction(partial(_measure_after, last, now), scope=SYSTEM):
        last, measured = some[-1], measured + len(some)
    return f"{measured} APIs"


def _measure_after(last: int, now: datetime, _session: object) -> list[int]:
    some = facts.list_listed(after=last)
    facts.note(some, measuring.measure(some, now))
    return some


def tidy_the_market() -> str:
    """Work out again what listings can cost whose prices changed, and let old ones stop being new."""
    now, priced = plugs().clock.now(), 0
    while done := in_transaction(lambda _session: listing.reprice_changed(), scope=SYSTEM):
        priced += done
    aged = in_transaction(lambda _session: listing.age(now), scope=SYSTEM)
    return f"{priced} priced, {aged} no longer new"


def forget_old_wishes() -> str:
    """Remove wishes for missing APIs that no page shows any more."""
    now = plugs().clock.now()
    return f"{in_transaction(lambda _session: gaps.forget_old(now), scope=SYSTEM)} wishes"


def count_the_words() -> str:
    """Count the words of all listings again, to which mistyped searches are corrected."""
    return f"{in_transaction(lambda _session: vocabulary.rebuild(), scope=SYSTEM)} words"


def fill_event_gaps() -> str:
    """Store events of the payment provider that nobody delivered; those of the last minutes may still be on their way."""
    ports, now = plugs(), plugs().clock.now()
    if not ports.settings.enable_billing:
        return "billing is off"
    found = filling.fill_gaps(
        payments=ports.payments,
        queue=ports.queue,
        now=now,
        livemode=ports.settings.livemode,
        until=now - timedelta(minutes=5),
    )
    return f"{found.missing} of {found.seen} events were missing"


def begin_the_reconciliation() -> str:
    """Begin the comparison with the payment provider once its hour has come; workers work it off."""
    ports = plugs()
    begin = partial(running.start_if_due, now=ports.clock.now(), rules=running.rules_of(ports.settings))
    begun = in_transaction(lambda _session: begin(), scope=SYSTEM) if ports.settings.reconciliation_enabled else None
    return f"run {begun}" if begun else "not now"


def forget_old_sessions() -> str:
    """Remove sessions, links and kept mails of long ago, and attempts that no rule counts any more."""
    now = plugs().clock.now()
    with transaction(SYSTEM):
        return f"{identity.forget_old(now) + notifications.forget_old(now)} rows"


def prepare_log_partitions() -> str:
    """Make the request log's partitions for the coming months."""
    now = plugs().clock.now()
    made = in_transaction(lambda _session: partitions.ensure_ahead(now), scope=SYSTEM)
    return f"{', '.join(made) or 'nothing'} made"


def remind_of_payments() -> str:
    """Announce the mails that overdue subscriptions and ending trials call for."""
    now = plugs().clock.now()
    return f"{in_transaction(lambda _session: reminding.consider_all(now), scope=SYSTEM)} mails"


def tell_of_spending_limits() -> str:
    """Announce the mails about spending limits that are nearly or wholly used up."""
    ports = plugs()
    if not ports.holds_limits:
        return "the gateway holds no limits"
    return f"{in_transaction(lambda _session: spending.tell_all(ports.clock.now()), scope=SYSTEM)} mails"


def forget_answers_to_repeats() -> str:
    """Remove the answers that were kept for repeated requests a day ago."""
    return f"{in_transaction(idempotency.forget_old_answers, scope=SYSTEM)} answers"


def verify_the_audit_trail() -> str:
    """Walk the chain of seals from its beginning; a job that failed is where operators look first."""
    with scoped(SYSTEM):
        walked = walk()
    if walked.fault is not None:
        raise ChainBroken(in_words(walked.fault))
    return f"{walked.links} entries as they were sealed"
