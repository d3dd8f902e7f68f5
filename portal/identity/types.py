"""Frozen values of identity that cross borders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.web.principal import Principal, Role


@dataclass(frozen=True, slots=True)
class NewPerson:
    """The outcome of a sign-up: a person who owns a fresh organisation."""

    user_id: int
    organisation_id: int


@dataclass(frozen=True, slots=True)
class SessionToken:
    """A fresh browser session. `text` goes into the cookie and is stored nowhere else."""

    text: str
    user_id: int
    organisation_id: int | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class LiveCredential:
    """A credential that was accepted, and when it was last seen at work (None: never).

    `organisations` are id and name of those that its person may act for, by name.
    """

    principal: Principal
    row_id: int
    last_seen_at: datetime | None
    organisations: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class OrganisationView:
    """An organisation as others may see it."""

    id: int
    slug: str
    name: str
    description: str | None
    website: str | None
    is_verified: bool
    billing_email: str | None = None
    about: str | None = None
    support: str | None = None
    logo: str | None = None


@dataclass(frozen=True, slots=True)
class Billing:
    """Whom an organisation's invoices are made out to; empty lines were never filled in.

    `name` is empty for the organisation's own name. `version` counts changes of anything an invoice shows.
    """

    organisation_name: str
    version: int = 0
    name: str = ""
    line1: str = ""
    line2: str = ""
    postal_code: str = ""
    city: str = ""
    state: str = ""
    country: str = ""
    tax_number: str = ""
    email: str = ""

    @property
    def shown_name(self) -> str:
        """The name on the invoice."""
        return self.name or self.organisation_name

    @property
    def town(self) -> str:
        """Postal code and city in one line."""
        return " ".join(part for part in (self.postal_code, self.city) if part)


@dataclass(frozen=True, slots=True)
class Member:
    """A person in an organisation."""

    user_id: int
    name: str
    email: str
    role: Role
    since: datetime


@dataclass(frozen=True, slots=True)
class SessionView:
    """A signed-in browser of a person."""

    id: int
    user_agent: str | None
    ip: str | None
    created_at: datetime
    last_seen_at: datetime
    is_current: bool


@dataclass(frozen=True, slots=True)
class TokenView:
    """An organisation token without its secret."""

    id: int
    name: str
    role: Role
    public_id: str
    last_four: str
    created_by: str | None
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token that was just made; `text` exists only here and is shown to its owner once."""

    id: int
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class IssuedLink:
    """A link that goes into a mail; `text` exists only there."""

    text: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Link:
    """What a live link is about: an address, and a person or an invitation."""

    email: str
    user_id: int | None
    invitation_id: int | None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account."""

    id: int
    name: str
    email: str
    locale: str
    time_zone: str
    is_confirmed: bool
    is_operator: bool
    is_disabled: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Counted:
    """How many people have an account, and how many of them are shut out."""

    people: int
    disabled: int


@dataclass(frozen=True, slots=True)
class InvitationView:
    """An open invitation; `is_expired` means its link has ended and it waits to be sent again."""

    id: int
    organisation_id: int
    organisation_name: str
    email: str
    role: Role
    locale: str
    invited_by: str | None
    created_at: datetime
    expires_at: datetime
    is_expired: bool


@dataclass(frozen=True, slots=True)
class FactorState:
    """A person's authenticator: `secret` only while it is being set up, `codes_left` only when it is on."""

    is_on: bool = False
    since: datetime | None = None
    secret: str | None = None
    codes_left: int = 0
