"""What the page of a purchase says, decided from facts. Pure."""

from __future__ import annotations

from typing import Literal

from portal.payments.types import PurchaseView

Stage = Literal[
    "started", "left", "refused", "confirming", "action", "slow", "processing", "granting", "ready", "ended", "over"
]

QUICK_LOOKS = 8  # every second
SLOW_LOOKS = 18  # then every five seconds: about a minute in all


def stage_of(found: PurchaseView, *, looks: int, left: bool, back: bool, is_dead: bool = False) -> Stage:
    """Return where a purchase stands for whoever looks.

    `left` and `back` say by which link of the payment page somebody came, `looks` how often the page has looked by
    itself, `is_dead` that the subscription gives no access any more. Who comes back from paying sees it confirmed before
    anybody tells them that something is missing.

    started: no payment page yet; left: came back without paying; refused: the bank declined the card; confirming: paid,
    we hope, and we look; action: the provider still waits for the buyer; slow: takes longer than usual; processing: the
    provider has it, its method takes its time; granting: paid, access follows; ready; ended: bought and over by now;
    over: nothing was bought.
    """
    if found.is_over:
        return "over"
    if found.is_ready:
        return "ready"
    if found.is_paid:
        return "ended" if is_dead or looks >= SLOW_LOOKS else "granting"
    if found.status == "started":
        return "started"
    if found.is_refused and (not back or looks >= QUICK_LOOKS):
        return "refused"
    if left:
        return "left"
    if found.seen == "processing":
        return "processing"
    if found.seen == "open" and (not back or looks >= QUICK_LOOKS):
        return "action"
    return "confirming" if looks < SLOW_LOOKS else "slow"
