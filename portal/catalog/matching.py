"""Which operation a call was: paths of the request log against templates of paths. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from portal.catalog.types import OperationLine


def count_by_operation(
    operations: Sequence[OperationLine], calls: Iterable[tuple[str, str, int]], prefix: str
) -> dict[str, int]:
    """Return how often each operation was called, by its slug; what matches none is left out.

    `calls` are `(method, path, how often)` as the gateway logged them: below `prefix`. Where several templates fit, the
    one with more written-out segments is meant, as OpenAPI says.
    """
    known: dict[tuple[str, int], list[tuple[list[str], str]]] = defaultdict(list)
    for operation in operations:
        parts = _parts(operation.path)
        known[operation.method.upper(), len(parts)].append((parts, operation.slug))
    for templates in known.values():
        templates.sort(key=lambda entry: [_is_open(part) for part in entry[0]])
    found: dict[str, int] = defaultdict(int)
    for method, path, times in calls:
        parts = _parts(path.removeprefix(prefix))
        for template, slug in known.get((method.upper(), len(parts)), ()):
            if all(_fits(wanted, given) for wanted, given in zip(template, parts, strict=True)):
                found[slug] += times
                break
    return dict(found)


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _is_open(part: str) -> bool:
    return "{" in part


def _fits(wanted: str, given: str) -> bool:
    if not _is_open(wanted):
        return wanted == given
    # `{id}.json` and `{from}..{to}`: what is written out around the first and the last opening must be there.
    start, end = wanted.partition("{")[0], wanted.rpartition("}")[2]
    return given.startswith(start) and given.endswith(end) and len(given) > len(start) + len(end)
