"""Asking the provider, several questions at a time. No transaction is open while it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from portal.ports.payments import NotAtProvider, Payments, PaymentsRefused, PaymentsUnavailable
from portal.reconciliation.types import Ours, Reading

T = TypeVar("T")
AT_ONCE = 6  # far below what the provider allows in a second, and enough to hide its distance


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What came back: `value` when read, else that it is absent there or that nobody could be asked."""

    state: Literal["read", "absent", "unreachable"]
    value: T | None = None

    @property
    def is_known(self) -> bool:
        """False when nobody could be asked."""
        return self.state != "unreachable"


def ask(keys: Sequence[str], question: Callable[[str], T]) -> list[Answer[T]]:
    """Ask one question about each key, in order."""
    if not keys:
        return []
    with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(keys))) as pool:
        return list(pool.map(lambda key: ask_one(key, question), keys))


def ask_one(key: str, question: Callable[[str], T]) -> Answer[T]:
    """Ask about one key."""
    try:
        return Answer("read", question(key))
    except NotAtProvider:
        return Answer("absent")
    except (PaymentsUnavailable, PaymentsRefused):
        return Answer("unreachable")


def read_subscriptions(all_ours: Sequence[Ours], payments: Payments) -> list[Reading]:
    """Read the provider's side of each subscription; a free one has none."""
    wanted = [ours.held.stripe_subscription_id for ours in all_ours if ours.held.stripe_subscription_id]
    answers = dict(zip(wanted, ask(wanted, payments.fetch_subscription), strict=True))
    found = [answers.get(ours.held.stripe_subscription_id or "") for ours in all_ours]
    return [Reading("not_asked") if one is None else Reading(one.state, one.value) for one in found]
