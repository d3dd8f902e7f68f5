"""Values about projects that cross borders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

MARKETPLACE = 1
APP_KEY_PREFIX = "sk_app"
# What a key of an app may be used for; a new app may do all of it until somebody narrows it.
SCOPES = ("checkout", "portal", "entitlements:read", "grants", "metrics:read")
KeyState = Literal["lasting", "ending", "expired", "revoked"]


@dataclass(frozen=True, slots=True)
class Acting:
    """Who does something privileged, as the audit trail names them, and for which organisation (None: the platform)."""

    actor: str
    organisation_id: int | None

    @property
    def columns(self) -> dict[str, Any]:
        """What the audit trail wants to know of it."""
        return {"actor": self.actor, "organisation_id": self.organisation_id}


@dataclass(frozen=True, slots=True)
class NewApp:
    """A fresh integrator's credential. `key` is shown once; only its keyed hash is stored."""

    app_id: int
    key_id: int
    public_id: str
    key: str


@dataclass(frozen=True, slots=True)
class AppIdentity:
    """Who an app key speaks for, whose project it is, and when it was last noted as used."""

    app_id: int
    key_id: int
    project_id: int
    organisation_id: int | None
    name: str
    scopes: frozenset[str]
    redirect_origins: tuple[str, ...]
    requests_per_minute: int
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class AppKeyView:
    """A key as its owners see it; its text is not kept."""

    id: int
    public_id: str
    last_four: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    state: KeyState


@dataclass(frozen=True, slots=True)
class AppView:
    """An app with its keys, the newest first."""

    id: int
    project_id: int
    name: str
    active: bool
    scopes: tuple[str, ...]
    redirect_origins: tuple[str, ...]
    requests_per_minute: int
    keys: tuple[AppKeyView, ...]


@dataclass(frozen=True, slots=True)
class AppSettings:
    """What an app may do: `redirect_origins` are `scheme://host[:port]`, where hosted pages may send people back to."""

    name: str
    scopes: tuple[str, ...]
    redirect_origins: tuple[str, ...]
    requests_per_minute: int


@dataclass(frozen=True, slots=True)
class ProjectView:
    """A project; None owns the marketplace, which operators look after."""

    id: int
    name: str
    organisation_id: int | None


@dataclass(frozen=True, slots=True)
class FeatureView:
    """Something an account may be entitled to."""

    id: int
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class AccountView:
    """Whoever is billed inside a project, by the id that the project gives them."""

    id: int
    project_id: int
    external_id: str
    kind: str
    name: str | None
    email: str | None
    version: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class FoundAccounts:
    """A part of what was found. `total` is how many in all, or the most that are counted when `is_counted` is False."""

    accounts: list[AccountView]
    total: int
    is_counted: bool


@dataclass(frozen=True, slots=True)
class Told:
    """Which version of an organisation's billing details a customer at the provider says, and what it did not take."""

    customer_id: str
    version: int
    problem: str | None
