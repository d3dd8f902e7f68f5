"""Comparing two stored versions of an API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from portal.catalog import neighbours
from portal.catalog.differences.changes import OperationChange, compare
from portal.catalog.types import VersionView


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed from one version to another, and how much of it breaks callers."""

    old: VersionView
    new: VersionView
    operations: list[OperationChange]

    @property
    def breaking(self) -> int:
        """How many operations have a change that breaks."""
        return sum(operation.breaks for operation in self.operations)

    def count(self, kind: str) -> int:
        """Return how many operations have a change of a kind."""
        return sum(any(change.kind == kind for change in operation.changes) for operation in self.operations)


def pair_of(
    versions: Sequence[VersionView], old: str | None, new: str | None
) -> tuple[VersionView, VersionView] | None:
    """Return the versions to compare: the named ones, else the current one with the one imported before it."""
    known = {version.name: version for version in versions}
    if old or new:
        pair = known.get(old or ""), known.get(new or "")
        return (pair[0], pair[1]) if pair[0] and pair[1] and pair[0] is not pair[1] else None
    current = next((version for version in versions if version.is_default), None)
    if current is None:
        return None
    earlier = [version for version in versions if version.id != current.id and version.created_at <= current.created_at]
    before = max(earlier, key=lambda version: (version.created_at, version.id), default=None)
    return (before, current) if before else None


def compare_versions(old: VersionView, new: VersionView) -> Comparison:
    """Return what changed between two versions of one API."""
    return Comparison(old, new, compare(*neighbours.describe_both(old.id, new.id)))
