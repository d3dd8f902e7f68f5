"""Stripe's form encoding: ``a[b]=1&items[0][price]=p&expand[]=data.customer`` becomes nested dictionaries and lists."""

import re
from typing import Any
from urllib.parse import parse_qsl

from portal.simulator.errors import invalid

_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_PART = re.compile(r"\[([^\[\]]*)\]")
MAX_DEPTH = 12
MAX_FIELDS = 5000


def decode(raw: str) -> dict[str, Any]:
    """Decode a query string or form body. Index dictionaries stay dictionaries here; ``parameters`` makes them lists.

    Raises ``StripeError`` (400) for input no SDK would send: too deep, too many fields, or a key used both as a value
    and as a container.
    """
    try:
        pairs = parse_qsl(raw, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="replace")
    except ValueError as error:
        raise invalid("Invalid request: the form could not be decoded.", stored=False) from error
    root: dict[str, Any] = {}
    for name, value in pairs:
        _place(root, _path(name), value, name)
    return root


def _path(name: str) -> list[str]:
    match = _KEY.fullmatch(name)
    if match is None:
        return [name]
    path = [match[1], *_PART.findall(match[2])]
    if len(path) > MAX_DEPTH:
        raise invalid("Invalid request: parameters are nested too deeply.", name[:60], stored=False)
    return path


def _place(root: dict[str, Any], path: list[str], value: str, name: str) -> None:
    current = root
    for index, part in enumerate(path):
        last = index == len(path) - 1
        key = _open_slot(current, None if last else path[index + 1]) if part == "" else part
        if last:
            current[key] = value
            return
        child = current.setdefault(key, {})
        if not isinstance(child, dict):
            raise invalid("Invalid request: a parameter is both a value and a container.", name[:60], stored=False)
        current = child


def _open_slot(current: dict[str, Any], following: str | None) -> str:
    """The index ``[]`` means: the next one, or the newest element while ``a[][b]`` keeps filling it."""
    count = sum(1 for key in current if key.isdigit())
    newest = current.get(str(count - 1)) if count else None
    if following is not None and isinstance(newest, dict) and following not in newest:
        return str(count - 1)
    return str(count)
