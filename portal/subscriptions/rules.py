"""What a subscription gives access to: the one decision that pages, the gateway and reconciliation share."""

from __future__ import annotations

from datetime import datetime, timedelta

from portal.subscriptions.types import Access, AccessReason, AccessSource, Hold, Status, SubscriptionView

# The renewal notice may be late: a paying customer keeps access this long past the end of the period.
RENEWAL_SLACK = timedelta(hours=1)

_REFUSED: dict[Status, AccessReason] = {
    "canceled": "cancelled",
    "incomplete_expired": "incomplete",
    "incomplete": "incomplete",
    "unpaid": "unpaid",
    "paused": "paused",
}


def access(
    status: Status,
    *,
    current_period_start: datetime,
    current_period_end: datetime,
    trial_end: datetime | None = None,
    cancel_at: datetime | None = None,
    cancel_at_period_end: bool = False,
    ended_at: datetime | None = None,
    past_due_since: datetime | None = None,
    grace_until: datetime | None = None,
    renews_itself: bool = False,
    hold: Hold | None = None,
    now: datetime,
) -> Access:
    """Return what the subscription supports at `now`.

    Active and trialing: until the period (the trial) ends, plus an hour in case the renewal notice is late; with
    a cancellation ahead, until exactly that instant. Past due: until `grace_until`. `renews_itself` (a free
    subscription): until cancelled. Every other status: nothing; nor while the money for the period is disputed or was
    given back whole (`hold`). Worked table: docs/algorithms/entitlements.md.
    """
    if status in _REFUSED:
        return _refused(_REFUSED[status])
    if hold is not None:
        return _refused(hold)
    stop = _earliest(cancel_at, ended_at)
    if status == "past_due":
        since = past_due_since or current_period_start
        # No grace was recorded: none is assumed.
        stop = _earliest(stop, current_period_end if cancel_at_period_end else None, grace_until or since)
        return _during("grace", since, stop, now, "in_grace", "grace_over")
    end = (trial_end or current_period_end) if status == "trialing" else current_period_end
    if stop is None and cancel_at_period_end:
        stop = end
    source: AccessSource = "trial" if status == "trialing" else "subscription"
    if renews_itself:
        return _during(source, current_period_start, stop, now, "cancelling" if stop else "free", "cancelled")
    late: AccessReason = "trial_over" if status == "trialing" else "renewal_overdue"
    if stop is not None and stop <= end + RENEWAL_SLACK:
        return _during(source, current_period_start, stop, now, "cancelling", "cancelled")
    fine: AccessReason = "trialing" if status == "trialing" else "active"
    return _during(source, current_period_start, end + RENEWAL_SLACK, now, fine, late)


def access_of(view: SubscriptionView, now: datetime) -> Access:
    """Return what this subscription supports at `now`."""
    return access(
        view.status,
        current_period_start=view.period.start,
        current_period_end=view.period.end,
        trial_end=view.trial_end,
        cancel_at=view.cancel_at,
        cancel_at_period_end=view.cancel_at_period_end,
        ended_at=view.ended_at,
        past_due_since=view.past_due_since,
        grace_until=view.grace_until,
        renews_itself=view.is_free,
        hold=view.hold,
        now=now,
    )


def _during(
    source: AccessSource,
    start: datetime,
    end: datetime | None,
    now: datetime,
    fine: AccessReason,
    over: AccessReason,
) -> Access:
    if end is not None and now >= end:
        return _refused(over)
    # The provider's clock may run ahead of ours; a status that gives access gives it now.
    return Access(True, source, min(start, now), end, fine)


def _refused(reason: AccessReason) -> Access:
    return Access(False, None, None, None, reason)


def _earliest(*instants: datetime | None) -> datetime | None:
    return min((instant for instant in instants if instant is not None), default=None)
