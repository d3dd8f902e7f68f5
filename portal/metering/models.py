"""The request log (monthly partitions), its keys, and the rollups made from it."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, PrimaryKeyConstraint, SmallInteger, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, SMALLINT
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base


class RequestKey(Base):
    """Every request id taken in. Not partitioned, so a repeat is recognised whatever time it claims.

    `checksum` tells a repeat from another call that claims the same id; `started_at` leads to the log row.
    """

    __tablename__ = "api_request_keys"

    request_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    checksum: Mapped[int]
    started_at: Mapped[datetime]


class RequestLog(Base):
    """One call through the gateway, in monthly partitions by the instant it started (UTC)."""

    __tablename__ = "api_requests_log"
    __table_args__ = (
        PrimaryKeyConstraint("started_at", "request_id", name="api_requests_log_pkey"),
        Index("api_requests_log_subscription", "subscription_id", text("started_at DESC")),
        {"postgresql_partition_by": "RANGE (started_at)"},
    )

    request_id: Mapped[uuid.UUID]
    started_at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    account_id: Mapped[int | None]
    subscription_id: Mapped[int | None]
    api_id: Mapped[int | None]
    api_key_id: Mapped[int | None]
    method: Mapped[str]
    path: Mapped[str]
    status: Mapped[int] = mapped_column(SmallInteger)
    source: Mapped[str]
    latency_ms: Mapped[int]
    upstream_ms: Mapped[int | None]
    bytes_in: Mapped[int]
    bytes_out: Mapped[int]
    billable: Mapped[bool]
    decision: Mapped[str | None]
    client_ip: Mapped[str | None]


class QuarantinedEntry(Base):
    """A log entry that could not be taken in, kept so that nobody has to send it again and somebody can look."""

    __tablename__ = "quarantined_log_entries"

    id: Mapped[int] = mapped_column(primary_key=True)
    received_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    reason: Mapped[str]
    entry: Mapped[dict[str, Any]]


class DirtyHour(Base):
    """An hour whose sums no longer hold. Written with the rows that made it so; removed by the recomputation.

    `generation` grows with every batch that touches the hour; `dirty_since` stays at the first of them.
    """

    __tablename__ = "usage_dirty_hours"
    __table_args__ = (Index("usage_dirty_hours_oldest", "dirty_since"),)

    hour: Mapped[datetime] = mapped_column(primary_key=True)
    subscription_id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int]
    generation: Mapped[int] = mapped_column(server_default=text("1"))
    dirty_since: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class _Rollup:
    """Sums of one subscription and key over a span; recomputed from the log, never incremented.

    `errors` counts answers of 400 and above, refusals included. `latency_buckets` and `latency_counts` are a
    histogram (docs/algorithms/rollups.md) whose counts add up to `calls`. `asked_calls` reached the provider and
    `failed_calls` of them failed there (portal/metering/availability.py); `asked_counts` is their share of the histogram.
    """

    account_id: Mapped[int]
    api_id: Mapped[int]
    calls: Mapped[int]
    billable_calls: Mapped[int]
    errors: Mapped[int]
    latency_ms_sum: Mapped[int]
    latency_buckets: Mapped[list[int]] = mapped_column(ARRAY(SMALLINT))
    latency_counts: Mapped[list[int]] = mapped_column(ARRAY(BIGINT))
    bytes_out: Mapped[int]
    last_call_at: Mapped[datetime]
    asked_calls: Mapped[int] = mapped_column(server_default=text("0"))
    failed_calls: Mapped[int] = mapped_column(server_default=text("0"))
    asked_counts: Mapped[list[int]] = mapped_column(ARRAY(BIGINT), server_default=text("'{}'"))
    computed_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class HourlyUsage(_Rollup, Base):
    """One hour, starting at `hour` (UTC)."""

    __tablename__ = "usage_records_hourly"
    __table_args__ = (
        PrimaryKeyConstraint("subscription_id", "hour", "api_key_id", name="usage_records_hourly_pkey"),
        Index("usage_records_hourly_account", "account_id", "hour"),
        Index("usage_records_hourly_api", "api_id", "hour"),
    )

    subscription_id: Mapped[int]
    hour: Mapped[datetime]
    api_key_id: Mapped[int]


class DailyUsage(_Rollup, Base):
    """One UTC day, starting at `day`; always equal to the sum of its hours."""

    __tablename__ = "usage_records_daily"
    __table_args__ = (
        PrimaryKeyConstraint("subscription_id", "day", "api_key_id", name="usage_records_daily_pkey"),
        Index("usage_records_daily_account", "account_id", "day"),
        Index("usage_records_daily_api", "api_id", "day"),
    )

    subscription_id: Mapped[int]
    day: Mapped[datetime]
    api_key_id: Mapped[int]


class DirtyApiDay(Base):
    """A UTC day of an API whose sums no longer hold. Written by a trigger on the daily rows; removed by the recomputation.

    `generation` grows with every statement that changes its rows; `dirty_since` stays at the first of them.
    """

    __tablename__ = "usage_dirty_api_days"
    __table_args__ = (Index("usage_dirty_api_days_oldest", "dirty_since"),)

    api_id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[datetime] = mapped_column(primary_key=True)
    generation: Mapped[int] = mapped_column(server_default=text("1"))
    dirty_since: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class ApiDailyUsage(Base):
    """One UTC day of an API, all subscriptions together; always equal to the sum of its daily rows, or dirty.

    `subscriptions` counts those that called, refused ones too; the buckets are those with asked calls, in rising order.
    """

    __tablename__ = "usage_records_api_daily"

    api_id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[datetime] = mapped_column(primary_key=True)
    asked_calls: Mapped[int]
    failed_calls: Mapped[int]
    subscriptions: Mapped[int]
    latency_buckets: Mapped[list[int]] = mapped_column(ARRAY(SMALLINT))
    asked_counts: Mapped[list[int]] = mapped_column(ARRAY(BIGINT))
    computed_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class UsageDelta(Base):
    """Usage that a signed event reported; a negative one corrects. A refused event keeps its reason and counts nothing."""

    __tablename__ = "usage_deltas"
    __table_args__ = (
        UniqueConstraint("event_id", name="usage_deltas_once"),
        CheckConstraint(
            "(refused IS NULL) = (account_id IS NOT NULL AND metric IS NOT NULL AND quantity IS NOT NULL)",
            name="usage_deltas_applied",
        ),
        Index("usage_deltas_read", "account_id", "occurred_at", postgresql_where=text("refused IS NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    event_id: Mapped[str]
    body_sha256: Mapped[bytes]
    event_type: Mapped[str]
    metric: Mapped[str | None]
    quantity: Mapped[int | None]
    refused: Mapped[str | None]
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime]
    # An attribute of this name belongs to SQLAlchemy.
    event_metadata: Mapped[dict[str, Any]] = mapped_column("metadata")
