"""Taking in what gateways report: exactly once per request id, whatever is repeated, late or broken."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from psycopg.types.json import Jsonb
from sqlalchemy import text

from portal.db import db
from portal.metering import request_log
from portal.metering.request_log import Row
from portal.metering.types import Fault, IntakeResult, LogEntry, Verdict

_HOUR = len("2026-03-10T09")
_HOLDERS = text("""
    SELECT s.id, s.account_id, a.id
    FROM subscriptions s LEFT JOIN apis a ON a.product_id = s.product_id
    WHERE s.id = ANY(:ids)
""")


def take_in(entries: Sequence[LogEntry], faults: Sequence[Fault] = ()) -> IntakeResult:
    """Store a batch, its request keys and its dirty hours in the open unit of work, and say what became of it.

    A repeat is recognised by request id and changes nothing. The same id with other content is a conflict: the
    first stays, the second goes to the quarantine with every entry that cannot be believed. Runs as the system.
    """
    rows, unowned = _attribute(entries)
    rows, twins = _without_twins(rows)
    fresh, known = request_log.add(rows) if rows else ([], {})
    repeats = [_compare(row, known[row.request_id]) for row in rows if row.request_id in known]
    outcomes = [*faults, *unowned, *twins, *repeats]
    _quarantine(outcome for outcome in outcomes if isinstance(outcome, Fault))
    _mark_dirty(fresh)
    return _summary(len(fresh), outcomes)


def _attribute(entries: Sequence[LogEntry]) -> tuple[list[Row], list[Fault]]:
    """Give each entry the account and API that our own rows name for its subscription."""
    ids = {entry.subscription_id for entry in entries if entry.subscription_id is not None}
    holders: dict[int, tuple[int, int | None]] = {}
    if ids:
        found = db.session.execute(_HOLDERS, {"ids": list(ids)})
        holders = {subscription: (account, api) for subscription, account, api in found}
    rows: list[Row] = []
    faults: list[Fault] = []
    for entry in entries:
        holder = holders.get(entry.subscription_id) if entry.subscription_id is not None else None
        reason = _disbelief(entry, holder)
        if reason:
            faults.append(Fault(entry.given_id, reason, request_log.kept(entry)))
        else:
            rows.append(Row.of(entry, *(holder or (None, entry.api_id))))
    return rows, faults


def _disbelief(entry: LogEntry, holder: tuple[int, int | None] | None) -> str | None:
    if entry.subscription_id is None:
        return None
    if holder is None:
        return "unknown subscription"
    account, api = holder
    if entry.account_id is not None and entry.account_id != account:
        return "the subscription belongs to another account"
    # A refused call may have knocked at another API's door; one that was answered there cannot be this subscription's.
    if entry.upstream_answered and entry.api_id is not None and api is not None and entry.api_id != api:
        return "the subscription is for another API"
    return None


def _without_twins(rows: list[Row]) -> tuple[list[Row], list[Verdict | Fault]]:
    """Keep the first of the rows that share a request id inside one batch."""
    first: dict[str, Row] = {}
    twins: list[Verdict | Fault] = []
    for row in rows:
        earlier = first.setdefault(row.request_id, row)
        if earlier is not row:
            twins.append(_compare(row, earlier.checksum))
    return list(first.values()), twins


def _compare(row: Row, known_checksum: int) -> Verdict | Fault:
    if row.checksum == known_checksum:
        return Verdict(row.entry.given_id, "duplicate")
    reason = "another call was already taken in under this request id"
    return Fault(row.entry.given_id, reason, request_log.kept(row.entry), verdict="conflict")


def _quarantine(faults: Iterable[Fault]) -> None:
    rows = [{"reason": fault.reason[:500], "entry": Jsonb(fault.kept)} for fault in faults]
    if rows:
        db.session.execute(text("INSERT INTO quarantined_log_entries (reason, entry) VALUES (:reason, :entry)"), rows)


def _mark_dirty(rows: Iterable[Row]) -> None:
    """Mark each touched hour once per batch, in one order for everybody: these are the rows that batches share."""
    touched = {
        (row.entry.started_at[:_HOUR], row.entry.subscription_id, row.account_id)
        for row in rows
        if row.account_id is not None
    }
    if not touched:
        return
    hours, subscriptions, accounts = zip(*sorted(touched), strict=True)
    db.session.execute(
        text("""
            INSERT INTO usage_dirty_hours (hour, subscription_id, account_id)
            SELECT * FROM unnest(
                CAST(:hours AS timestamptz[]), CAST(:subscriptions AS bigint[]), CAST(:accounts AS bigint[]))
            ON CONFLICT (hour, subscription_id) DO UPDATE SET generation = usage_dirty_hours.generation + 1
        """),
        {"hours": [f"{hour}:00Z" for hour in hours], "subscriptions": list(subscriptions), "accounts": list(accounts)},
    )


def _summary(accepted: int, outcomes: Sequence[Verdict | Fault]) -> IntakeResult:
    verdicts = [
        outcome if isinstance(outcome, Verdict) else Verdict(outcome.given_id, outcome.verdict, outcome.reason)
        for outcome in outcomes
    ]
    count = [verdict.verdict for verdict in verdicts].count
    return IntakeResult(accepted, count("duplicate"), count("conflict"), count("quarantined"), verdicts)
