"""Taking events in: delivered or found, each is stored once and committed. No business here."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime

import structlog
from prometheus_client import Counter

from portal.db import system_statement
from portal.ports.billing import Notice
from portal.ports.queue import Queue
from portal.webhooks.routing import end_without_work

log = structlog.get_logger(__name__)
DELIVERIES = Counter("portal_webhook_deliveries_total", "Webhook deliveries", ["verdict"])
GAP_FILLER = "gap filler"
"""Stands for an address where no delivery brought the event."""
_CHANGES_WITH_EACH_DELIVERY = re.compile(rb'"pending_webhooks"\s*:\s*\d+')

# A found event was printed by us, not by the provider: its bytes say nothing about those of a delivery.
_STORE = f"""
    INSERT INTO webhook_events AS held (provider, endpoint, external_id, type, livemode, connected_account, api_version,
        object_type, object_id, event_created_at, received_at, next_attempt_at, raw, raw_sha256,
        state, done_at, outcome, other_version, deliveries)
    VALUES ('stripe', $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, clock_timestamp(), $11, $12, $13, $14, $15, $16, $17)
    ON CONFLICT ON CONSTRAINT webhook_events_once DO UPDATE
    SET deliveries = held.deliveries + excluded.deliveries,
        conflicting_body = held.conflicting_body OR (held.raw_sha256 <> excluded.raw_sha256
            AND '{GAP_FILLER}' NOT IN (held.endpoint, excluded.endpoint))
    RETURNING xmax = 0, raw_sha256 <> $12 AND '{GAP_FILLER}' NOT IN (held.endpoint, $1)
"""  # noqa: S608 - a constant of ours


def store(notice: Notice, raw: bytes, *, endpoint: str, now: datetime, queue: Queue, livemode: bool) -> str:
    """Store a verified delivery and ring the bell; return `stored`, `repeated` or `conflict`.

    The same event id with another body is kept as first seen and marked, for somebody to look at. What needs no work is
    stored as ended at once, with the reason.
    """
    end = end_without_work(notice, livemode=livemode, flaw=notice.flaw)
    is_new, is_conflict = system_statement(
        _STORE,
        (
            endpoint,
            notice.id,
            notice.type,
            notice.livemode,
            notice.connected_account,
            notice.api_version,
            notice.object_type,
            notice.object_id,
            notice.created_at,
            now,
            raw,
            hashlib.sha256(_CHANGES_WITH_EACH_DELIVERY.sub(b"", raw)).digest(),
            end.state if end else "pending",
            now if end else None,
            json.dumps({end.state: end.reason}) if end else None,
            notice.is_other_version,
            0 if endpoint == GAP_FILLER else 1,
        ),
    )
    if is_new and not end:
        queue.ring("inbox")
    verdict = "stored" if is_new else ("conflict" if is_conflict else "repeated")
    DELIVERIES.labels(verdict if endpoint != GAP_FILLER else "found").inc()
    if verdict == "conflict":
        log.error("event id delivered again with another body", event_id=notice.id, type=notice.type)
    return verdict
