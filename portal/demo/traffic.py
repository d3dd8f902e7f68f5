"""Months of believable calls to any of the demo's APIs, as entries of the gateway's log."""

from __future__ import annotations

import math
import random
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from urllib.parse import quote

import yaml

from portal.demo.customers import Habit, Rhythm
from portal.demo.offers import Running
from portal.demo.usage import Caller, entry
from portal.metering.types import LogEntry

_SUNDAY = 0.35  # of a working day's calls come on a day of the weekend
_CENTRES: dict[Rhythm, tuple[float, float]] = {"office": (13.5, 2.6), "evenings": (19.0, 2.2), "nightly": (3.2, 0.4)}


def addresses_of(document: bytes, prefix: str) -> list[tuple[str, str]]:
    """Return method and path of each operation that a document describes, with its examples filled in."""
    found = []
    for path, methods in yaml.load(document, yaml.CSafeLoader)["paths"].items():
        for method, operation in methods.items():
            filled = path
            for parameter in operation.get("parameters", ()):
                filled = filled.replace(f"{{{parameter['name']}}}", quote(str(parameter.get("example", "1"))))
            found.append((method.upper(), prefix + filled))
    return found


def calls(
    habit: Habit, running: Running, addresses: Sequence[tuple[str, str]], caller: Caller, until: datetime
) -> Iterator[LogEntry]:
    """Yield the calls of a habit up to `until`, always the same ones for the same subscription."""
    chance = random.Random(f"demo traffic {habit.customer} {habit.api}")  # noqa: S311 - repeatable on purpose
    favourites = [chance.uniform(0.2, 1.0) ** 2 for _address in addresses]
    today = until.replace(hour=0, minute=0, second=0, microsecond=0)
    for ago in range(habit.days, -1, -1):
        morning = today - timedelta(days=ago)
        share = habit.growth ** (1 - ago / habit.days) * chance.uniform(0.8, 1.2)
        is_working = morning.weekday() < 5 or habit.rhythm in ("nightly", "steady")
        failures = 0.25 if ago in running.bad_days else running.failures
        for _call in range(round(habit.per_day * share * (1 if is_working else _SUNDAY))):
            at = morning + timedelta(hours=_hour(chance, habit.rhythm))
            identity = uuid.UUID(int=chance.getrandbits(128))
            call = chance.choices(addresses, favourites)[0]
            status = 500 if chance.random() < failures else chance.choices((200, 400, 404), (975, 18, 7))[0]
            taken = round(min(9_000.0, running.median_ms * math.exp(chance.gauss(0, 0.45))))
            if at < until - timedelta(minutes=10):
                yield entry(chance, caller, identity, at, call, status, taken)


def _hour(chance: random.Random, rhythm: Rhythm) -> float:
    if rhythm == "steady":
        return chance.choice((6.0, 12.0, 18.0)) + chance.random()  # jobs that run three times a day
    centre, spread = _CENTRES[rhythm]
    return min(23.99, max(0.0, chance.gauss(centre, spread)))
