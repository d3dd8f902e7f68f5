"""Metadata of prices, kept in a file under source control and made true at the payment provider.

The file says what each price should carry; a command shows the difference first and writes it only when told to. Keys
that the file does not name are left alone, so that nobody else's notes are lost.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from portal.ports.payments import NotAtProvider, Payments

Wanted = Mapping[str, Mapping[str, str]]
_KEY = re.compile(r"[^\[\]]{1,40}")
MOST_VALUE = 500
MOST_KEYS = 50


class UnusableFile(ValueError):
    """The file does not say what prices should carry; the message names the line or the price."""


@dataclass(frozen=True, slots=True)
class Change:
    """One value that differs at the provider. `was` is None where the key is missing, `wanted` is "" to remove it."""

    price_id: str
    key: str
    was: str | None
    wanted: str

    def __str__(self) -> str:
        if self.was is None:
            return f"  + {self.key} = {self.wanted}"
        return (
            f"  - {self.key} = {self.was}" if not self.wanted else f"  ~ {self.key} = {self.wanted}  (was {self.was})"
        )


def read_file(text: str) -> dict[str, dict[str, str]]:
    """Return what each price should carry: `[prices.price_123]` with `key = "value"` lines. Raises UnusableFile."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise UnusableFile(str(problem)) from None
    prices = content.get("prices", {})
    if set(content) - {"prices"} or not isinstance(prices, dict):
        raise UnusableFile("only tables named [prices.<id>] are understood")
    return {price_id: _values(price_id, values) for price_id, values in prices.items()}


def differences(wanted: Wanted, payments: Payments) -> list[Change]:
    """Return what the provider would have to change. Raises UnusableFile for a price that it does not know."""
    found = []
    for price_id, values in sorted(wanted.items()):
        try:
            held = payments.fetch_price(price_id).metadata
        except NotAtProvider:
            raise UnusableFile(f"{price_id}: the payment provider knows no such price") from None
        for key, value in sorted(values.items()):
            was = held.get(key)
            if (was or "") != value:
                found.append(Change(price_id, key, was, value))
    return found


def write(changes: list[Change], payments: Payments) -> None:
    """Make the changes, price by price. Safe to repeat."""
    by_price: dict[str, dict[str, str]] = {}
    for change in changes:
        by_price.setdefault(change.price_id, {})[change.key] = change.wanted
    for price_id, values in by_price.items():
        payments.set_price_metadata(price_id, values)


def as_file(prices: Wanted) -> str:
    """Return the file that says this."""
    parts = []
    for price_id, values in sorted(prices.items()):
        lines = [f'{key} = "{_escaped(value)}"' for key, value in sorted(values.items())]
        parts.append("\n".join([f"[prices.{price_id}]", *lines]))
    return "\n\n".join(parts) + "\n" if parts else ""


def _values(price_id: str, values: object) -> dict[str, str]:
    if not isinstance(values, dict) or len(values) > MOST_KEYS:
        raise UnusableFile(f"{price_id}: a table of at most {MOST_KEYS} keys")
    for key, value in values.items():
        if not isinstance(value, str) or len(value) > MOST_VALUE or not _KEY.fullmatch(key):
            raise UnusableFile(
                f"{price_id}: {key!r} must be text of at most {MOST_VALUE} characters under a key of at most 40"
            )
    return dict(values)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
