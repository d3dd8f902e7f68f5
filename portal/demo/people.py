"""Who lives in the demo and can be signed in as: five people in four organisations."""

from __future__ import annotations

from dataclasses import dataclass

from portal.web.principal import Role

PASSWORD = "a-fine-day-at-the-market"  # noqa: S105 - printed at every start; the demo's data is nobody's


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can sign in."""

    name: str
    email: str
    organisation: str
    role: Role = "owner"
    is_operator: bool = False


PEOPLE = (
    Person("Ada Lindqvist", "ada@kestrel.example", "Kestrel Data"),
    Person("Ben Okafor", "ben@kestrel.example", "Kestrel Data", role="developer"),
    Person("Cleo Marsh", "cleo@tidewater.example", "Tidewater Labs"),
    Person("Dan Reyes", "dan@northlight.example", "Northlight"),
    Person("Olive Tan", "olive@mercato.example", "Market Office", is_operator=True),
)


def N_(text: str) -> str:  # noqa: N802 - the name that the extraction of messages looks for
    """Mark a story for translation; the sign-in page tells it in the reader's language."""
    return text
