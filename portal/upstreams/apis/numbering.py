"""Numbers with check digits, by kind: one shape of API over python-stdnum's registries."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Literal

from stdnum.exceptions import ValidationError

from portal.upstreams.answers import Fault
from portal.upstreams.describing import Answer, Api, Asked, param, said


class Number(Answer):
    """A number and what is wrong with it."""

    kind: str
    number: str = said("Without spaces and hyphens.")
    formatted: str = said("As it is usually printed.")
    is_valid: bool
    reason: str | None = said("What is wrong; empty when it is valid.")


class Kind(Answer):
    """A kind of number that can be checked."""

    kind: str
    name: str


class Kinds(Answer):
    """Every kind that can be checked."""

    kinds: list[Kind]


def offer_kinds(api: Api, tag: str, kinds: Mapping[str, str], example: tuple[str, str]) -> None:
    """Add two operations to an API: checking a number of a kind, and listing the kinds.

    `kinds` maps a kind to its name; the kind is python-stdnum's module, with a hyphen for a dot.
    """
    modules = {kind: import_module(f"stdnum.{kind.replace('-', '.')}") for kind in kinds}

    class NumberQuestion(Asked):
        kind: str = param("Which kind of number it is.", example[0], max_length=20)
        number: str = param("The number, with or without spaces and hyphens.", example[1], max_length=60)

    def check_number(asked: NumberQuestion) -> Number:
        """Check a number.

        Checks length, structure and check digits. It asks no register: a number that passes can exist.
        """
        if asked.kind not in modules:
            raise Fault(f"`kind` must be one of {', '.join(modules)}.", 404)
        return _checked(asked.kind, modules[asked.kind], asked.number)

    class ListQuestion(Asked):
        order: Literal["kind", "name"] = param("What they are ordered by.", "name", "name")

    def list_kinds(asked: ListQuestion) -> Kinds:
        """Kinds of numbers."""
        listed = [Kind(kind=kind, name=name) for kind, name in kinds.items()]
        return Kinds(kinds=sorted(listed, key=lambda each: str(getattr(each, asked.order))))

    for run, asks in ((check_number, NumberQuestion), (list_kinds, ListQuestion)):
        run.__annotations__["asked"] = asks
    api.get("/v1/check/{kind}/{number}", tag)(check_number)
    api.get("/v1/kinds", tag)(list_kinds)


def _checked(kind: str, module: ModuleType, text: str) -> Number:
    try:
        number, reason = module.validate(text), None
    except ValidationError as refused:
        number, reason = _compact(module, text), str(refused)
    formatted = module.format(number) if reason is None and hasattr(module, "format") else number
    return Number(kind=kind, number=number, formatted=formatted, is_valid=reason is None, reason=reason)


def _compact(module: ModuleType, text: str) -> str:
    try:
        return str(module.compact(text))
    except ValidationError:
        return text.strip()
