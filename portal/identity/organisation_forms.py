"""What people type about organisations and their members, and why an operator acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import gettext as _

from portal.identity.forms import Entered, check_name, check_password, read_address
from portal.identity.rules import clean_name, clean_text, is_clean, is_email, is_website
from portal.web.formatting import number
from portal.web.principal import Role

MAX_DESCRIPTION = 300
MAX_ABOUT = 5_000
MAX_REASON = 300
PROFILE = ("name", "description", "about", "website", "support")
ROLES: tuple[Role, ...] = ("owner", "admin", "developer", "billing", "viewer")


@dataclass(frozen=True, slots=True)
class InvitationWish:
    """Whom somebody wants to invite."""

    email: str
    role: Role


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody who signs up by an invitation."""

    name: str
    password: str


@dataclass(frozen=True, slots=True)
class OrganisationProfile:
    """What an organisation says about itself."""

    name: str
    description: str | None
    about: str | None
    website: str | None
    support: str | None


def read_invitation(typed: Mapping[str, str]) -> tuple[InvitationWish | None, Entered]:
    """Read whom to invite, and as what."""
    email, entered = read_address(typed)
    entered.values["role"] = typed.get("role", "developer")[:40]
    known = read_role(typed) if typed.get("role") else "developer"
    if known is None:
        entered.errors["role"] = _("Choose one of the roles.")
    return (None if entered.errors or email is None or known is None else InvitationWish(email, known)), entered


def read_role(typed: Mapping[str, str]) -> Role | None:
    """Read a role, or None for what is none."""
    return next((role for role in ROLES if role == typed.get("role")), None)


def read_newcomer(typed: Mapping[str, str], personal: tuple[str, ...]) -> tuple[Newcomer | None, Entered]:
    """Read name and password of somebody whose address an invitation has proven."""
    entered = Entered(values={"name": typed.get("name", "")[:500]})
    name, password = clean_name(entered.values["name"]), typed.get("password", "")
    check_name(entered, "name", name, _("Enter your name."))
    check_password(entered, "password", password, (*personal, name))
    return (None if entered.errors else Newcomer(name, password)), entered


def read_organisation(typed: Mapping[str, str]) -> tuple[OrganisationProfile | None, Entered]:
    """Read what an organisation says about itself."""
    entered = Entered(values={name: typed.get(name, "")[: 4 * MAX_ABOUT] for name in PROFILE})
    name, description = clean_name(entered.values["name"]), clean_name(entered.values["description"])
    website, support = entered.values["website"].strip(), entered.values["support"].strip()
    about = clean_text(entered.values["about"])
    check_name(entered, "name", name, _("Enter the name of your organisation."))
    if len(description) > MAX_DESCRIPTION or not is_clean(description):
        entered.errors["description"] = _("Use at most %(limit)s ordinary characters.", limit=MAX_DESCRIPTION)
    if website and not is_website(website):
        entered.errors["website"] = _("Enter an address such as https://example.com.")
    if support and not (is_email(support) or is_website(support)):
        entered.errors["support"] = _("Enter an e-mail address or a web address such as https://example.com/help.")
    if len(about) > MAX_ABOUT:
        entered.errors["about"] = _("Use at most %(limit)s characters.", limit=number(MAX_ABOUT))
    elif not all(is_clean(line) for line in about.replace("\t", " ").split("\n")):
        entered.errors["about"] = _("Use letters, digits and ordinary signs only.")
    wanted = OrganisationProfile(name, description or None, about or None, website or None, support or None)
    return (None if entered.errors else wanted), entered


def read_organisation_name(typed: Mapping[str, str]) -> tuple[str | None, Entered]:
    """Read the name of an organisation to be made."""
    entered = Entered(values={"name": typed.get("name", "")[:500]})
    name = clean_name(entered.values["name"])
    check_name(entered, "name", name, _("Enter the name of your organisation."))
    return (None if entered.errors else name), entered


def read_reason(typed: Mapping[str, str]) -> tuple[str | None, Entered]:
    """Read why an operator does something."""
    entered = Entered(values={"reason": typed.get("reason", "")[:2000]})
    reason = clean_name(entered.values["reason"])
    if not reason:
        entered.errors["reason"] = _("Say why, so that the trail makes sense later.")
    elif len(reason) > MAX_REASON or not is_clean(reason):
        entered.errors["reason"] = _("Use at most %(limit)s ordinary characters.", limit=MAX_REASON)
    return (None if entered.errors else reason), entered
