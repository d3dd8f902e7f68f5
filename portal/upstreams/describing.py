"""An API as a table of operations: the same functions answer calls, fill examples and make the OpenAPI document.

An operation is a function whose docstring is its documentation, whose one parameter is a model of what may be asked and
whose result is a model of the answer. So the document cannot promise what the code does not do.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, TypeVar, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

DAY = 86_400
EXAMPLE_NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)


class Asked(BaseModel):
    """What a call may say. Anything else is refused: a typing error should not pass for an answer."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, validate_by_name=True)


class Nothing(Asked):
    """A call that says nothing."""


class Answer(BaseModel):
    """What an operation answers in JSON."""

    model_config = ConfigDict(frozen=True, serialize_by_alias=True, validate_by_name=True)


@dataclass(frozen=True, slots=True)
class File:
    """An answer that is not JSON."""

    media_type: str
    content: bytes


def param(description: str, example: object, default: object = ..., **limits: Any) -> Any:
    """Return the field of something that may be asked; without a default it must be."""
    return Field(default, description=description, examples=[example], **limits)


def said(description: str, **limits: Any) -> Any:
    """Return the field of an answer."""
    return Field(description=description, **limits)


def _ten_characters(text: object) -> object:
    if isinstance(text, str) and len(text) != 10:
        raise ValueError("a date looks like 2026-03-31")
    return text


Day = Annotated[date, BeforeValidator(_ten_characters)]
Amount = Annotated[Decimal, WithJsonSchema({"type": "number"}, mode="validation")]


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of an API's table. `max_age` is how many seconds a cache may keep an answer; 0 is not at all."""

    method: str
    path: str
    tag: str
    run: Callable[..., Any]
    max_age: int
    asks: type[Asked]
    answers: type[Answer] | None
    media_type: str
    deprecated: bool

    @property
    def id(self) -> str:
        """The name of the operation in its document."""
        first, *rest = self.run.__name__.strip("_").split("_")
        return first + "".join(word.capitalize() for word in rest)

    @property
    def wants_time(self) -> bool:
        """True when the answer depends on when it is asked."""
        return "now" in inspect.signature(self.run).parameters

    def answer(self, asked: Asked, now: datetime) -> Answer | File:
        """Answer a call."""
        given: Answer | File = self.run(asked, now=now) if self.wants_time else self.run(asked)
        return given

    @property
    def example(self) -> dict[str, Any]:
        """What the example call says: the example of each field that has one."""
        fields = self.asks.model_fields.items()
        return {known.alias or name: known.examples[0] for name, known in fields if known.examples}


Handler = TypeVar("Handler", bound=Callable[..., Answer | File])


@dataclass(frozen=True, eq=False)
class Api:
    """One version of an API. `name` is its path below the server, `tags` its chapters with a sentence each."""

    name: str
    title: str
    version: str
    summary: str
    description: str
    tags: Mapping[str, str]
    operations: list[Operation] = field(default_factory=list)

    def get(self, path: str, tag: str, **options: Any) -> Callable[[Handler], Handler]:
        """Add an operation that reads path and query."""
        return self._add("GET", path, tag, **options)

    def post(self, path: str, tag: str, **options: Any) -> Callable[[Handler], Handler]:
        """Add an operation that reads a JSON body."""
        return self._add("POST", path, tag, **{"max_age": 0, **options})

    def _add(
        self, method: str, path: str, tag: str, *, max_age: int = DAY, media_type: str = "", deprecated: bool = False
    ) -> Callable[[Handler], Handler]:
        def keep(run: Handler) -> Handler:
            hints = get_type_hints(run, include_extras=True)
            asks = hints[next(iter(inspect.signature(run).parameters))]
            answers = None if media_type else hints["return"]
            self.operations.append(
                Operation(method, path, tag, run, max_age, asks, answers, media_type or "application/json", deprecated)
            )
            return run

        return keep
