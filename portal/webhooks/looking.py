"""What somebody looks for in the inbox: read from the address, and put back into addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import url_for
from flask_babel import gettext as _

from portal.web.formatting import number
from portal.webhooks.queries import STATES, Wanted
from portal.webhooks.words import state_names


@dataclass(frozen=True, slots=True)
class Look:
    """A wish and the links around it."""

    wanted: Wanted

    def link(self, **changes: str | None) -> dict[str, str]:
        """Return the filters as an address carries them, some of them changed, without the place in the list."""
        wanted = self.wanted
        named = {"state": wanted.state, "type": wanted.kind, "object": wanted.about, "q": wanted.text, **changes}
        return {name: value for name, value in named.items() if value}

    def url(self, **changes: str | None) -> str:
        """Return the address of the list with some filters changed."""
        return url_for("inbox.index", **self.link(**changes))  # type: ignore[arg-type]

    def tabs(self, counts: Mapping[str, int]) -> list[tuple[str, str, bool]]:
        """Return a link for every state, with how many there are."""
        names, state = state_names(), self.wanted.state
        each = [(f"{names[one]} {number(counts[one])}", self.url(state=one), one == state) for one in STATES]
        return [(_("All"), self.url(state=None), state is None), *each]

    def types(self, found: Sequence[str]) -> list[tuple[str, str]]:
        """Return the choices of a type, with the wish itself even where nothing of it came lately."""
        wished = [self.wanted.kind] if self.wanted.kind and self.wanted.kind not in found else []
        return [("", _("All types")), *((name, name) for name in [*wished, *found])]

    def chips(self) -> list[tuple[str, str]]:
        """Return what narrows the list besides the state, each with the address without it."""
        named = {"type": self.wanted.kind, "object": self.wanted.about, "q": self.wanted.text}
        return [(value, self.url(**{name: None})) for name, value in named.items() if value]


def read_look(arguments: Mapping[str, str]) -> Look:
    """Read a wish from the address; what makes no sense there is left out."""
    state, before = _typed(arguments, "state"), _typed(arguments, "before")
    is_place = before is not None and before.isascii() and before.isdigit() and len(before) < 19
    return Look(
        Wanted(
            state=state if state in STATES else None,
            kind=_typed(arguments, "type"),
            about=_typed(arguments, "object"),
            text=_typed(arguments, "q"),
            before=int(before) if before and is_place else None,
        )
    )


def _typed(arguments: Mapping[str, str], name: str) -> str | None:
    return arguments.get(name, "").replace("\x00", "").strip()[:255] or None
