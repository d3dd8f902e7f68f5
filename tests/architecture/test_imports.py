"""What may touch what."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, calls, imports, modules

# Names inside a feature that nobody else may import; `features.py` registers the edges.
_PRIVATE = re.compile(r"^portal\.(\w+)\.(models|forms|pages|api)(?:\.|$)")
_ASSEMBLY = ("portal.features", "portal.cli", "portal.app")
_OF_MANY = ("analytics", "backoffice", "reconciliation")  # their job is to join other features' tables


@pytest.mark.skipif(
    not (ROOT / "portal" / "upstreams").exists(), reason="the contracts name a part that is yet to come"
)
def test_the_import_contracts_hold() -> None:
    run = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-1000:]


def test_a_feature_s_tables_forms_and_edges_are_its_own() -> None:
    strays = [
        f"{name}:{line} imports {what}"
        for name, tree in modules().items()
        for what, line in imports(tree)
        if (found := _PRIVATE.match(what))
        and not name.startswith(f"portal.{found[1]}.")
        and name not in _ASSEMBLY
        and not (name.split(".")[1] in _OF_MANY and found[2] == "models")
        and found[1] != "web"
    ]
    assert strays == []


def test_stripe_s_library_is_known_to_one_module() -> None:
    users = {name for name, tree in modules().items() for what, _ in imports(tree) if what.split(".")[0] == "stripe"}
    assert users == {"portal.adapters.stripe_payments"}


def test_only_one_module_commits() -> None:
    commits = [
        f"{name}:{line}"
        for name, tree in modules().items()
        for what, line in calls(tree)
        if re.search(r"session(\(\))?\.commit$", what)
    ]
    assert [place.partition(":")[0] for place in commits] == ["portal.db"]


def test_only_one_module_asks_the_machine_for_the_time() -> None:
    asked = re.compile(r"(^|\.)(datetime\.(now|utcnow|today)|date\.today|time\.time)$")
    places = {
        f"{name}:{line}"
        for name, tree in modules().items()
        for what, line in calls(tree)
        if asked.search(what) and name != "portal.kit.clock"
    }
    assert places == set()


def test_imports_stand_at_the_top() -> None:
    """An import inside a function hides a dependency; these keep a start-up or a probe light."""
    allowed = ("portal.app", "portal.demo", "portal.upstreams.server")
    hidden = [
        f"{name}:{node.lineno}"
        for name, tree in modules().items()
        for function in _functions(tree)
        for node in _imports_in(function)
        if not name.startswith(allowed)
    ]
    assert hidden == []


def _functions(tree: ast.Module) -> list[ast.AST]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def _imports_in(function: ast.AST) -> list[ast.Import | ast.ImportFrom]:
    return [node for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)]
