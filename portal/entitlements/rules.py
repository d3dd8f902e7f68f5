"""The union of rights, and the steps that make rows equal to what their source supports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from portal.entitlements.types import Grant, Move, Right, Source, Steps, Support
from portal.subscriptions.types import Access

DERIVED: frozenset[Source] = frozenset({"subscription", "trial", "grace"})


def union(grants: Iterable[Grant], names: Mapping[int, tuple[str, str]], at: datetime) -> list[Right]:
    """Return the rights that rows give at an instant: any live row allows, quantities add up over sources.

    `names` maps a feature to its code and name. Rows that have not begun yet only shorten `steady_until`.
    """
    live: dict[int, list[Grant]] = {}
    ahead: dict[int, list[datetime]] = {}
    for grant in grants:
        if grant.holds(at):
            live.setdefault(grant.feature_id, []).append(grant)
        elif grant.state(at) == "not_yet":
            ahead.setdefault(grant.feature_id, []).append(grant.valid_from)
    return [_right(rows, names[feature_id], ahead.get(feature_id, [])) for feature_id, rows in sorted(live.items())]


def support(access: Access, feature_id: int, quantity: Decimal | None = None) -> Support | None:
    """Return what a subscription's access supports as a right to one of its plan's features."""
    if not access.allowed or access.source is None or access.valid_from is None:
        return None
    return Support(feature_id, access.source, access.valid_from, access.valid_to, quantity)


def reconcile(grants: Sequence[Grant], wanted: Support | None, now: datetime) -> Steps:
    """Return the steps from the unrevoked rows of one source to what it supports at `now`.

    Only from `now` on: what was answered yesterday is never rewritten. A row that goes on gets the new end. A row
    of another kind (the trial, when the paid period has begun) or without support ends now, or is revoked when it
    has not begun. A first row begins where its support begins; a later one, after a gap, begins now.
    """
    ahead = [grant for grant in grants if grant.valid_to is None or grant.valid_to > now]
    same = [grant for grant in ahead if wanted is not None and _continues(grant, wanted)]
    kept = min(same, key=lambda grant: grant.valid_from, default=None)
    ending = [grant for grant in ahead if grant is not kept]
    revoke = tuple(grant.id for grant in ending if grant.valid_from >= now)
    close = tuple(grant.id for grant in ending if grant.valid_from < now)
    if wanted is None:
        return Steps(revoke, close)
    if kept is None:
        is_first = all(grant.id in revoke for grant in grants)
        start = wanted.valid_from if is_first else now
        return Steps(
            revoke, close, open=Support(wanted.feature_id, wanted.source, start, wanted.valid_to, wanted.quantity)
        )
    # A row that begins later than now was written by a machine whose clock runs ahead of ours.
    move = Move(kept.id, min(kept.valid_from, now), wanted.valid_to)
    stays = (kept.valid_from, kept.valid_to) == (move.valid_from, move.valid_to)
    return Steps(revoke, close, move=None if stays else move)


def _continues(grant: Grant, wanted: Support) -> bool:
    return (
        grant.feature_id == wanted.feature_id
        and grant.source == wanted.source
        and grant.quantity == wanted.quantity
        and (wanted.valid_to is None or grant.valid_from < wanted.valid_to)
    )


def _right(rows: Sequence[Grant], name: tuple[str, str], starts: Sequence[datetime]) -> Right:
    counted = [row.quantity for row in rows if row.quantity is not None]
    ends = [row.valid_to for row in rows if row.valid_to is not None]
    return Right(
        feature_id=rows[0].feature_id,
        code=name[0],
        name=name[1],
        quantity=sum(counted, Decimal(0)) if counted else None,
        sources=tuple(sorted({row.source for row in rows})),
        until=max(ends) if len(ends) == len(rows) else None,
        steady_until=min([*ends, *starts], default=None),
    )
