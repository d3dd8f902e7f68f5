"""Work off waiting rows of one kind until none is due. Called by the bell, and by the worker's own polling."""

from __future__ import annotations

from collections.abc import Callable

from portal.audit.sealing import seal_new
from portal.db import SYSTEM, in_transaction
from portal.metering.api_rollups import GATHERING, recompute_dirty_api_days
from portal.metering.rollups import recompute_dirty
from portal.outbox.service import deliver_due
from portal.payments.settling import settle_due, settle_one
from portal.payments.syncing import Syncing
from portal.reactions import REACTIONS
from portal.reconciliation.running import work_page
from portal.web.plugs import plugs
from portal.webhooks.processing import work_due

LONGEST_RUN = 200  # batches; a drain that is never empty must still let its process do other things


def inbox() -> int:
    """Work the provider's deliveries; return how many."""
    return _until_empty(lambda: work_due(syncing()))


def outbox() -> int:
    """Deliver announcements; return how many."""
    return _until_empty(lambda: deliver_due(REACTIONS))


def purchases() -> int:
    """Look after open purchases that are due; return how many."""
    return settle_due(syncing())


def purchase(purchase_id: int) -> bool:
    """Look after one purchase whose buyer is watching."""
    return settle_one(purchase_id, syncing())


def syncing() -> Syncing:
    """Return what the sync functions need, from the running application."""
    ports = plugs()
    return Syncing(
        payments=ports.payments,
        clock=ports.clock,
        grace_days=ports.settings.grace_days,
        livemode=ports.settings.livemode,
    )


def rollups() -> int:
    """Recompute the sums of hours whose log changed, and of APIs' days that are due; return how many of both."""
    return _until_empty(_recompute)


def seals() -> int:
    """Seal new entries of the audit trail; return how many."""
    return in_transaction(lambda _session: seal_new(), scope=SYSTEM)


def reconciliation() -> bool:
    """Work one page of the reconciliation that is running, so that nobody else waits for all of it."""
    return work_page(syncing(), plugs().gateway)


def _recompute() -> int:
    """A batch of each, so that neither waits for the other to be done with."""
    hours = in_transaction(lambda _session: recompute_dirty(), scope=SYSTEM)
    return hours + in_transaction(lambda _session: recompute_dirty_api_days(gathering=GATHERING), scope=SYSTEM)


def _until_empty(drain: Callable[[], int]) -> int:
    total = 0
    for _batch in range(LONGEST_RUN):
        done = drain()
        total += done
        if not done:
            break
    return total
