"""The demo's people on the sign-in page, so that a newcomer is in with one press. Only in the demo environment."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from portal.settings import Settings

FILE = "seeded.json"
MOST = 24


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """Somebody the demo data knows, with the password it gave them. `story` says what there is to see, if anything.

    Roles and the story are in the words of the demo's source; the page translates them.
    """

    name: str
    email: str
    password: str
    roles: tuple[str, ...]
    organisation: str
    story: str = ""


def list_demo_people(settings: Settings) -> list[DemoPerson]:
    """Return the seeded people; none in any other environment, and none while the seed has not run."""
    if settings.environment != "demo":
        return []
    try:
        found = json.loads((settings.portal_state / FILE).read_text())
        return [_person(entry) for entry in found.get("people", [])][:MOST]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []  # a convenience; the form beside it works without


def _person(entry: dict[str, Any]) -> DemoPerson:
    email = str(entry["email"])
    roles = entry.get("roles", "")
    return DemoPerson(
        name=str(entry.get("name") or email.partition("@")[0].title()),
        email=email,
        password=str(entry["password"]),
        roles=tuple(map(str, roles if isinstance(roles, list) else [roles])),
        organisation=str(entry.get("organisation") or ""),
        story=str(entry.get("story") or ""),
    )
