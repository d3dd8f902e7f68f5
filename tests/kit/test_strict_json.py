"""The one JSON door: what comes through is what was sent, and everything odd is refused with a reason."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kit.strict_json import MAX_DEPTH, MAX_KEY_LENGTH, MAX_KEYS, StrictJSONError, loads


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def keys(count: int) -> bytes:
    return json.dumps({str(n): 0 for n in range(count)}).encode()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not JSON"),
        (b"   ", "not JSON"),
        (b"nonsense", "not JSON"),
        (b'{"a": 1} trailing', "not JSON"),
        (b'{"a": 1}{"b": 2}', "not JSON"),
        (b'{"a": ', "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b'{"a": 1,}', "not JSON"),
        (b'{"a": 01}', "not JSON"),
        (b'{"a": +1}', "not JSON"),
        (b'{"a": .5}', "not JSON"),
        (b'{"a": 0x10}', "not JSON"),
        (b'{"a": True}', "not JSON"),
        (b'"open', "not JSON"),
        (b'"raw \n line break"', "not JSON"),
        (b"\x00", "not JSON"),
        (b'\xef\xbb\xbf{"a": 1}', "byte order mark"),
        ('{"a": 1}'.encode("utf-16"), "UTF-8"),
        ('{"a": 1}'.encode("utf-16-le"), "not JSON"),
        ('{"a": 1}'.encode("utf-32"), "UTF-8"),
        (b'"\xff"', "UTF-8"),
        (b'"\xc0\xaf"', "UTF-8"),
        (b'"\xed\xa0\x80"', "UTF-8"),
        (b"NaN", "NaN"),
        (b'{"a": Infinity}', "Infinity"),
        (b'{"a": -Infinity}', "Infinity"),
        (b"1e999", "too large"),
        (b"-1e999", "too large"),
        (b"9223372036854775808", "64 bits"),
        (b"-9223372036854775809", "64 bits"),
        (b"1" * 4000, "64 bits"),
        (b'{"a": 1, "a": 1}', "twice"),
        (b'{"x": {"a": 1, "\\u0061": 2}}', "twice"),
        (nested(MAX_DEPTH + 1), "deeper"),
        (nested(100_000), "deeper"),
        (b"[" * 100_000, "deeper"),
        (b"[" * (MAX_DEPTH + 1), "not JSON"),
        (b'{"a":' * MAX_DEPTH + b"[]" + b"}" * MAX_DEPTH, "deeper"),
        (b'{"a":' * 5000, "deeper"),
        (keys(MAX_KEYS + 1), "keys"),
        (json.dumps([{str(n): 0 for n in range(101)} for _ in range(100)]).encode(), "keys"),
        (json.dumps({"k" * (MAX_KEY_LENGTH + 1): 0}).encode(), "longer"),
        (rb'"\ud800"', "U\\+D800"),
        (rb'"\udfff\ud800"', "U\\+DFFF"),
        (rb'{"\ud800": 1}', "U\\+D800"),
        (rb'"a\u0000b"', "U\\+0000"),
        (rb'["deep", {"in": [{"\u0000": 1}]}]', "U\\+0000"),
        (rb'"\u0007"', "U\\+0007"),
        (rb'"\u001b[31m"', "U\\+001B"),
        (rb'"\u007f"', "U\\+007F"),
        (b'"' + b"a" * 2_000_000 + b'"', "larger"),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else value,
)
def test_what_is_refused_and_why(raw: bytes, reason: str) -> None:
    with pytest.raises(StrictJSONError, match=reason):
        loads(raw)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"null", None),
        (b" [ ] ", []),
        (b'{"": 1}', {"": 1}),
        (b"9223372036854775807", 2**63 - 1),
        (b"-9223372036854775808", -(2**63)),
        (b"-0", 0),
        (b"1e3", 1000.0),
        (rb'"tab\t line\n return\r"', "tab\t line\n return\r"),
        (rb'"\ud83d\ude00"', "😀"),
        ('"ünï 😀 العربية"'.encode(), "ünï 😀 العربية"),
        (rb'"[[[ {{{ \" ]]] \\"', '[[[ {{{ " ]]] \\'),
        (nested(MAX_DEPTH), json.loads(nested(MAX_DEPTH))),
    ],
)
def test_what_comes_through(raw: bytes, value: Any) -> None:
    assert loads(raw) == value


def test_the_limits_themselves_are_within() -> None:
    assert len(loads(keys(MAX_KEYS))) == MAX_KEYS
    assert loads(json.dumps({"k" * MAX_KEY_LENGTH: 0}).encode())
    assert loads(b'"' + b"a" * 98 + b'"', max_bytes=100) == "a" * 98
    with pytest.raises(StrictJSONError, match="larger than 100"):
        loads(b'"' + b"a" * 99 + b'"', max_bytes=100)


plain = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=50)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | plain,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(plain, inner, max_size=5),
    max_leaves=20,
)


@given(values, st.booleans())
def test_sound_json_comes_through_unchanged(value: Any, is_ascii: bool) -> None:
    assert loads(json.dumps(value, ensure_ascii=is_ascii).encode()) == value


@given(st.binary(max_size=200) | st.text('[]{}",:\\u0123efal ', max_size=200).map(str.encode))
def test_any_bytes_give_a_value_or_a_reason(raw: bytes) -> None:
    try:
        value = loads(raw)
    except StrictJSONError:
        return
    assert value == json.loads(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'"' + rb"\"" * 500_000,
        b'"' * 1_000_000,
        b"{" * 1_000_000,
        b'["' + b"a" * 999_000 + b'"]',
        b"[" + b"0," * 400_000 + b"0]",
    ],
    ids=["an open string of escaped quotes", "quotes", "brackets", "one string", "many numbers"],
)
def test_a_megabyte_of_anything_gets_an_answer(raw: bytes) -> None:
    """Work grows with the length alone, whatever the bytes."""
    with contextlib.suppress(StrictJSONError):
        assert loads(raw) == json.loads(raw)
