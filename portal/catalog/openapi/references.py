"""Following `$ref` inside one document."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from portal.catalog.types import Finding

_MOST_FINDINGS = 200
_LONGEST_CHAIN = 20


class References:
    """Looks references up in one tree and gathers what could not be read on the way.

    Nothing outside the tree is ever reached: a reference that is not `#/…` is a finding, as is a missing target
    and a chain that never arrives.
    """

    def __init__(self, tree: dict[str, Any]) -> None:
        self._tree = tree
        self._targets: dict[str, Any] = {}
        self._seen: set[tuple[str, str]] = set()
        self.findings: list[Finding] = []

    def resolve(self, value: Any, pointer: str) -> tuple[dict[str, Any], str | None]:
        """Return the object that `value` is or refers to, and the reference by which it was reached (None if direct).

        Anything else than an object becomes an empty one, with a finding at `pointer`.
        """
        reference: str | None = None
        for _ in range(_LONGEST_CHAIN):
            if not isinstance(value, dict):
                if value is not None and value is not True:
                    self.report(pointer, "An object was expected here.")
                return {}, reference
            following = value.get("$ref")
            if not isinstance(following, str):
                return value, reference
            target = self._find(following)
            if target is None:
                self.report(pointer, f"The reference {following[:120]} leads nowhere.")
                return {}, following
            siblings = {key: item for key, item in value.items() if key != "$ref"}
            value = {**target, **siblings} if siblings and isinstance(target, dict) else target
            reference = following
        self.report(pointer, f"The reference {(reference or '')[:120]} goes in a circle.")
        return {}, reference

    def report(self, pointer: str, message: str) -> None:
        """Remember something that could not be read; the same fault at the same place counts once."""
        if len(self.findings) < _MOST_FINDINGS and (pointer, message) not in self._seen:
            self._seen.add((pointer, message))
            self.findings.append(Finding(pointer[:500], message))

    def _find(self, reference: str) -> Any:
        if reference not in self._targets:
            self._targets[reference] = self._walk(reference)
        return self._targets[reference]

    def _walk(self, reference: str) -> Any:
        if reference == "#":
            return self._tree
        if not reference.startswith("#/"):
            return None
        value: Any = self._tree
        for step in reference[2:].split("/"):
            key = unquote(step).replace("~1", "/").replace("~0", "~")
            if isinstance(value, dict) and key in value:
                value = value[key]
            elif isinstance(value, list) and key.isdecimal() and len(key) < 9 and int(key) < len(value):
                value = value[int(key)]
            else:
                return None
        return value


def short_name(reference: str | None) -> str:
    """Return the last step of a reference: `#/components/schemas/User` is User."""
    return unquote((reference or "").rsplit("/", 1)[-1]).replace("~1", "/").replace("~0", "~")[:80]


def escape(key: str) -> str:
    """Return a key as one step of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")
