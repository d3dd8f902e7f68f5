"""A customer's own look at one subscription: the comparison that operators see, and the two repairs that only follow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from portal.db import SYSTEM, transaction
from portal.payments.syncing import Syncing
from portal.ports.payments import PaymentsRefused, PaymentsUnavailable
from portal.reconciliation import repairing
from portal.reconciliation.errors import ChangedMeanwhile, NotPossible, UnknownRecord
from portal.reconciliation.keeping import keep
from portal.reconciliation.looking import Asking, look_at
from portal.reconciliation.repairing import Order
from portal.reconciliation.types import Found, Repair

# What a customer may set off: it only brings our rows in line with their source. Ending things is not among it.
FOLLOWS: tuple[Repair, ...] = ("sync_from_stripe", "rebuild_entitlements")
Result = Literal["fine", "mendable", "noted", "unknown"]


@dataclass(frozen=True, slots=True)
class Checked:
    """What a look came to. `noted`: it differs and a person of ours has to look; `was_mended` after a repair."""

    found: Found
    at: datetime
    was_mended: bool = False

    @property
    def result(self) -> Result:
        """What to tell the customer."""
        if self.found.verdict == "unknown":
            return "unknown"
        if not self.found.mismatches:
            return "fine"
        return "mendable" if any(_repair_of(self.found)) else "noted"


def check(subscription_id: int, asking: Asking) -> Checked:
    """Compare one subscription now. What differs is kept for operators as well. The caller has checked whose it is."""
    found, now = look_at(f"subscription:{subscription_id}", asking), asking.clock.now()
    with transaction(SYSTEM):
        keep([found], run_id=None, now=now)
    return Checked(found, now)


def mend(
    subscription_id: int, asking: Asking, syncing: Syncing, *, actor: str, request_id: str | None = None
) -> Checked:
    """Bring one subscription in line with its source, if that is all it takes, and look again."""
    subject = f"subscription:{subscription_id}"
    done: set[Repair] = set()
    while (action := next(iter(_repair_of(look_at(subject, asking))), None)) and action not in done:
        done.add(action)
        reason = "asked for on the subscription's own page"
        order = Order(subject, action, actor, reason, request_id=request_id)
        try:
            shown = repairing.preview(order, asking, syncing)
            repairing.apply(order, shown.source_hash, asking, syncing)
        except (NotPossible, UnknownRecord, ChangedMeanwhile, PaymentsUnavailable, PaymentsRefused):
            break
    checked = check(subscription_id, asking)
    return Checked(checked.found, checked.at, was_mended=bool(done))


def _repair_of(found: Found) -> list[Repair]:
    """Return the repairs that only follow, syncing before deriving."""
    offered = {action for one in found.mismatches for action in one.repairs}
    return [action for action in FOLLOWS if action in offered]
