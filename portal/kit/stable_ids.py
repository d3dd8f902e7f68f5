"""Ids that two programs work out alike from the same facts, without asking each other."""

from __future__ import annotations

import random
import uuid

from portal.kit.clock import Clock

# Seeded by the system once per process: an id has to be unique, not secret.
_noise = random.Random()  # noqa: S311
_NAMESPACE = uuid.UUID("5a1d7c0e-2f64-5c1b-9a53-6d0f3e8b7a41")


def stable_uuid(kind: str, key: object) -> uuid.UUID:
    """Return the name-based UUID (version 5) of one thing: equal for equal `kind` and `key`, everywhere."""
    return uuid.uuid5(_NAMESPACE, f"{kind}:{key}")


def time_ordered_hex(clock: Clock) -> str:
    """Return a fresh UUID of version 7 as 32 hexadecimal digits: unique, and sorted by the millisecond it was made."""
    milliseconds = int(clock.now().timestamp() * 1000)
    noise = _noise.getrandbits(74)
    value = (milliseconds & (2**48 - 1)) << 80 | 7 << 76 | noise >> 62 << 64 | 2 << 62 | noise & (2**62 - 1)
    return f"{value:032x}"
