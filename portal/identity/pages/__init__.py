"""Pages of identity: sign up, sign in and out, settings, tokens, members."""

from __future__ import annotations

from flask import Flask

from portal.identity import credentials, palette
from portal.identity.billing_forms import country_name
from portal.identity.pages import (
    billing,
    entry,
    invitations,
    logo,
    mailed,
    members,
    organisations,
    people,
    second_factor,
    settings,
    tokens,
)
from portal.identity.pages.blueprint import bp
from portal.identity.rules import browser_of
from portal.web import duties, nav

__all__ = [
    "billing",
    "entry",
    "invitations",
    "logo",
    "mailed",
    "members",
    "organisations",
    "people",
    "register",
    "second_factor",
    "settings",
    "tokens",
]


def register(app: Flask) -> None:
    """Serve the pages and tell the layout which organisations a person may act for."""
    app.register_blueprint(bp)
    app.jinja_env.globals["browser_of"] = browser_of
    app.jinja_env.globals["country_name"] = country_name
    palette.register(app)
    duties.contribute(app, 50, people.duty)
    nav.organisations_by(app, credentials.list_organisations)
