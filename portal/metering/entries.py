"""Reading what gateways post: Kong's http-log entry (3.4 to 3.9) and ours, which adds a `portal` object.

Kong's habits that this module knows (seen on 3.9): one object for a batch of one and an array otherwise; numbers
as text in older versions; `latencies.proxy` of -1 and an empty `upstream_status` when the upstream was never
asked; "502, 502" after retries; an empty list written as `{}`; bytes
of a request that are not UTF-8, passed on as they came.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from portal.metering import rules
from portal.metering.types import Fault, LogEntry

_BIGINT = 2**63
_Number = int | float


class _Request(msgspec.Struct, gc=False):
    id: str = ""
    method: str = ""
    uri: str = ""
    size: _Number | None = 0


class _Response(msgspec.Struct, gc=False):
    status: _Number | None = None
    size: _Number | None = 0


class _Latencies(msgspec.Struct, gc=False):
    request: _Number | None = None
    proxy: _Number | None = None


class _Consumer(msgspec.Struct, gc=False):
    custom_id: str | int | None = None


class _Tagged(msgspec.Struct, gc=False):
    tags: list[str] | dict[str, Any] | None = None


class _Portal(msgspec.Struct, gc=False):
    subscription_id: int | None = None
    account_id: int | None = None
    api_id: int | None = None
    api_key_id: int | None = None
    decision: str | None = None
    billable: bool | None = None


class WireEntry(msgspec.Struct, gc=False):
    """The fields we read; everything else a gateway sends is skipped while decoding."""

    request: _Request
    response: _Response
    latencies: _Latencies
    started_at: _Number
    client_ip: str | None = None
    source: str | None = None
    upstream_status: str | int | None = None
    consumer: _Consumer | None = None
    service: _Tagged | None = None
    route: _Tagged | None = None
    portal: _Portal | None = None


class UnreadableBody(ValueError):
    """The body is not JSON at all, so there is no entry to quarantine."""


class NotEntries(ValueError):
    """The body is JSON, but neither an entry nor an array of entries."""


_many = msgspec.json.Decoder(list[WireEntry], strict=False)
_one = msgspec.json.Decoder(WireEntry, strict=False)
_raw_many = msgspec.json.Decoder(list[msgspec.Raw])
_anything = msgspec.json.Decoder()


def read_batch(raw: bytes, now: datetime) -> tuple[list[LogEntry], list[Fault]]:
    """Return the entries of a posted body and the ones that are beyond use.

    Decodes the whole batch at once; only when an entry is misshapen is each looked at alone, so that one bad entry
    costs its neighbours nothing. Raises UnreadableBody or NotEntries.
    """
    raw = _as_utf8(raw)
    try:
        wires: Sequence[WireEntry | Fault] = _many.decode(raw) if raw[:1] == b"[" else [_one.decode(raw)]
    except RecursionError:
        raise UnreadableBody("the body nests too deeply") from None
    except msgspec.DecodeError:  # a ValidationError is one of these too
        wires = [_read_one(part) for part in _split(_without_half_characters(raw))]
    entries: list[LogEntry] = []
    faults: list[Fault] = []
    window = rules.Window.at(now)
    for wire in wires:
        found = wire if isinstance(wire, Fault) else _entry(wire, window)
        if isinstance(found, Fault):
            faults.append(found)
        else:
            entries.append(found)
    return entries, faults


def _as_utf8(raw: bytes) -> bytes:
    raw = raw.strip()
    try:
        raw.decode()
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace").encode()
    return raw


def _without_half_characters(raw: bytes) -> bytes:
    """Replace escaped halves of surrogate pairs: a caller can put them into a path, and they spoil the whole batch."""
    if b"\\ud" not in raw and b"\\uD" not in raw:
        return raw
    try:
        return json.dumps(json.loads(raw), ensure_ascii=False).encode("utf-8", "replace")
    except (ValueError, RecursionError):
        return raw


def _split(raw: bytes) -> list[bytes]:
    try:
        if raw[:1] == b"[":
            return [bytes(part) for part in _raw_many.decode(raw)]
        whole = _anything.decode(raw)
    except (msgspec.DecodeError, RecursionError) as problem:
        raise UnreadableBody(str(problem)) from None
    if not isinstance(whole, dict):
        raise NotEntries("expected a log entry or an array of log entries")
    return [raw]


def _read_one(part: bytes) -> WireEntry | Fault:
    try:
        return _one.decode(part)
    except (msgspec.DecodeError, RecursionError) as problem:
        reason = str(problem)
    try:
        value = _anything.decode(part)
    except (msgspec.DecodeError, RecursionError):
        return Fault("", f"unreadable entry: {reason}", {})
    return Fault(_given_id(value), reason, rules.keepable(value))


def _given_id(value: Any) -> str:
    request = value.get("request") if isinstance(value, dict) else None
    found = request.get("id") if isinstance(request, dict) else None
    return rules.clean_text(found, 100) if isinstance(found, str) else ""


def _entry(wire: WireEntry, window: rules.Window) -> LogEntry | Fault:
    request, response, latencies, portal = wire.request, wire.response, wire.latencies, wire.portal or _NOBODY
    given, status, latency, started = request.id, response.status, latencies.request, wire.started_at
    reason = _fault(given, status, latency, started, request.size, response.size)
    if reason is None and portal is not _NOBODY:
        reason = _bad_ids(portal)
    if reason is None:
        reason = window.fault(started)
    if reason is not None or status is None or latency is None:  # the types cannot see that `_fault` looked
        return Fault(rules.clean_text(given, 100), reason or "", rules.keepable(msgspec.to_builtins(wire)))
    status, proxy, source = int(status), latencies.proxy, wire.source
    answered = source == "upstream" if source is not None else bool(wire.upstream_status)  # Kong before 3.6 names none
    return LogEntry(  # in the order of its fields: names would cost as much again as the object
        rules.request_key(given),
        given,
        rules.instant_text(started),
        rules.clean_text(request.method, 20) or "-",
        rules.clean_path(request.uri),
        status,
        rules.clean_text(source, 20) if source else ("upstream" if answered else "kong"),
        answered,
        int(latency),
        int(proxy) if proxy is not None and 0 <= proxy < _BIGINT else None,
        int(request.size or 0),
        int(response.size or 0),
        rules.is_billable(upstream_answered=answered, status=status, gateway_says=portal.billable),
        rules.clean_text(portal.decision, 64) if portal.decision else None,
        rules.clean_text(wire.client_ip, 64) if wire.client_ip else None,
        portal.account_id,
        portal.subscription_id if portal is not _NOBODY else _subscription_of(wire.consumer),
        portal.api_id or _tagged_api(wire),
        portal.api_key_id,
    )


_NOBODY = _Portal()


def _fault(
    given: str,
    status: _Number | None,
    latency: _Number | None,
    started: _Number,
    size_in: _Number | None,
    size_out: _Number | None,
) -> str | None:
    if not given:
        return "no request id"
    if status is None or not 100 <= status <= 599:
        return "status is not an HTTP status"
    if latency is None or not 0 <= latency < _BIGINT:
        return "latency is missing or negative"
    if not (0 <= (size_in or 0) < _BIGINT and 0 <= (size_out or 0) < _BIGINT):
        return "size is negative or too large"
    if not 0 < started < 10**14:
        return "started_at is not a time in milliseconds"
    return None


def _bad_ids(portal: _Portal) -> str | None:
    for value in (portal.subscription_id, portal.account_id, portal.api_id, portal.api_key_id):
        if value is not None and not 0 < value < _BIGINT:
            return "an id in `portal` is out of range"
    return None


def _subscription_of(consumer: _Consumer | None) -> int | None:
    found = consumer.custom_id if consumer else None
    return _id(str(found)) if found is not None else None


def _tagged_api(wire: WireEntry) -> int | None:
    for tagged in (wire.service, wire.route):
        if tagged and isinstance(tagged.tags, list):
            for tag in tagged.tags:
                if tag.startswith("api:"):
                    return _id(tag[4:])
    return None


def _id(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
