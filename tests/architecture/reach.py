"""What a function leads to: every function of ours that it names, and what those name, over the syntax trees.

Naming counts as calling, for functions are handed on as arguments here. So this finds rather too much than too little:
"leads to" may be wrong for a path that is never taken, "leads nowhere" is certain.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

from tests.architecture.source import modules

Functions = dict[str, ast.AST]


def leads_to(function: str, target: str) -> bool:
    """True when `function`, as `module.name`, leads to `target`."""
    seen, waiting = set(), [function]
    while waiting:
        here = waiting.pop()
        if here == target:
            return True
        if here not in seen:
            seen.add(here)
            waiting += _named_in(here)
    return False


@cache
def _functions() -> Functions:
    return {
        f"{module}.{node.name}": node
        for module, tree in modules().items()
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }


@cache
def _known_as(module: str) -> dict[str, str]:
    """Return what each name at the top of a module, or imported anywhere in it, stands for."""
    here = {name.rpartition(".")[2]: name for name in _functions() if name.rpartition(".")[0] == module}
    for node in ast.walk(modules()[module]):
        if isinstance(node, ast.ImportFrom) and node.module:
            here |= {alias.asname or alias.name: _real(f"{node.module}.{alias.name}") for alias in node.names}
        elif isinstance(node, ast.Import):
            here |= {alias.asname or alias.name: alias.name for alias in node.names}
    return here


def _real(name: str) -> str:
    """Follow a name that a package only passes on to where it is defined."""
    package, _dot, last = name.rpartition(".")
    if name in _functions() or name in modules() or f"{package}.__init__" not in modules():
        return name
    return _known_as(f"{package}.__init__").get(last, name)


def _named_in(function: str) -> Iterator[str]:
    node = _functions().get(function)
    if node is None:
        return
    names = _known_as(function.rpartition(".")[0])
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and part.id in names:
            yield names[part.id]
        elif isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name) and part.value.id in names:
            yield _real(f"{names[part.value.id]}.{part.attr}")
