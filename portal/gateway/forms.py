"""What a person typed about a new key."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from portal.gateway.rules import LIFETIMES, MAX_NAME


@dataclass(frozen=True, slots=True)
class WantedKey:
    """A valid wish."""

    name: str
    lifetime: timedelta | None


@dataclass(slots=True)
class EnteredKey:
    """What goes back into the form, and what is wrong with it by field."""

    name: str = ""
    lifetime: str = "never"
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def problems(self) -> list[tuple[str, str]]:
        """The faults as (id of the field, message), for the summary above the form."""
        return [(f"f-{name}", message) for name, message in self.errors.items()]


def read_key(form: MultiDict[str, str]) -> tuple[WantedKey | None, EnteredKey]:
    """Return the wish, or None and what to mend."""
    entered = EnteredKey(name=" ".join(form.get("name", "").split()), lifetime=form.get("lifetime", "never"))
    if not entered.name:
        entered.errors["name"] = _("Give the key a name, such as the program that will use it.")
    elif len(entered.name) > MAX_NAME or not entered.name.isprintable():
        entered.errors["name"] = _("Use up to %(count)s ordinary characters.", count=MAX_NAME)
    if entered.lifetime not in LIFETIMES:
        entered.errors["lifetime"] = _("Choose how long the key should work.")
    if entered.errors:
        return None, entered
    return WantedKey(entered.name, LIFETIMES[entered.lifetime]), entered
