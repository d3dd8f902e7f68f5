"""A browser for tests, and the short way to being signed in."""

from __future__ import annotations

import contextvars
from typing import Any

from flask import session as request_session
from flask.testing import FlaskClient
from flask_wtf.csrf import generate_csrf
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal.db import SYSTEM, scoped, transaction
from portal.identity.credentials import SESSION_KEY
from portal.identity.models import Membership, OrganisationToken, User, UserSession
from portal.identity.rules import SESSION_ABSOLUTE
from portal.kit.tokens import keyed_hash, new_token, plain_hash, random_text
from portal.web.plugs import plugs


class Browser(FlaskClient):
    """A test client whose requests share nothing with the test or with each other except cookies.

    Unsafe requests carry a valid form token, as a page of ours would send it; pass `form_token=False` to leave it out.
    """

    def open(self, *args: Any, form_token: bool = True, **kwargs: Any) -> TestResponse:
        if kwargs.get("method", "GET") in ("POST", "PUT", "PATCH", "DELETE") and form_token:
            kwargs["headers"] = {"X-CSRFToken": self.form_token(), **dict(kwargs.get("headers") or {})}
        if self.preserve_context:
            return super().open(*args, **kwargs)
        kwargs.setdefault("buffered", True)
        # An empty context: no application context, no database scope, no `g` left over from the test around it.
        return contextvars.Context().run(super().open, *args, **kwargs)

    def form_token(self) -> str:
        """Return the token that a page in this browser would put into its forms."""
        with self.session_transaction() as session:
            kept = dict(session)
        # In a context of its own: Flask-WTF remembers its token in `g`, which the test's context would share.
        token, kept = contextvars.Context().run(self._make_token, kept)
        with self.session_transaction() as session:
            session.update(kept)
        return token

    def _make_token(self, kept: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        with self.application.test_request_context():
            request_session.update(kept)
            return generate_csrf(), dict(request_session)


class Machine(Browser):
    """A program that posts: it keeps no cookies and knows no form tokens, so it goes through a door where there is one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "use_cookies": False})

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        return super().open(*args, **{**kwargs, "form_token": False})


WAYS = {"through the door": Machine, "around the door": Browser}


def sign_in_as(client: FlaskClient, user: User, *, organisation_id: int | None = None) -> FlaskClient:
    """Give `client` a live session of `user`, acting for the organisation (the user's first one unless named)."""
    now = plugs().clock.now()
    text = random_text()
    with scoped(SYSTEM) as session:
        mine = select(Membership.organisation_id).where(Membership.user_id == user.id).order_by(Membership.id)
        acting_for = organisation_id or session.scalar(mine)
    with transaction(SYSTEM) as session:
        session.add(
            UserSession(
                token_hash=plain_hash(text),
                user_id=user.id,
                organisation_id=acting_for,
                user_agent="Test browser",
                ip="127.0.0.1",
                created_at=now,
                last_seen_at=now,
                expires_at=now + SESSION_ABSOLUTE,
            )
        )
    with client.session_transaction() as cookie:
        cookie[SESSION_KEY] = text
        cookie.permanent = True
    return client


def bearer_of(organisation_id: int, *, role: str = "developer", **values: Any) -> dict[str, str]:
    """Make a token of the organisation and return the header that carries it."""
    token = new_token("mo")
    with transaction(SYSTEM) as session:
        session.add(
            OrganisationToken(
                organisation_id=organisation_id,
                name=values.pop("name", "Test token"),
                role=role,
                public_id=token.public_id,
                token_hash=keyed_hash(token.text, plugs().settings.pepper),
                last_four=token.last_four,
                **values,
            )
        )
    return {"Authorization": f"Bearer {token.text}"}
