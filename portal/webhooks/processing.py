"""Working stored deliveries: claim a lease, fetch the object, write effects and "done" together.

The rows are the queue. A worker that dies leaves a lease that ends; a delivery that fails is tried again with
growing pauses; one for which that is hopeless ends as `dead`, where an operator sees it and may replay it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

import structlog

from portal.db import SYSTEM, in_transaction
from portal.payments.syncing import Syncing
from portal.webhooks.faults import MAX_ATTEMPTS, Ruling, judge
from portal.webhooks.leases import LEASE, Claimed, LeaseLost, claim, finish, finish_without_work, postpone, renew
from portal.webhooks.routing import end_without_work, sync_for

log = structlog.get_logger(__name__)


def work_due(syncing: Syncing, *, limit: int = 50) -> int:
    """Work up to `limit` deliveries that are due; return how many were claimed."""
    return _work_claimed(claim(limit), syncing)


def work_one(event_row_id: int, syncing: Syncing) -> bool:
    """Work one delivery now if it is due, for somebody who waits for it; False when there was nothing to work."""
    return bool(_work_claimed(claim(1, only=event_row_id), syncing))


def _work_claimed(claimed: list[Claimed], syncing: Syncing) -> int:
    ends = [(delivery, end) for delivery in claimed if (end := end_without_work(delivery, livemode=syncing.livemode))]
    if ends:
        in_transaction(lambda session: finish_without_work(session, ends), scope=SYSTEM)
    beside = {delivery.id for delivery, _end in ends}
    groups, renewed = _by_object(delivery for delivery in claimed if delivery.id not in beside), time.monotonic()
    for number, deliveries in enumerate(groups):
        if time.monotonic() - renewed > LEASE.total_seconds() / 3:
            renew([delivery for group in groups[number:] for delivery in group])
            renewed = time.monotonic()
        _work(deliveries, syncing)
    return len(claimed)


def _by_object(deliveries: Iterable[Claimed]) -> list[list[Claimed]]:
    """Put deliveries about the same object together: one read of it answers them all. The first decides the order."""
    groups: dict[tuple[str | None, str | None], list[Claimed]] = {}
    for delivery in deliveries:
        groups.setdefault((delivery.object_type, delivery.object_id), []).append(delivery)
    return list(groups.values())


def _work(deliveries: list[Claimed], syncing: Syncing) -> None:
    """Work deliveries about one object."""
    first = deliveries[0]
    sync = sync_for(first.type, first.object_type)
    if any(delivery.attempts > MAX_ATTEMPTS for delivery in deliveries):
        postpone(deliveries, None, Ruling("crash", is_final=True, longest=0, counted=MAX_ATTEMPTS))
        return
    try:
        if sync is None or first.object_id is None:
            raise LookupError("routed nowhere")
        sync(first.object_id, syncing, lambda session: finish(session, deliveries))
    except LeaseLost:
        log.warning("delivery was taken over by another worker", ids=[delivery.id for delivery in deliveries])
    except Exception as problem:
        now = syncing.clock.now()
        for delivery in deliveries:
            ruling = judge(problem, attempts=delivery.attempts, age=now - delivery.received_at)
            postpone([delivery], problem, ruling)
