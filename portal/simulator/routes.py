"""What a route is: a method, a path, the parameters it takes and the operation it runs."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from portal.simulator.parameters import EXPAND, Fields, Kind
from portal.simulator.records import Record
from portal.simulator.world import World


@dataclass(frozen=True)
class Call:
    """One request, read and checked: its parameters and the identifiers in its path."""

    params: dict[str, Any]
    path: dict[str, str]

    @property
    def id(self) -> str:
        """The (first) identifier in the path."""
        return next(iter(self.path.values()))

    def get(self, name: str, default: Any = None) -> Any:
        """A parameter, or ``default`` when it was not sent."""
        return self.params.get(name, default)


Operation = Callable[[World, Call], Record]


@dataclass(frozen=True)
class Route:
    """``method`` and ``template`` as in Stripe's reference; ``accepts`` always includes ``expand``."""

    method: str
    template: str
    operation: Operation
    accepts: Fields
    pattern: re.Pattern[str] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        expression = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.template)
        object.__setattr__(self, "pattern", re.compile(expression + "/?"))

    def match(self, path: str) -> dict[str, str] | None:
        """The identifiers in ``path`` when it fits, else None."""
        found = self.pattern.fullmatch(path)
        return None if found is None else {name: unquote(value) for name, value in found.groupdict().items()}


def get(template: str, operation: Operation, **names: Kind) -> Route:
    """A reading route."""
    return Route("GET", template, operation, Fields({**EXPAND, **names}))


def post(template: str, operation: Operation, *required: str, **names: Kind) -> Route:
    """A writing route."""
    return Route("POST", template, operation, Fields({**EXPAND, **names}, required))


def delete(template: str, operation: Operation, **names: Kind) -> Route:
    """A deleting route."""
    return Route("DELETE", template, operation, Fields({**EXPAND, **names}))
