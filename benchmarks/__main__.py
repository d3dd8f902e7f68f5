"""`python -m benchmarks [name …]`: run every module here that defines `run()`, or the named ones."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path

import benchmarks
from benchmarks import harness

ARTIFACTS = Path(__file__).resolve().parent.parent / "artifacts"


def main(names: list[str]) -> int:
    """Return 0 when every proven goal was reached, 1 when one was missed, 2 for an unknown name."""
    found = sorted(module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name != "__main__")
    if unknown := set(names) - set(found):
        print(f"unknown: {', '.join(sorted(unknown))}; there are: {', '.join(found)}", file=sys.stderr)
        return 2
    for name in names or found:
        module = importlib.import_module(f"benchmarks.{name}")
        if hasattr(module, "run"):
            print(f"\n== {name}: {(module.__doc__ or '').strip().splitlines()[0]}", flush=True)
            module.run()
    return 1 if harness.finish(ARTIFACTS) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
