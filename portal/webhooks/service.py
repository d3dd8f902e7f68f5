"""Taking deliveries in: verify the raw bytes, store, commit, acknowledge. No business here."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

import structlog
from prometheus_client import Counter

from portal.db import system_statement
from portal.ports.payments import Notice
from portal.ports.queue import Queue
from portal.webhooks.routing import why_ignored

log = structlog.get_logger(__name__)
DELIVERIES = Counter("portal_webhook_deliveries_total", "Webhook deliveries", ["verdict"])


_STORE = """
    INSERT INTO webhook_events AS held (provider, endpoint, external_id, type, livemode, connected_account, api_version,
        object_type, object_id, event_created_at, received_at, next_attempt_at, raw, raw_sha256,
        state, done_at, outcome)
    VALUES ('stripe', $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11, $12, $13, $14, $15)
    ON CONFLICT ON CONSTRAINT webhook_events_once DO UPDATE
    SET deliveries = held.deliveries + 1,
        conflicting_body = held.conflicting_body OR held.raw_sha256 <> excluded.raw_sha256
    RETURNING deliveries, raw_sha256
"""


def store(notice: Notice, raw: bytes, *, endpoint: str, now: datetime, queue: Queue, livemode: bool) -> str:
    """Store a verified delivery and ring the bell; return `stored`, `repeated` or `conflict`.

    The same event id with another body is kept as first seen and marked, for somebody to look at. What needs no work is
    stored as ignored at once, with the reason.
    """
    digest = hashlib.sha256(raw).digest()
    ignored = why_ignored(notice, livemode=livemode)
    deliveries, first_digest = system_statement(
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
            digest,
            "ignored" if ignored else "pending",
            now if ignored else None,
            json.dumps({"ignored": ignored}) if ignored else None,
        ),
    )
    if deliveries == 1 and not ignored:
        queue.ring("inbox")
    verdict = "stored" if deliveries == 1 else ("repeated" if first_digest == digest else "conflict")
    DELIVERIES.labels(verdict).inc()
    if verdict == "conflict":
        log.error("event id delivered again with another body", event_id=notice.id, type=notice.type)
    return verdict
