"""The product's own source as syntax trees, for tests that guard conventions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the product by dotted name."""
    files = [*(ROOT / "portal").rglob("*.py"), *(ROOT / "jobs").rglob("*.py"), ROOT / "wsgi.py"]
    return {_name(file): ast.parse(file.read_text()) for file in files}


def imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield `(dotted name, line)` of everything a module imports, at any depth."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def calls(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield `(expression, line)` of everything that is called, such as `session.commit`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno


def _name(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts)
