"""Opening documentation: the first operation of the largest document against that of the smallest, and comparing versions.

`OPENAPI_DOCUMENTS` may name a folder of documents (.json, .yaml, also .gz); without it two are made here.
"""

from __future__ import annotations

import gzip
import json
import logging
import os
import statistics
import time
from pathlib import Path
from typing import Any

import structlog
from flask.testing import FlaskClient

from benchmarks.ground import ground
from benchmarks.harness import Arm, compare
from portal.catalog import service
from portal.catalog.comparing import compare_versions
from portal.catalog.openapi.preparing import prepare
from portal.catalog.queries import list_versions
from portal.catalog.types import ImportResult
from portal.db import SYSTEM, db, scoped, transaction
from portal.identity.models import Organisation
from portal.kit.clock import SystemClock

PAGES = int(os.environ.get("BENCH_PAGES", "40"))
MOST_TIMES_SLOWER = 1.5


def run() -> None:
    """Import, then open the first operation of both in turns; print the ratio of their times."""
    documents = _documents()
    smallest, largest = min(documents, key=len), max(documents, key=len)
    with ground() as here:
        # A line of log per page would be half of what is measured.
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
        provider = _provider()
        made = {name: _publish(provider, name, raw) for name, raw in (("smallest", smallest), ("largest", largest))}
        client = here.app.test_client()
        address = {name: _first_operation(each) for name, each in made.items()}
        for name, each in made.items():
            size, page = each.bytes / 2**20, len(client.get(address[name]).data) / 1024
            print(f"  {name}: {size:.2f} MiB, {each.operations} operations; its first page {page:.0f} KiB", flush=True)
        arms = [Arm(name, lambda name=name: _open(client, address[name])) for name in made]  # type: ignore[misc]
        found = compare("Documentation, first operation", arms, unit="pages", baseline="smallest")
        print(f"  page time, largest over smallest: {1 / found.ratio('largest'):.2f}")
        found.goal("largest", at_least=1 / MOST_TIMES_SLOWER)
        _compare_versions(provider, largest, made["largest"])


def _documents() -> list[bytes]:
    folder = os.environ.get("OPENAPI_DOCUMENTS")
    if not folder:
        return [json.dumps(_document(count)).encode() for count in (1, 900)]
    files = [file for file in Path(folder).iterdir() if file.suffix in (".json", ".yaml", ".gz")]
    return [gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes() for file in files]


def _document(operations: int) -> dict[str, Any]:
    """A document whose operations answer with an object of forty described fields, about 6 KB each."""
    fields = {f"field_{n}": {"type": "string", "description": "Says one thing about it. " * 4} for n in range(40)}
    answer = {"200": {"description": "Found", "content": {"application/json": {"schema": {"properties": fields}}}}}
    paths = {
        f"/things/{n}": {"get": {"summary": f"Thing {n}", "tags": [f"Tag {n % 30}"], "responses": answer}}
        for n in range(operations)
    }
    return {"openapi": "3.0.3", "info": {"title": f"Things {operations}", "version": "1"}, "paths": paths}


def _provider() -> int:
    with transaction(SYSTEM) as session:
        organisation = Organisation(name="Bench", slug="bench")
        session.add(organisation)
        session.flush()
        return organisation.id


def _publish(provider: int, slug: str, raw: bytes) -> ImportResult:
    prepared, now = prepare(raw), SystemClock().now()
    with transaction(SYSTEM):
        found = service.import_document(provider, raw, prepared, actor="bench", now=now, slug=slug)
        service.publish(
            provider, found.api_id, actor="bench", now=now, allow_private=True, upstream_url="http://127.0.0.1:9"
        )
    db.session.remove()
    return found


def _first_operation(made: ImportResult) -> str:
    with scoped(SYSTEM) as session:
        from_tree = "SELECT slug FROM api_operations WHERE version_id = :id ORDER BY ordinal LIMIT 1"
        slug = session.execute(db.text(from_tree), {"id": made.version_id}).scalar_one()
    return f"/marketplace/bench/{made.slug}/docs/{slug}"


def _open(client: FlaskClient, address: str) -> int:
    for _ in range(PAGES):
        answer = client.get(address)
        if answer.status_code != 200:
            raise RuntimeError(f"{address}: {answer.status}")
    return PAGES


def _compare_versions(provider: int, raw: bytes, made: ImportResult) -> None:
    """A new version in which every tenth operation is deprecated."""
    tree = json.loads(raw)
    tree["info"]["version"] = "next of the benchmark"
    for n, item in enumerate(tree["paths"].values()):
        for operation in item.values() if n % 10 == 0 else ():
            if isinstance(operation, dict):
                operation["deprecated"] = True
    changed = json.dumps(tree).encode()
    prepared, now = prepare(changed), SystemClock().now()
    with transaction(SYSTEM):
        service.import_document(provider, changed, prepared, actor="bench", now=now, slug=made.slug)
    took = []
    for _ in range(5):
        with scoped(SYSTEM):
            new, old = sorted(
                list_versions(made.api_id, with_drafts=True), key=lambda version: version.id, reverse=True
            )
            started = time.perf_counter()
            found = compare_versions(old, new)
            took.append((time.perf_counter() - started) * 1000)
    print(f"  comparing its versions: {len(found.operations)} operations differ, {statistics.median(took):.0f} ms")
