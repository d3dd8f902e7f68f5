"""What nobody should ever send."""

from __future__ import annotations

HOSTILE_TEXT = (
    "",
    "\x00",
    "a\x00b",
    "\ud800",  # half of a surrogate pair: valid in JSON, not in UTF-8
    "\u202e\u2066\ufeff\u200b",
    "ẞ" * 300,
    "a" + "\u0301" * 400,
    "🜁" * 70_000,
    "%00%ff%c0%af%",
    "'; DROP TABLE users; --",
    "{{ 7 * 7 }}${7*7}<script>alert(1)</script>",
    "../../../../etc/passwd",
    "//evil.example/\\evil.example",
    "1" * 5000,
    "-1",
    "9223372036854775808",
    "1e400",
    "NaN",
    "0x10",
    "٣",  # a digit to Python, not to PostgreSQL
    "2026-02-30",
    "0000-00-00T00:00:00Z",
    "9999-12-31T23:59:59+14:00",
    "\r\nSet-Cookie: a=b",
)
HOSTILE_BYTES = (b"\xff\xfe\x00", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", bytes(range(256)))
HOSTILE_JSON: tuple[bytes, ...] = (
    b"",
    b"null",
    b"[" * 3000,
    b"[" * 900 + b"]" * 900,
    b'{"a":' * 900 + b"1" + b"}" * 900,
    b"1" * 6000,
    b'{"a":1e400}',
    b'{"a":NaN,"b":-Infinity}',
    b'{"a":"\\ud800","\\u0000":"\\u0000"}',
    b'\xef\xbb\xbf{"a":1}',
    '{"a":1}'.encode("utf-16"),
    b'{"a":1,"a":2}',
    b'"' + b"x" * 70_000 + b'"',
    bytes(range(256)),
)
