"""What changed between two versions of an API, and what of it can break a caller. Pure; docs/algorithms/changes.md.

Compared is what the pages show: prepared operations, their parameters, bodies and answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portal.catalog.differences.breaking import Change
from portal.catalog.differences.field_changes import changes_of_media, changes_of_value

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Described:
    """An operation of one version. `detail` is None where the other version has the very same or none to compare."""

    slug: str
    method: str
    path: str
    summary: str
    deprecated: bool
    detail: Mapping[str, Any] | None

    @property
    def shape(self) -> tuple[str, str]:
        """What tells operations apart for a caller: the names of path parameters do not."""
        return self.method, re.sub(r"\{[^{}]*\}", "{}", self.path)


@dataclass(frozen=True, slots=True)
class OperationChange:
    """Everything that changed about one operation, what breaks first."""

    operation: Described
    changes: tuple[Change, ...]

    @property
    def breaks(self) -> bool:
        """True when any of its changes does."""
        return any(change.breaks for change in self.changes)


def compare(old: Sequence[Described], new: Sequence[Described]) -> list[OperationChange]:
    """Return what changed from `old` to `new`, in the order of the new version; removed operations come first."""
    before = {operation.shape: operation for operation in old}
    after = {operation.shape: operation for operation in new}
    removed = [
        OperationChange(operation, (Change("operation removed", "operation"),))
        for operation in old
        if operation.shape not in after
    ]
    changed = []
    for operation in new:
        past = before.get(operation.shape)
        found = (
            [Change("operation added", "operation")]
            if past is None
            else sorted(_of_operation(past, operation), key=lambda change: not change.breaks)
        )
        if found:
            changed.append(OperationChange(operation, tuple(found)))
    return removed + changed


def _of_operation(old: Described, new: Described) -> Iterator[Change]:
    if old.deprecated != new.deprecated:
        yield Change("operation deprecated" if new.deprecated else "operation no longer deprecated", "operation")
    if old.detail is None or new.detail is None:
        return
    yield from _parameters(_parameters_of(old), _parameters_of(new))
    yield from _body(old.detail.get("body"), new.detail.get("body"))
    yield from _answers(_by_status(old.detail), _by_status(new.detail))


def _parameters_of(operation: Described) -> dict[tuple[str, str], Facts]:
    listed = (operation.detail or {}).get("parameters", ())
    order = re.findall(r"\{([^{}]*)\}", operation.path)
    # A path parameter is known by its place: a caller fills it in and never writes its name.
    return {
        ("path", str(order.index(each["name"])) if each["name"] in order else each["name"])
        if each["in"] == "path"
        else (each["in"], each["name"].lower() if each["in"] == "header" else each["name"]): each
        for each in listed
    }


def _parameters(old: dict[tuple[str, str], Facts], new: dict[tuple[str, str], Facts]) -> Iterator[Change]:
    for key, past in old.items():
        if key not in new:
            yield Change("parameter removed", "parameter", past["name"])
            continue
        now = new[key]
        if past["required"] != now["required"]:
            kind = "parameter now required" if now["required"] else "parameter now optional"
            yield Change(kind, "parameter", now["name"])
        yield from changes_of_value("parameter", "parameter", now["name"], _merged(past), _merged(now), sent=True)
    for key, now in new.items():
        if key not in old:
            kind = "required parameter added" if now["required"] else "parameter added"
            yield Change(kind, "parameter", now["name"])


def _merged(parameter: Facts) -> Facts:
    return {**parameter["schema"], "limits": parameter.get("limits", [])}


def _body(old: Facts | None, new: Facts | None) -> Iterator[Change]:
    if old is None and new is None:
        return
    if old is None or new is None:
        kind = "body removed" if new is None else "required body added" if new["required"] else "body added"
        yield Change(kind, "body")
        return
    if old["required"] != new["required"]:
        yield Change("body now required" if new["required"] else "body now optional", "body")
    yield from changes_of_media("body", "body", "", old["media"], new["media"], sent=True)


def _by_status(detail: Mapping[str, Any]) -> dict[str, Facts]:
    return {each["status"]: each for each in detail.get("responses", ())}


def _answers(old: dict[str, Facts], new: dict[str, Facts]) -> Iterator[Change]:
    for status, past in old.items():
        if status not in new:
            yield Change("answer removed" if status.startswith("2") else "error answer removed", "answer", status)
        elif status.startswith("2"):
            yield from changes_of_media("answer", "answer", status, past["media"], new[status]["media"], sent=False)
    for status in new:
        if status not in old:
            yield Change("answer added", "answer", status)
