"""Comparing one subscription of ours with the provider's and with the rights that hang on it.

Every code, its severity and a worked table: docs/algorithms/reconciliation.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from portal.entitlements.rules import reconcile, support
from portal.entitlements.types import Steps
from portal.kit.clock import isoformat_z
from portal.kit.money import Money
from portal.ports.billing import SubscriptionSnapshot
from portal.reconciliation.types import Cause, Code, Difference, Mismatch, Ours, Reading, Repair, Shown
from portal.subscriptions.rules import access_of
from portal.subscriptions.types import LIVE

_SYNC: tuple[Repair, ...] = ("sync_from_stripe",)
_UNDONE = ("pending", "retry")


def compare(ours: Ours, reading: Reading, now: datetime, *, livemode: bool) -> tuple[Mismatch, ...]:
    """Return every disagreement about one subscription, the worst first; empty when all sides say the same.

    Without an answer of the provider only what our own rows say about each other is compared.
    """
    found = [*_modes(ours, reading, livemode), *_sides(ours, reading), *_rights(ours, now)]
    return tuple(sorted(found, key=lambda one: (one.severity, one.code)))


def shown_price(ours: Ours, price_id: str) -> str:
    """Return a provider's price as people know it: the plan it belongs to, or its bare id."""
    return ours.price_names.get(price_id, price_id)


def _modes(ours: Ours, reading: Reading, livemode: bool) -> Iterator[Mismatch]:
    theirs = reading.snapshot.livemode if reading.snapshot else livemode
    if ours.held.is_free or ours.held.livemode == theirs == livemode:
        return
    difference = Difference("livemode", ours.held.livemode, theirs)
    yield Mismatch("MODE_MIX", ours.record, (difference,), "other_mode", at_risk=ours.price)


def _sides(ours: Ours, reading: Reading) -> Iterator[Mismatch]:
    if reading.state == "absent" and not ours.held.has_ended:
        difference = Difference("status", ours.held.status, None)
        repairs: tuple[Repair, ...] = ("sync_from_stripe", "reset_to_free")
        yield Mismatch("SUB_MISSING_REMOTE", ours.record, (difference,), "gone_there", repairs, ours.price)
    if reading.snapshot is None:
        return
    yield from _fields(ours, reading.snapshot)
    if ours.event and ours.event.state in (*_UNDONE, "dead") and ours.event.received_at > ours.held.read_at:
        seen = Difference("read", isoformat_z(ours.held.read_at), isoformat_z(ours.event.received_at))
        yield Mismatch("SUB_STALE_SNAPSHOT", ours.record, (seen,), _why(ours), _repairs(ours, reading.snapshot))


def _fields(ours: Ours, theirs: SubscriptionSnapshot) -> Iterator[Mismatch]:
    held = ours.held
    cause, repairs = _why(ours, theirs), _repairs(ours, theirs)

    def differing(code: Code, *pairs: tuple[str, Shown, Shown], at_risk: Money | None = None) -> Iterator[Mismatch]:
        different = tuple(Difference(*pair) for pair in pairs if pair[1] != pair[2])
        if different:
            yield Mismatch(code, ours.record, different, cause, repairs, at_risk)

    yield from differing("SUB_STATUS_DIFF", ("status", held.status, theirs.status), at_risk=_lost(ours, theirs))
    if held.has_ended and theirs.status == held.status:
        return  # what has ended alike has no plan, period or cancellation that anybody could still act on
    mine = ours.stripe_price_id or ours.plan_name
    if mine != theirs.price_id:
        prices = Difference("price", shown_price(ours, mine), shown_price(ours, theirs.price_id))
        yield Mismatch("SUB_PLAN_DIFF", ours.record, (prices,), cause, repairs, ours.price)
    yield from differing("SUB_QTY_DIFF", ("quantity", held.quantity, theirs.quantity), at_risk=ours.price)
    yield from differing(
        "SUB_PERIOD_DIFF",
        ("period_start", _text(held.period.start), _text(theirs.current_period_start)),
        ("period_end", _text(held.period.end), _text(theirs.current_period_end)),
        ("trial_end", _text(held.trial_end), _text(theirs.trial_end)),
    )
    yield from differing(
        "SUB_CANCEL_FLAG_DIFF",
        ("cancel_at_period_end", held.cancel_at_period_end, theirs.cancel_at_period_end),
        ("cancel_at", _text(held.cancel_at), _text(theirs.cancel_at)),
    )


def _lost(ours: Ours, theirs: SubscriptionSnapshot) -> Money | None:
    """One period's price when one side gives or takes what the other does not know of."""
    return ours.price if (ours.held.status in LIVE) != (theirs.status in LIVE) else None


def _why(ours: Ours, theirs: SubscriptionSnapshot | None = None) -> Cause:
    if ours.held.has_ended and theirs is not None and theirs.status in LIVE:
        return "ended_here"
    if theirs is not None and theirs.price_id != ours.stripe_price_id and theirs.price_id not in ours.price_names:
        return "unknown_price"
    newest = ours.event
    if newest is None or newest.received_at <= ours.held.read_at:
        return "event_lost"
    return "event_waiting" if newest.state in _UNDONE else "event_failed" if newest.state == "dead" else "unexplained"


def _repairs(ours: Ours, theirs: SubscriptionSnapshot) -> tuple[Repair, ...]:
    # A row that has ended never lives again, and a plan that we do not sell cannot be mirrored.
    cannot = (ours.held.has_ended and theirs.status != ours.held.status) or (
        theirs.price_id != ours.stripe_price_id and theirs.price_id not in ours.price_names
    )
    if cannot:
        return () if ours.held.has_ended else ("reset_to_free",)
    return _SYNC if ours.held.has_ended else ("sync_from_stripe", "reset_to_free")


def _rights(ours: Ours, now: datetime) -> Iterator[Mismatch]:
    """Compare the rights that are there with those the subscription supports; one subject has one mismatch of a kind."""
    windows = {grant.id: _until(grant.valid_to) for grant in ours.grants}
    found: dict[Code, list[Difference]] = {}
    for steps in rights_steps(ours, now):
        if steps.open is not None:
            found.setdefault("ENT_MISSING", []).append(Difference("right", None, _until(steps.open.valid_to)))
        for number in (*steps.revoke, *steps.close):
            found.setdefault("ENT_WITHOUT_SOURCE", []).append(Difference("right", windows[number], None))
        if steps.move is not None:
            moved = Difference("right", windows[steps.move.grant_id], _until(steps.move.valid_to))
            found.setdefault("ENT_WINDOW_DIFF", []).append(moved)
    for code, differences in found.items():
        rebuild: tuple[Repair, ...] = ("rebuild_entitlements",)
        yield Mismatch(code, ours.record, tuple(differences), "rights_not_derived", rebuild, ours.price)


def rights_steps(ours: Ours, now: datetime) -> list[Steps]:
    """Return what deriving the rights of this subscription now would change, feature by feature."""
    access, held = access_of(ours.held, now), ours.held
    wanted = {
        feature: support(access, feature, None if each is None else each * held.quantity)
        for feature, each in ours.features.items()
    }
    features = sorted({*wanted, *(grant.feature_id for grant in ours.grants)})
    steps = [
        reconcile([one for one in ours.grants if one.feature_id == feature], wanted.get(feature), now)
        for feature in features
    ]
    return [one for one in steps if one]


def _until(instant: datetime | None) -> str:
    return _text(instant) or "open"


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else isoformat_z(instant)
