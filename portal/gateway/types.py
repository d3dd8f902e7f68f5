"""Values about keys that cross borders."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

KeyState = Literal["live", "expired", "revoked"]


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A fresh key. `text` exists in this value alone: show it once, store it nowhere."""

    key_id: int
    text: str = field(repr=False)
    last_four: str
    name: str


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key as its owners see it. Instants are aware UTC; nothing here lets anybody in."""

    id: int
    subscription_id: int
    name: str
    prefix: str
    last_four: str
    state: KeyState
    created_at: datetime
    created_by_name: str | None
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Door:
    """Where the API of a subscription is called, and with what to try it first."""

    api_name: str
    organisation_slug: str
    api_slug: str
    sample_method: str
    sample_path: str

    @property
    def path(self) -> str:
        """The path at the gateway below which the API lives."""
        return f"/{self.organisation_slug}/{self.api_slug}"
