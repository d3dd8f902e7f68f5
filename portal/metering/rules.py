"""What counts, when it counts, and what may be written down. Pure functions."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

# A clock ahead of ours by more than this is wrong, not early.
MAX_AHEAD = timedelta(minutes=5)
# Request keys are kept this long, so nothing older can be told from a repeat.
MAX_AGE = timedelta(days=400)

_HEX32 = re.compile(r"[0-9a-fA-F]{32}\Z")
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\Z")
# Text of a credential of ours (portal/kit/tokens.py), wherever it turns up.
_TOKEN = re.compile(r"[A-Za-z]{2,12}(?:_[A-Za-z]{2,12})?_[0-9A-Za-z]{10}_[0-9A-Za-z]{20,}")
_UNSAFE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
REDACTED = "[redacted]"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def request_key(given: str) -> str:
    """Return 32 hex digits for a gateway's request id: itself when it is a UUID, else the start of its SHA-256."""
    if _HEX32.match(given):
        return given.lower()
    if _UUID.match(given):
        return given.replace("-", "").lower()
    return hashlib.sha256(given.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def is_billable(*, upstream_answered: bool, status: int, gateway_says: bool | None) -> bool:
    """A call counts when the provider answered it and did not fail; a gateway may excuse a call but never add one."""
    return upstream_answered and status < 500 and gateway_says is not False


class Window(NamedTuple):
    """The instants of calls that can be believed, in milliseconds since the epoch, both included."""

    earliest: float
    latest: float

    @classmethod
    def at(cls, now: datetime) -> Window:
        """Return the window as it stands at `now`."""
        return cls((now - MAX_AGE).timestamp() * 1000, (now + MAX_AHEAD).timestamp() * 1000)

    def fault(self, started: float) -> str | None:
        """Return why an instant cannot be believed, or None."""
        if self.earliest <= started <= self.latest:
            return None
        return (
            "started more than 5 minutes in the future" if started > self.latest else "started more than 400 days ago"
        )


def instant_text(milliseconds: float) -> str:
    """Return the UTC instant of a gateway's timestamp as `datetime.isoformat` writes it, a fifth as dear."""
    if not isinstance(milliseconds, int):
        return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()
    seconds, rest = divmod(milliseconds, 1000)
    return f"{_second_text(seconds)}.{rest:03}000+00:00" if rest else f"{_second_text(seconds)}+00:00"


@lru_cache(maxsize=4096)  # the calls of a batch share a few seconds
def _second_text(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]


@lru_cache(maxsize=4096)  # methods, sources, decisions and addresses repeat all day
def clean_text(value: str, limit: int) -> str:
    """Return text that PostgreSQL and a page can show: no control characters, no half surrogates, at most `limit`."""
    return _printable(value[:limit])


def _printable(value: str) -> str:
    return value if value.isascii() and value.isprintable() else _UNSAFE.sub("\ufffd", value)


def clean_path(uri: str) -> str:
    """Return the path of a request line without its query: a query may hold keys and personal data under any name."""
    path = _printable(uri.partition("?")[0][:1024]) or "-"
    return redact(path) if len(path) > 35 else path


def redact(value: str) -> str:
    """Return text with every credential of ours blotted out."""
    return _TOKEN.sub(REDACTED, value)


_KEPT = {
    "started_at": None,
    "source": None,
    "upstream_status": None,
    "request": {"id": None, "method": None, "uri": None, "size": None},
    "response": {"status": None, "size": None},
    "latencies": {"request": None, "proxy": None, "kong": None},
    "consumer": {"custom_id": None, "username": None},
    "service": {"id": None, "name": None, "tags": None},
    "portal": {
        "subscription_id": None, "account_id": None, "api_id": None, "api_key_id": None,
        "decision": None, "billable": None,
    },
}  # fmt: skip


def keepable(entry: Any) -> dict[str, Any]:
    """Return the known fields of an entry for the quarantine, without headers, query strings and credentials.

    Fields are admitted by name, because a list of what to remove would always be one header short.
    """
    if not isinstance(entry, dict):
        return {"value": _scalar(entry)}
    return _pick(entry, _KEPT)


def _pick(entry: dict[str, Any], shape: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, inner in shape.items():
        if name not in entry:
            continue
        value = entry[name]
        if inner is not None and isinstance(value, dict):
            kept[name] = _pick(value, inner)
        elif name == "tags" and isinstance(value, list):
            kept[name] = [_scalar(item) for item in value[:20]]
        elif name == "uri" and isinstance(value, str):
            kept[name] = clean_path(value)
        else:
            kept[name] = _scalar(value)
    return kept


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, bool) or (isinstance(value, int) and abs(value) < 2**63):
        return value
    if isinstance(value, int | float):
        return str(value)[:100]
    if isinstance(value, str):
        return redact(clean_text(value, 500))
    return f"[{type(value).__name__}]"


class Cover(NamedTuple):
    """Half-open spans that together cover a period once, each read from the coarsest rows that fit it exactly."""

    days: list[tuple[datetime, datetime]]
    hours: list[tuple[datetime, datetime]]
    calls: list[tuple[datetime, datetime]]


def cover(start: datetime, end: datetime, *, with_days: bool = True) -> Cover:
    """Split `[start, end)` into whole UTC days, whole hours and the remainders that only single calls can tell apart.

    A billing period starts at any second, so its first and last hours belong to two periods; reading these from the
    log keeps the sum exact.
    """
    hours = _inner(start, end, timedelta(hours=1))
    if hours is None:
        return Cover([], [], [(start, end)])
    calls = [span for span in ((start, hours[0]), (hours[1], end)) if span[0] < span[1]]
    days = _inner(*hours, timedelta(days=1)) if with_days else None
    if days is None:
        return Cover([], [hours], calls)
    rest = [span for span in ((hours[0], days[0]), (days[1], hours[1])) if span[0] < span[1]]
    return Cover([days], rest, calls)


def _inner(start: datetime, end: datetime, step: timedelta) -> tuple[datetime, datetime] | None:
    """Return the longest run of whole UTC steps inside `[start, end)`, or None when no whole step fits."""
    first = _EPOCH + -((_EPOCH - start) // step) * step
    last = _EPOCH + ((end - _EPOCH) // step) * step
    return (first, last) if first < last else None
