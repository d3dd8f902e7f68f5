"""The lists behind the figures as CSV. Amounts per month are exact: minor units as a fraction, such as 2500/3."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from portal.analytics.reading import Row
from portal.analytics.rules import monthly
from portal.analytics.types import Entry, Move, Named
from portal.kit.csv_lines import csv_lines


def subscription_lines(rows: Iterable[Row], values: dict[int, str]) -> Iterator[str]:
    """Yield the subscriptions with what each comes to per month."""
    header = (
        "subscription", "account", "product", "plan", "state", "since", "currency", "amount", "interval",
        "interval count", "quantity", "before discount per month", "per month",
    )  # fmt: skip
    return csv_lines(
        header,
        (
            (
                row.held.id,
                row.named.account,
                row.named.product,
                row.named.plan,
                row.state,
                row.held.started_at,
                row.held.rate.currency,
                row.held.rate.amount,
                row.held.rate.interval,
                row.held.rate.interval_count,
                row.held.quantity,
                str(monthly(row.held.rate, row.held.quantity)),
                values[row.held.id],
            )
            for row in rows
        ),
    )


def move_lines(found: Iterable[tuple[Move, Named]]) -> Iterator[str]:
    """Yield the moves with both sides."""
    header = ("kind", "account", "product", "currency", "before per month", "after per month", "subscriptions")
    return csv_lines(
        header,
        (
            (
                move.kind,
                named.account,
                named.product,
                move.currency,
                str(move.before),
                str(move.after),
                " ".join(map(str, move.subscription_ids)),
            )
            for move, named in found
        ),
    )


def money_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """Yield the money, what went back negative."""
    header = ("time", "kind", "reference", "account", "currency", "amount")
    return csv_lines(
        header, ((one.at, one.kind, one.reference, one.account, one.currency, one.amount) for one in entries)
    )
