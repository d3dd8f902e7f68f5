"""The blueprint of identity's pages, and what all of them answer with."""

from __future__ import annotations

from flask import Blueprint, Response
from flask_babel import gettext as _
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response as Redirect

from portal.identity.passwords import Hashing
from portal.web.plugs import plugs
from portal.web.principal import Principal

bp = Blueprint("identity", __name__)
Answer = str | Response | Redirect


def hashing() -> Hashing:
    """Return how much work a password costs here."""
    chosen = plugs().settings
    return Hashing(memory_kib=chosen.password_memory_kib, passes=chosen.password_passes)


def organisation_of(person: Principal) -> int:
    """Return the organisation a principal acts for. Raises Forbidden for a person who belongs nowhere."""
    if person.organisation_id is None:
        raise Forbidden(_("You act for no organisation at the moment."))
    return person.organisation_id
