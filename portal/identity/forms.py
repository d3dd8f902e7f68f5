"""What people type, as frozen values or as words beside the field. Everything typed is kept, except passwords."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import pytz
from flask_babel import gettext as _

from portal.identity.passwords import MIN_LENGTH, Fault, find_fault, is_too_long
from portal.identity.rules import clean_name, is_clean, is_email, normalise_email
from portal.web.preferences import LOCALES
from portal.web.principal import Role

MAX_NAME = 80
# All of IANA's, also the old names, which people and browsers go on using; the list offers those of today.
ALL_ZONES = {zone.casefold(): zone for zone in pytz.all_timezones}
TIME_ZONES = ("UTC", *(zone for zone in pytz.common_timezones if zone not in ("UTC", "GMT")))
TOKEN_ROLES: tuple[Role, ...] = ("developer", "billing", "viewer", "admin")


@dataclass(slots=True)
class Entered:
    """A form as the person left it: what goes back into its fields, and what to put right."""

    values: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def problems(self) -> list[tuple[str, str]]:
        """Field ids and messages for the summary at the top of the form."""
        return [(f"f-{name}", message) for name, message in self.errors.items()]


@dataclass(frozen=True, slots=True)
class SignIn:
    """Credentials as typed; nothing is known about them yet."""

    email: str
    password: str


@dataclass(frozen=True, slots=True)
class SignUp:
    """A person and an organisation that may be made."""

    email: str
    password: str
    name: str
    organisation_name: str


@dataclass(frozen=True, slots=True)
class Profile:
    """How a person is called and reads."""

    name: str
    locale: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """The password in force and the one to come."""

    current: str
    new: str


@dataclass(frozen=True, slots=True)
class NewTokenWish:
    """A token somebody wants."""

    name: str
    role: Role


def read_sign_in(typed: Mapping[str, str]) -> tuple[SignIn | None, Entered]:
    """Read the sign-in form. A password that is too long is refused before any account is looked up."""
    entered = Entered(values={"email": typed.get("email", "")[:500]})
    email, password = normalise_email(typed.get("email", "")[:500]), typed.get("password", "")
    check_email(entered, "email", email)
    if not password:
        entered.errors["password"] = _("Enter your password.")
    elif is_too_long(password):
        entered.errors["password"] = _password_words(Fault.LONG)
    return (None if entered.errors else SignIn(email, password)), entered


def read_sign_up(typed: Mapping[str, str], product_name: str) -> tuple[SignUp | None, Entered]:
    """Read the sign-up form."""
    names = ("name", "email", "organisation_name")
    entered = Entered(values={name: typed.get(name, "")[:500] for name in names})
    name, organisation = clean_name(entered.values["name"]), clean_name(entered.values["organisation_name"])
    email, password = normalise_email(entered.values["email"]), typed.get("password", "")
    check_name(entered, "name", name, _("Enter your name."))
    check_email(entered, "email", email)
    check_password(entered, "password", password, (email, name, organisation, product_name))
    check_name(entered, "organisation_name", organisation, _("Enter the name of your organisation."))
    return (None if entered.errors else SignUp(email, password, name, organisation)), entered


def read_profile(typed: Mapping[str, str]) -> tuple[Profile | None, Entered]:
    """Read name, language and time zone."""
    entered = Entered(values={name: typed.get(name, "")[:500] for name in ("name", "locale", "time_zone")})
    name, locale, zone = clean_name(entered.values["name"]), entered.values["locale"], entered.values["time_zone"]
    check_name(entered, "name", name, _("Enter your name."))
    if locale not in LOCALES:
        entered.errors["locale"] = _("Choose one of the languages.")
    known = ALL_ZONES.get(zone.strip().replace(" ", "_").casefold())
    if known is None:
        entered.errors["time_zone"] = _("Choose one of the time zones, such as Europe/Berlin.")
    return (None if entered.errors or known is None else Profile(name, locale, known)), entered


def read_new_password(typed: Mapping[str, str], personal: tuple[str, ...]) -> tuple[str | None, Entered]:
    """Read a password to come, where another proof than the old one was given."""
    entered, new = Entered(), typed.get("new_password", "")
    check_password(entered, "new_password", new, personal)
    return (None if entered.errors else new), entered


def read_password_change(typed: Mapping[str, str], personal: tuple[str, ...]) -> tuple[PasswordChange | None, Entered]:
    """Read the form that changes a password."""
    current, proof = read_proof(typed)
    new, entered = read_new_password(typed, personal)
    entered.errors = proof.errors | entered.errors
    if new is not None and new == current:
        entered.errors["new_password"] = _("This is the password you use now. Choose another one.")
    return (None if entered.errors or not current or not new else PasswordChange(current, new)), entered


def read_proof(typed: Mapping[str, str]) -> tuple[str | None, Entered]:
    """Read the password somebody gives before something that needs it."""
    entered, current = Entered(), typed.get("current_password", "")
    if not current or is_too_long(current):
        entered.errors["current_password"] = _("Enter the password you use now.")
    return (None if entered.errors else current), entered


def read_address(typed: Mapping[str, str]) -> tuple[str | None, Entered]:
    """Read one e-mail address."""
    entered = Entered(values={"email": typed.get("email", "")[:500]})
    email = normalise_email(entered.values["email"])
    check_email(entered, "email", email)
    return (None if entered.errors else email), entered


def read_token(typed: Mapping[str, str]) -> tuple[NewTokenWish | None, Entered]:
    """Read the form that makes an organisation token."""
    entered = Entered(values={"name": typed.get("name", "")[:500], "role": typed.get("role", "developer")[:40]})
    name, role = clean_name(entered.values["name"]), entered.values["role"]
    check_name(entered, "name", name, _("Enter a name, so that you know later what this token is for."))
    if role not in TOKEN_ROLES:
        entered.errors["role"] = _("Choose what the token may do.")
    return (None if entered.errors else NewTokenWish(name, cast("Role", role))), entered


def check_email(entered: Entered, field_name: str, email: str) -> None:
    """Say beside its field what is wrong with an address."""
    if not email:
        entered.errors[field_name] = _("Enter an e-mail address.")
    elif not is_email(email):
        entered.errors[field_name] = _("Enter an e-mail address such as ada@example.com.")


def check_name(entered: Entered, field_name: str, name: str, missing: str) -> None:
    """Say beside its field what is wrong with a name."""
    if not name:
        entered.errors[field_name] = missing
    elif len(name) > MAX_NAME:
        entered.errors[field_name] = _("Use at most %(limit)s characters.", limit=MAX_NAME)
    elif not is_clean(name):
        entered.errors[field_name] = _("Use letters, digits and ordinary signs only.")


def check_password(entered: Entered, field_name: str, password: str, personal: tuple[str, ...]) -> None:
    """Say beside its field why a new password is refused."""
    fault = find_fault(password, personal)
    if not password:
        entered.errors[field_name] = _("Choose a password of at least %(length)s characters.", length=MIN_LENGTH)
    elif fault:
        entered.errors[field_name] = _password_words(fault)


def _password_words(fault: Fault) -> str:
    words: dict[Fault, str] = {
        Fault.SHORT: _(
            "Use at least %(length)s characters. Three or four unrelated words work well.", length=MIN_LENGTH
        ),
        Fault.LONG: _("Use at most 1,024 bytes; nothing is gained beyond that."),
        Fault.COMMON: _("This is among the first passwords that get guessed. Add words nobody would expect."),
        Fault.PERSONAL: _("This is mostly your own name or address, which is guessed first. Add unrelated words."),
    }
    return words[fault]
