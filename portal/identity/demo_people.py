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
    """Somebody the demo data knows, with the password it gave them. `story` says what there is to see, if anything."""

    name: str
    email: str
    password: str
    note: str
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
    role = ", ".join(map(str, roles)) if isinstance(roles, list) else str(roles)
    note = ", ".join(part for part in (role, str(entry.get("organisation") or "")) if part)
    name = str(entry.get("name") or email.partition("@")[0].title())
    return DemoPerson(
        name=name, email=email, password=str(entry["password"]), note=note, story=str(entry.get("story") or "")
    )
