"""Values about projects that cross borders."""

from __future__ import annotations

from dataclasses import dataclass

MARKETPLACE = 1
APP_KEY_PREFIX = "sk_app"


@dataclass(frozen=True, slots=True)
class NewApp:
    """A fresh integrator's credential. `key` is shown once; only its keyed hash is stored."""

    app_id: int
    public_id: str
    key: str


@dataclass(frozen=True, slots=True)
class AppIdentity:
    """Who an app key speaks for."""

    app_id: int
    project_id: int
    name: str


@dataclass(frozen=True, slots=True)
class Told:
    """Which version of an organisation's billing details a customer at the provider says, and what it did not take."""

    customer_id: str
    version: int
    problem: str | None
