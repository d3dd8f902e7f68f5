"""Reading a stranger's document in a child process with limits, so that the worst one costs only seconds."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from portal.catalog.errors import DocumentRefused
from portal.catalog.openapi.documents import MAX_BYTES
from portal.catalog.openapi.preparing import prepare
from portal.catalog.openapi.types import PreparedDocument, PreparedOperation
from portal.catalog.types import Finding

_ROOT = Path(__file__).resolve().parents[3]
CPU_SECONDS = 20
MEMORY_BYTES = 1024**3
_PATIENCE_SECONDS = 40


def read(raw: bytes) -> PreparedDocument:
    """Prepare a document in a process of its own: 20 s of CPU, 1 GiB of memory, no files, none of our secrets.

    Raises DocumentRefused, naming the limit when one was reached.
    """
    if len(raw) > MAX_BYTES:
        raise DocumentRefused(413, "document-too-large", f"The document is larger than {MAX_BYTES // 2**20} MiB.")
    command = [sys.executable, "-m", "portal.catalog.openapi.reading"]
    environment = {"PYTHONPATH": str(_ROOT), "PATH": os.environ.get("PATH", ""), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        child = subprocess.run(
            command, input=raw, capture_output=True, timeout=_PATIENCE_SECONDS, env=environment, cwd=_ROOT, check=False
        )
    except subprocess.TimeoutExpired:
        raise _too_costly() from None
    if child.returncode != 0:
        raise _too_costly()
    answer: dict[str, Any] = json.loads(child.stdout)
    refused = answer.get("refused")
    if refused:
        faults = [Finding(**fault) for fault in refused.pop("faults")]
        raise DocumentRefused(**refused, faults=faults)
    return _revive(answer["document"])


def _revive(value: dict[str, Any]) -> PreparedDocument:
    value["operations"] = [PreparedOperation(**operation) for operation in value["operations"]]
    value["findings"] = [Finding(**finding) for finding in value["findings"]]
    return PreparedDocument(**value)


def _too_costly() -> DocumentRefused:
    return DocumentRefused(
        422,
        "document-too-costly",
        f"Reading the document took more than {CPU_SECONDS} s or {MEMORY_BYTES // 2**30} GiB. Split it into several.",
    )


def main() -> None:
    """The child: bytes on standard input, JSON on standard output."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        answer: dict[str, Any] = {"document": asdict(prepare(sys.stdin.buffer.read(MAX_BYTES + 1)))}
    except DocumentRefused as refusal:
        answer = {
            "refused": {
                "status": refusal.status,
                "kind": refusal.kind,
                "message": refusal.message,
                "faults": [asdict(fault) for fault in refusal.faults],
            }
        }
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    os._exit(0)  # freeing a million small objects one by one would take as long as reading them


if __name__ == "__main__":
    main()
