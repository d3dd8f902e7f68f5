"""Routes for programs: the gateways' log intake and the usage summary."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from flask import Blueprint, Flask, Response, jsonify, request

from portal.db import SYSTEM, db, in_transaction
from portal.kit.tokens import is_one_of
from portal.metering import queries, service
from portal.metering.deltas import sums_by_day
from portal.metering.entries import NotEntries, UnreadableBody, read_batch
from portal.metering.forms import read_period
from portal.metering.types import IntakeResult, Usage
from portal.web.describing import described
from portal.web.doors import Doors, Post, raise_met
from portal.web.plugs import plugs
from portal.web.principal import get_principal, public, right_required
from portal.web.problems import Problem

bp = Blueprint("metering_api", __name__)
INTAKE = "/api/gateway/logs"
MAX_BODY = 4 * 1024 * 1024
_SHOWN = 1000


def register(app: Flask) -> None:
    """Serve both, the intake with a door of its own."""
    app.register_blueprint(bp)
    doors: Doors = app.extensions["doors"]
    doors.open(INTAKE, accept, max_bytes=MAX_BODY)


@bp.post(INTAKE)
@public
def take_in_logs() -> Response:
    """Take in what a gateway logged; 200 with a verdict for everything that was not accepted.

    A gateway repeats whatever is not answered 2xx and holds up its queue meanwhile, so an entry that will never be
    any good gets a 200 and goes to the quarantine; only "try again" is a 5xx.
    """
    raise_met()
    _check(Post(INTAKE, b"", request.environ))
    request.max_content_length = MAX_BODY
    return jsonify(accept(Post(INTAKE, request.get_data(cache=False), request.environ)))


def accept(post: Post) -> dict[str, Any]:
    """Take in a batch and return its verdicts. Raises Problem for what no gateway sends."""
    _check(post)
    try:
        entries, faults = read_batch(post.body, plugs().clock.now())
    except UnreadableBody as fault:
        raise Problem(400, "malformed-json", "The body is not acceptable JSON", str(fault)) from None
    except NotEntries as fault:
        raise Problem(422, "invalid-body", "The body must be a log entry or an array of them", str(fault)) from None
    result = in_transaction(lambda _session: service.take_in(entries, faults), scope=SYSTEM)
    if result.accepted:
        plugs().queue.ring("rollups")
    return _as_json(result)


@bp.get("/billing/usage")
@right_required("read")
@described(
    "Usage",
    answer={
        "period": {"start": "2026-11-01T00:00:00Z", "end": "2026-12-01T00:00:00Z"},
        "totals": {
            "calls": 1200,
            "billable_calls": 1180,
            "errors": 20,
            "bytes_out": 4_800_000,
            "average_latency_ms": 41.5,
            "reported": {"exports": 12},
        },
        "days": [
            {
                "day": "2026-11-01",
                "calls": 40,
                "billable_calls": 40,
                "errors": 0,
                "bytes_out": 160_000,
                "average_latency_ms": 40.1,
                "reported": {"exports": 2},
            }
        ],
        "data_until": "2026-11-29T11:59:00Z",
    },
)
def usage_summary() -> Response:
    """Return what the caller's organisation used between two days: totals, and one entry per UTC day with usage.

    `reported` is what others reported in signed events, by metric.

    `from` and `to` are dates (both included) or instants (`to` excluded); the current UTC month by default.
    """
    now = plugs().clock.now()
    period = read_period(request.args, now)
    account_id = get_principal().account_id
    days = queries.calls_by_bucket(account_id, period, step="day") if account_id is not None else []
    per_day: dict[datetime, Usage] = {}
    for bucket in days:
        per_day[bucket.start] = per_day.get(bucket.start, Usage()) + bucket.usage
    reported = sums_by_day(db.session(), account_id, period) if account_id is not None else {}
    whole: Counter[str] = Counter()
    for metrics in reported.values():
        whole.update(metrics)
    return jsonify(
        period={"start": period.start, "end": period.end},
        totals={**_sums(sum(per_day.values(), Usage())), "reported": dict(sorted(whole.items()))},
        days=[
            {"day": f"{start:%Y-%m-%d}", **_sums(per_day.get(start, Usage())), "reported": reported.get(start, {})}
            for start in sorted({*per_day, *reported})
        ],
        data_until=queries.data_until(account_id, now),
    )


def _sums(usage: Usage) -> dict[str, Any]:
    return {
        "calls": usage.calls,
        "billable_calls": usage.billable_calls,
        "errors": usage.errors,
        "bytes_out": usage.bytes_out,
        "average_latency_ms": usage.average_ms,
    }


def _check(post: Post) -> None:
    expected = plugs().settings.gateway_log_token
    if not expected:
        raise Problem(404, "not-found", "The log intake is off", "Set GATEWAY_LOG_TOKEN to switch it on.")
    if not is_one_of(post.header("X-Gateway-Token"), expected):
        raise Problem(401, "unauthorized", "Send the gateway's token", "The header is `X-Gateway-Token`.")
    if post.mimetype != "application/json":
        raise Problem(415, "unsupported-media-type", "Send JSON", "Set `Content-Type: application/json`.")
    if (post.header("Content-Encoding") or "identity") != "identity":
        raise Problem(415, "unsupported-encoding", "Send the body uncompressed", "Remove `Content-Encoding`.")


def _as_json(result: IntakeResult) -> dict[str, Any]:
    return {
        "accepted": result.accepted,
        "duplicates": result.duplicates,
        "conflicts": result.conflicts,
        "quarantined": result.quarantined,
        "entries": [
            {"request_id": verdict.request_id, "verdict": verdict.verdict, "reason": verdict.reason}
            for verdict in result.verdicts[:_SHOWN]
        ],
    }
