"""What identity offers to the command palette: one's account and organisations, and looking after people."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Flask, url_for
from flask_babel import gettext as _

from portal.identity import credentials
from portal.web.palette import Asked, Entry, Group, offer
from portal.web.principal import Principal


def register(app: Flask) -> None:
    """Offer them."""
    for source in (_entering, _account, _organisation, _operating):
        offer(app, source)


def _entering(asked: Asked) -> Iterator[Entry]:
    if asked.reader is None:
        yield Entry(_("Sign in"), url_for("identity.sign_in"), Group.PAGES, also=_("log in login account"))
        yield Entry(_("Create account"), url_for("identity.sign_up"), Group.PAGES, also=_("sign up register new"))


def _person(asked: Asked) -> Principal | None:
    return asked.reader if asked.reader and asked.reader.kind == "session" else None


def _account(asked: Asked) -> Iterator[Entry]:
    person = _person(asked)
    if person is None:
        return
    also = _("profile account password address time zone sessions")
    yield Entry(_("Settings"), url_for("identity.settings"), Group.PAGES, also=also)
    also = _("second factor two-factor authenticator code security")
    yield Entry(_("Sign-in in two steps"), url_for("identity.two_steps"), Group.PAGES, also=also)
    for number, name in credentials.list_organisations():
        if number != person.organisation_id:
            label = _("Act for %(name)s", name=name)
            address = url_for("identity.switch", organisation_id=number)
            yield Entry(label, address, Group.ORGANISATIONS, also=_("switch organisation team"), is_act=True)
    if person.is_confirmed:
        yield Entry(
            _("New organisation"), url_for("identity.new_organisation"), Group.ACTS, also=_("create team company")
        )
    yield Entry(_("Sign out"), url_for("identity.sign_out"), Group.ACTS, also=_("log out logout leave"), is_act=True)


def _organisation(asked: Asked) -> Iterator[Entry]:
    person = _person(asked)
    if person is None or person.organisation_id is None:
        return
    yield Entry(_("Members"), url_for("identity.members"), Group.PAGES, also=_("people team roles colleagues"))
    if not asked.may("manage"):
        return
    yield Entry(
        _("Organisation"), url_for("identity.organisation"), Group.PAGES, also=_("company name billing address")
    )
    also = _("API access scripts bearer credential")
    yield Entry(_("Organisation tokens"), url_for("identity.tokens"), Group.PAGES, also=also)
    address = url_for("identity.members", _anchor="f-email")
    yield Entry(_("Invite somebody"), address, Group.ACTS, also=_("add member colleague team"))


def _operating(asked: Asked) -> Iterator[Entry]:
    if asked.reader is None or not asked.reader.is_operator:
        return
    if asked.words:
        label = _("Search people for “%(words)s”", words=asked.words)
        yield Entry(label, url_for("identity.list_people", q=asked.words), Group.SEARCHES, is_found=True)
