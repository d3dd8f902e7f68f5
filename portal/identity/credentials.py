"""Before every request: who is asking? Flask-Login reads the cookie or the bearer token; one query answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Flask, g, request, session
from flask_login import LoginManager, current_user, login_user
from werkzeug.exceptions import Unauthorized

from portal.db import SYSTEM, db, transaction
from portal.identity import queries, service
from portal.identity.rules import TOKEN_PREFIX, is_worth_noting
from portal.identity.types import LiveCredential
from portal.web.plugs import plugs
from portal.web.principal import set_principal
from portal.web.problems import Problem

# Flask-Login keeps the id of its user under this key; ours is the session's random token, never the user's number.
SESSION_KEY = "_user_id"


@dataclass(frozen=True, slots=True)
class Caller:
    """What Flask-Login calls a user: a credential that was accepted. Its id is the credential, so it can be revoked."""

    credential: LiveCredential
    text: str
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False

    def get_id(self) -> str:
        """Return what the signed cookie holds."""
        return self.text


def register(app: Flask) -> None:
    """Attach Flask-Login and recognise the caller of every request."""
    manager = LoginManager()
    # Its own protection compares address and browser, which change for honest people; ours is the revocable row.
    manager.session_protection = None
    manager.user_loader(_from_session)
    manager.request_loader(_from_bearer)
    manager.init_app(app, add_context_processor=False)
    app.before_request(_recognise)


def remember(text: str, now: datetime) -> None:
    """Put the session that the open unit of work has started into this browser's cookie.

    Whatever the cookie held before is gone: no fixation.
    """
    found = queries.find_session(text, now, read=lambda *asked: db.session.execute(*asked).one_or_none())
    if found is None:
        raise AssertionError("a session that was just started is live")
    session.clear()
    session.permanent = True
    login_user(Caller(found, text))
    session.pop("_id", None)  # Flask-Login's fingerprint of address and browser, which we do not use


def list_organisations() -> list[tuple[int, str]]:
    """Return id and name of the organisations that the person who asks may act for, by name."""
    caller: Any = current_user._get_current_object()
    return list(caller.credential.organisations) if caller.is_authenticated else []


def forget() -> None:
    """Empty this browser's cookie; the session itself has been ended by its row."""
    session.clear()


def _recognise() -> None:
    set_principal(None)
    if request.endpoint == "static" or request.blueprint == "health":
        return
    bearer = _bearer()
    if SESSION_KEY in session and bearer is not None:
        raise Problem(
            400,
            "ambiguous_auth",
            "Two credentials at once",
            "The request carries a session cookie and an Authorization header. Send one of them.",
        )
    if SESSION_KEY not in session and not _is_ours(bearer):
        return
    caller: Any = current_user._get_current_object()
    if caller.is_authenticated:
        set_principal(caller.credential.principal)
    elif bearer is not None:
        raise Unauthorized("This organisation token is not valid: it may be mistyped or revoked.")
    else:
        session.pop(SESSION_KEY, None)


def _from_session(text: str) -> Caller | None:
    now = plugs().clock.now()
    found = queries.find_session(text, now)
    if found is not None and is_worth_noting(found.last_seen_at, now):
        with transaction(SYSTEM):
            service.note_session_use(found.row_id, now)
    return Caller(found, text) if found else None


def _from_bearer(_request: object) -> Caller | None:
    text = _bearer()
    if text is None or not _is_ours(text):
        return None
    now = plugs().clock.now()
    found = queries.find_token(text, plugs().settings.pepper)
    if found is not None and is_worth_noting(found.last_seen_at, now):
        with transaction(SYSTEM):
            service.note_token_use(found.row_id, now)
    return Caller(found, text) if found else None


def _bearer() -> str | None:
    # Read from the header alone: a key in an address ends up in logs, histories and referrers.
    if "bearer" not in g:
        scheme, _space, text = request.headers.get("Authorization", "").partition(" ")
        g.bearer = text.strip() if scheme.lower() == "bearer" else None
    found: str | None = g.bearer
    return found


def _is_ours(bearer: str | None) -> bool:
    # Other bearer credentials (the metrics token, a shop's JWT) belong to the endpoints that understand them.
    return bearer is not None and bearer.startswith(f"{TOKEN_PREFIX}_")
