"""The mails of identity: to whom each goes, what it says, and when it has become pointless (None: nothing is sent)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask_babel import gettext as _

from portal.identity import links, people
from portal.identity.types import Person
from portal.notifications.desk import Desk
from portal.notifications.rendering import moment
from portal.notifications.types import Draft, Reader
from portal.ports.mail import Letter

Facts = Mapping[str, Any]


def confirm(facts: Facts, desk: Desk) -> Letter | None:
    """To the address typed at sign-up: confirm it; or, when it is somebody's already, what happened."""
    person = people.find_person(int(facts["user_id"]))
    if person is None or person.is_confirmed or person.is_disabled:
        return None
    owner = people.find_confirmed(person.email)
    return _already_yours(owner, desk) if owner else _please_confirm(person, desk)


def reset(facts: Facts, desk: Desk) -> Letter | None:
    """To the owner of the address somebody typed; nothing when there is none."""
    email = str(facts["email"])
    person = people.find_confirmed(email) or people.find_unconfirmed(email)
    if person is None or person.is_disabled:
        return None
    if not person.is_confirmed:
        return _please_confirm(person, desk)
    link = links.issue("reset", desk.key, person.email, user_id=person.id, now=desk.now, pepper=desk.pepper)
    reader = reader_of(person)
    return desk.write(
        reader,
        lambda: Draft(
            _("Choose a new password"),
            (_("Somebody, probably you, asked for a new password for %(product)s.", product=desk.product),),
            (_("Choose a new password"), desk.link("identity.reset", token=link.text)),
            (
                _("The link works once, until %(time)s.", time=moment(link.expires_at, reader)),
                _("It was not you? Then do nothing: your password stays as it is."),
            ),
        ),
    )


def address(facts: Facts, desk: Desk) -> Letter | None:
    """To the address somebody wants to use from now on."""
    person, email = people.find_person(int(facts["user_id"])), str(facts["email"])
    if person is None or person.is_disabled:
        return None
    owner = people.find_confirmed(email)
    if owner is not None and owner.id != person.id:
        return _already_yours(owner, desk)
    link = links.issue("address", desk.key, email, user_id=person.id, now=desk.now, pepper=desk.pepper)
    reader = reader_of(person, email)
    return desk.write(
        reader,
        lambda: Draft(
            _("Confirm your new address"),
            (_("You want to sign in to %(product)s with this address from now on.", product=desk.product),),
            (_("Use this address"), desk.link("identity.change_address", token=link.text)),
            (
                _("The link works once, until %(time)s.", time=moment(link.expires_at, reader)),
                _("It was not you? Then do nothing: this address will not be used."),
            ),
        ),
    )


def address_changed(facts: Facts, desk: Desk) -> Letter | None:
    """To the old address, whose owner must hear of a change they did not make."""
    person = people.find_person(int(facts["user_id"]))
    if person is None:
        return None
    return desk.write(
        reader_of(person, str(facts["before"])),
        lambda: Draft(
            _("Your address was changed"),
            (_("From now on you sign in with %(email)s instead of this address.", email=person.email),),
            small=(
                _("It was not you? Write at once to whoever runs this market: somebody else is using your account."),
            ),
        ),
    )


def password_changed(facts: Facts, desk: Desk) -> Letter | None:
    """To the owner of a password that was changed."""
    return _notice(
        facts,
        desk,
        lambda: (
            _("Your password was changed"),
            _("Your password was changed, and every other browser was signed out."),
        ),
    )


def factor_on(facts: Facts, desk: Desk) -> Letter | None:
    """Signing in takes a code from now on."""
    return _notice(
        facts,
        desk,
        lambda: (
            _("Signing in now takes a code"),
            _("From now on signing in takes your password and a code from your app. Keep the recovery codes safe."),
        ),
    )


def factor_off(facts: Facts, desk: Desk) -> Letter | None:
    """Signing in takes the password alone again."""
    return _notice(
        facts,
        desk,
        lambda: (
            _("Signing in no longer takes a code"),
            _("The codes from your app were switched off. Your password alone signs you in."),
        ),
    )


def recovery_used(facts: Facts, desk: Desk) -> Letter | None:
    """Somebody signed in with a recovery code."""
    return _notice(
        facts,
        desk,
        lambda: (
            _("A recovery code was used"),
            _(
                "One of your recovery codes was used to sign in. It will not work again; make new ones when few are left."
            ),
        ),
    )


def _please_confirm(person: Person, desk: Desk) -> Letter:
    link = links.issue("confirm", desk.key, person.email, user_id=person.id, now=desk.now, pepper=desk.pepper)
    reader = reader_of(person)
    return desk.write(
        reader,
        lambda: Draft(
            _("Confirm your address"),
            (
                _("Welcome to %(product)s. One press and your address is confirmed.", product=desk.product),
                _(
                    "Until then you can look around, subscribe and call APIs; publishing and inviting people wait for it."
                ),
            ),
            (_("Confirm my address"), desk.link("identity.confirm", token=link.text)),
            (
                _("The link works once, until %(time)s.", time=moment(link.expires_at, reader)),
                _("You did not sign up? Then do nothing: without this link nobody can act in your name."),
            ),
        ),
    )


def _already_yours(owner: Person, desk: Desk) -> Letter:
    return desk.write(
        reader_of(owner),
        lambda: Draft(
            _("You already have an account"),
            (
                _("Somebody tried to use your address for another account at %(product)s.", product=desk.product),
                _("Was it you? Then sign in; if the password is gone, choose a new one."),
            ),
            (_("Sign in"), desk.link("identity.sign_in")),
            (
                _("A new password: %(address)s", address=desk.link("identity.forgotten")),
                _("It was not you? Then do nothing: they learn nothing about you, and your account is safe."),
            ),
        ),
    )


def _notice(facts: Facts, desk: Desk, words: Callable[[], tuple[str, str]]) -> Letter | None:
    """What happened to an account, to its owner, with the way out if it was somebody else."""
    person = people.find_person(int(facts["user_id"]))
    if person is None or not person.is_confirmed:
        return None

    def draft() -> Draft:
        subject, said = words()
        return Draft(
            subject,
            (said,),
            small=(
                _("It was not you? Choose a new password now: %(address)s", address=desk.link("identity.forgotten")),
            ),
        )

    return desk.write(reader_of(person), draft)


def reader_of(person: Person, address: str = "") -> Reader:
    """Return how a person reads, at their own address or at another one."""
    return Reader(address or person.email, person.name, person.locale, person.time_zone)
