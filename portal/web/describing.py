"""What the JSON endpoints are, said once beside each of them.

A view says with `described` what its address, docstring and access rule do not say already: the models of its body and
query, an example of its answer, and how it may refuse. Everything else is read from the view itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flask import Flask
from pydantic import BaseModel

View = TypeVar("View", bound=Callable[..., Any])
TAGS = ("Checkout", "Entitlements", "Premium", "Subscriptions", "Usage", "Prices", "Metrics", "Webhooks", "Operators")
_USUAL = {
    401: "No credential, or one that is not live.",
    403: "The credential does not allow this.",
    422: "Some fields need attention; `errors` names them.",
    429: "Too many requests; `Retry-After` says how long to wait.",
}


@dataclass(frozen=True, slots=True)
class Description:
    """What a view says about itself beside its address. `answer` is an example; `refusals` maps statuses to sentences."""

    tag: str
    answer: Any
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    refusals: Mapping[int, str] = field(default_factory=dict)
    is_idempotent: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One endpoint, ready to be written down."""

    method: str
    path: str
    endpoint: str
    summary: str
    text: str
    access: str
    description: Description

    @property
    def anchor(self) -> str:
        """Where it stands on the page."""
        return re.sub(r"[^a-z0-9]+", "-", f"{self.method}-{self.path}".lower()).strip("-")

    @property
    def refusals(self) -> dict[int, str]:
        """Every way in which it may refuse."""
        usual = {status: text for status, text in _USUAL.items() if self.access != "public" or status in (422, 429)}
        return dict(sorted({**usual, **self.description.refusals}.items()))


def described(tag: str, *, answer: Any, **more: Any) -> Callable[[View], View]:
    """Say what an endpoint takes and gives; stands right above the function, so that every wrapper carries it on."""

    def decorate(view: View) -> View:
        view.__dict__["described"] = Description(tag, answer, **more)
        return view

    return decorate


def operations(app: Flask) -> list[Operation]:
    """Return every endpoint that describes itself, by tag, path and method."""
    found: list[Operation] = []
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        description = view.__dict__.get("described")
        if description is None:
            continue
        words = " ".join((view.__doc__ or "").split("\n\n")[0].split())
        rest = "\n\n".join(" ".join(part.split()) for part in (view.__doc__ or "").split("\n\n")[1:])
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        found.extend(
            Operation(method, path, rule.endpoint, words, rest.strip(), view.__dict__["access"], description)
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        )
    return sorted(found, key=lambda one: (place_of(one.description.tag), one.path, one.method))


def place_of(tag: str) -> int:
    """Return where a tag stands among the others."""
    return TAGS.index(tag) if tag in TAGS else len(TAGS)
