"""What the timetable runs. Each returns a short summary for the log."""

from __future__ import annotations

from datetime import timedelta

from portal.catalog import service as catalog
from portal.catalog import vocabulary
from portal.db import SYSTEM, in_transaction, transaction
from portal.entitlements.service import derive
from portal.gateway import provisioning
from portal.identity import service as identity
from portal.kit.periods import Period
from portal.metering import partitions
from portal.metering import queries as metering
from portal.notifications import service as notifications
from portal.subscriptions import service as subscriptions
from portal.web.plugs import plugs


def roll_free_periods() -> str:
    """Move free subscriptions into their next period."""
    now = plugs().clock.now()

    def roll(_session: object) -> int:
        changed = subscriptions.roll_free_periods(now=now)
        for subscription_id in changed:
            derive(subscription_id, now=now)
        return len(changed)

    return f"{in_transaction(roll, scope=SYSTEM)} subscriptions"


def suspend_ended_keys() -> str:
    """Tell a gateway that cannot see entitlements itself which keys have run out."""
    ports = plugs()
    if ports.gateway is None:
        return "no gateway"
    # Looks back further than the interval, so that a missed slot or a gateway that was away costs no more than delay.
    done = provisioning.suspend_ended(ports.gateway, clock=ports.clock, looking_back=timedelta(hours=1))
    return f"{done} keys"


def order_the_market() -> str:
    """Count each API's calls of the last 30 days, by which the market is ordered."""
    end = plugs().clock.now().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    lately = Period(end - timedelta(days=30), end)
    changed = in_transaction(lambda _session: catalog.note_calls(metering.calls_per_api(lately)), scope=SYSTEM)
    return f"{changed} APIs"


def count_the_words() -> str:
    """Count the words of all listings again, to which mistyped searches are corrected."""
    return f"{in_transaction(lambda _session: vocabulary.rebuild(), scope=SYSTEM)} words"


def forget_old_sessions() -> str:
    """Remove sessions, links and kept mails of long ago, and attempts that no rule counts any more."""
    now = plugs().clock.now()
    with transaction(SYSTEM):
        return f"{identity.forget_old(now) + notifications.forget_old(now)} rows"


def prepare_log_partitions() -> str:
    """Make the request log's partitions for the coming months."""
    now = plugs().clock.now()
    made = in_transaction(lambda _session: partitions.ensure_ahead(now), scope=SYSTEM)
    return f"{', '.join(made) or 'nothing'} made"
