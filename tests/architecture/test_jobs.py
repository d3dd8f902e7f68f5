"""Jobs are shallow: ids in, one feature function, a small summary out."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.source import imports, modules

# The machinery that runs jobs; everything else in `jobs/` is a job.
MACHINERY = {"jobs.__init__", "jobs.worker", "jobs.scheduler", "jobs.schedule"}
JOBS = {name: tree for name, tree in modules().items() if name.startswith("jobs.") and name not in MACHINERY}


@pytest.mark.parametrize("name", JOBS)
def test_a_job_calls_a_feature_and_decides_nothing(name: str) -> None:
    for function in ast.walk(JOBS[name]):
        if isinstance(function, ast.FunctionDef):
            statements = sum(isinstance(node, ast.stmt) for node in ast.walk(function)) - 1
            assert statements <= 12, f"{name}.{function.name} has {statements} statements"


@pytest.mark.parametrize("name", JOBS)
def test_a_job_knows_no_tables_and_no_queries(name: str) -> None:
    known = [what for what, _ in imports(JOBS[name]) if what.startswith(("sqlalchemy", "flask.")) or ".models" in what]
    assert known == []


@pytest.mark.parametrize("name", JOBS)
def test_every_job_says_what_it_does(name: str) -> None:
    silent = [
        node.name
        for node in ast.walk(JOBS[name])
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert [one for one in silent if one != "roll"] == []
