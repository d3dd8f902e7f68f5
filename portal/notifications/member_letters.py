"""The mails about acting for an organisation: being asked to, and no longer doing it."""

from __future__ import annotations

from flask_babel import gettext as _

from portal.identity import inviting, links, people, queries
from portal.identity.errors import UnknownOrganisation
from portal.notifications.desk import Desk
from portal.notifications.identity_letters import Facts, reader_of
from portal.notifications.rendering import moment
from portal.notifications.types import Draft, Reader
from portal.ports.mail import Letter


def invitation(facts: Facts, desk: Desk) -> Letter | None:
    """To somebody who is asked to act for an organisation."""
    asked = inviting.find(int(facts["invitation_id"]), desk.now)
    if asked is None or asked.is_expired:
        return None
    link = links.issue("invite", desk.key, asked.email, invitation_id=asked.id, now=desk.now, pepper=desk.pepper)
    known = people.find_confirmed(asked.email)
    reader = reader_of(known) if known else Reader(asked.email, "", asked.locale)
    names = {"organisation": asked.organisation_name, "product": desk.product}
    return desk.write(
        reader,
        lambda: Draft(
            _("Join %(organisation)s on %(product)s", **names),
            (
                _(
                    "%(who)s asks you to act for %(organisation)s on %(product)s.",
                    who=asked.invited_by or asked.organisation_name,
                    **names,
                ),
            ),
            (_("See the invitation"), desk.link("identity.invitation", token=link.text)),
            (
                _("The link works once, until %(time)s.", time=moment(link.expires_at, reader)),
                _("You do not know them? Then do nothing."),
            ),
        ),
    )


def removed(facts: Facts, desk: Desk) -> Letter | None:
    """To somebody who no longer acts for an organisation."""
    person = people.find_person(int(facts["user_id"]))
    try:
        name = queries.get_organisation(int(facts["organisation_id"])).name
    except UnknownOrganisation:
        return None
    if person is None:
        return None
    return desk.write(
        reader_of(person),
        lambda: Draft(
            _("You no longer act for %(organisation)s", organisation=name),
            (
                _("Somebody who manages %(organisation)s has removed you from its members.", organisation=name),
                _("Your own account stays as it is."),
            ),
        ),
    )
