"""Which program is asking? `X-API-Key`, read after the caller of a session or token was looked for."""

from __future__ import annotations

from flask import Flask, request
from werkzeug.exceptions import Unauthorized

from portal.db import SYSTEM, scoped, transaction
from portal.identity.rules import is_worth_noting
from portal.projects.apps import note_use
from portal.projects.queries import find_app
from portal.projects.types import AppIdentity
from portal.web.plugs import plugs
from portal.web.principal import AppPrincipal, find_principal, set_app
from portal.web.problems import Problem

HEADER = "X-API-Key"


def register(app: Flask) -> None:
    """Recognise the program of every request to the JSON addresses; call after people are recognised."""
    app.before_request(_recognise)


def _recognise() -> None:
    set_app(None)
    key = request.headers.get(HEADER)
    if key is None or not request.path.startswith(("/api/", "/billing/", "/marketplace/widgets")):
        return
    if find_principal() is not None:
        raise Problem(
            400,
            "ambiguous_auth",
            "Two credentials at once",
            f"The request carries {HEADER} and another credential. Send one of them.",
        )
    now = plugs().clock.now()
    with scoped(SYSTEM):
        found = find_app(key.strip(), plugs().settings.pepper, now)
    if found is None:
        raise Unauthorized(f"This {HEADER} is not valid: mistyped, replaced, revoked, or its app is switched off.")
    if is_worth_noting(found.last_used_at, now):
        with transaction(SYSTEM):
            note_use(found.key_id, now)
    set_app(_principal(found))


def _principal(found: AppIdentity) -> AppPrincipal:
    return AppPrincipal(
        app_id=found.app_id,
        key_id=found.key_id,
        project_id=found.project_id,
        organisation_id=found.organisation_id,
        name=found.name,
        scopes=found.scopes,
        redirect_origins=found.redirect_origins,
        requests_per_minute=found.requests_per_minute,
    )
