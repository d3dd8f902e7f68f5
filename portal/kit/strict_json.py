"""JSON from strangers: one loader that refuses what Python's own would quietly accept."""

from __future__ import annotations

import json
import re
from typing import Any

MAX_DEPTH = 32
MAX_KEYS = 10_000
MAX_KEY_LENGTH = 256
_BIGINT = 2**63
# Half a surrogate pair cannot be stored; control characters other than tab and line breaks are never typed.
_UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class StrictJSONError(ValueError):
    """The bytes are not acceptable JSON; the message tells the sender what to change."""


def loads(raw: bytes, *, max_bytes: int = 1_048_576) -> Any:
    """Parse UTF-8 JSON.

    Refuses: over `max_bytes`, a byte order mark, other encodings, NaN and infinities, numbers beyond a
    64-bit integer, duplicate keys, more than 32 levels or 10,000 keys, lone surrogates and control characters other
    than tab and line breaks.
    Raises StrictJSONError.
    """
    if len(raw) > max_bytes:
        raise StrictJSONError(f"the body is larger than {max_bytes} bytes")
    if raw.startswith(b"\xef\xbb\xbf"):
        raise StrictJSONError("the body starts with a byte order mark")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise StrictJSONError("the body is not UTF-8") from None
    keys = [0]
    try:
        value = json.loads(
            text,
            object_pairs_hook=lambda pairs: _object(pairs, keys),
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=_float,
        )
    except StrictJSONError:
        raise
    except RecursionError:
        raise _too_deep() from None
    except ValueError as problem:
        raise StrictJSONError(f"the body is not JSON: {problem}") from None
    _check(value, 0)
    return value


def _object(pairs: list[tuple[str, Any]], keys: list[int]) -> dict[str, Any]:
    keys[0] += len(pairs)
    if keys[0] > MAX_KEYS:
        raise StrictJSONError(f"the body has more than {MAX_KEYS} keys")
    found: dict[str, Any] = {}
    for key, value in pairs:
        if len(key) > MAX_KEY_LENGTH:
            raise StrictJSONError(f"a key is longer than {MAX_KEY_LENGTH} characters")
        if key in found:
            raise StrictJSONError(f"the key {key[:40]!r} appears twice")
        found[key] = value
    return found


def _refuse_constant(name: str) -> Any:
    raise StrictJSONError(f"{name} is not a JSON number")


def _integer(digits: str) -> int:
    if len(digits) > 20 or not -_BIGINT <= int(digits) < _BIGINT:
        raise StrictJSONError("an integer does not fit in 64 bits")
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise StrictJSONError("a number is too large")
    return value


def _check(value: Any, depth: int) -> None:
    if isinstance(value, str):
        found = _UNFIT.search(value)
        if found:
            raise StrictJSONError(f"text holds the character U+{ord(found.group()):04X}, which cannot be stored")
        return
    if not isinstance(value, (dict, list)):
        return
    if depth == MAX_DEPTH:
        raise _too_deep()
    if isinstance(value, dict):
        for key in value:
            _check(key, depth)
    for item in value.values() if isinstance(value, dict) else value:
        _check(item, depth + 1)


def _too_deep() -> StrictJSONError:
    return StrictJSONError(f"the body nests deeper than {MAX_DEPTH} levels")
