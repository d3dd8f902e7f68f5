"""People who can sign in with a password."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.db import SYSTEM, scoped
from portal.identity.models import Organisation, User
from portal.identity.passwords import Hashing
from portal.settings import Settings
from tests.factories import make_organisation, make_user

PASSWORD = "heron tunnel marmalade"


@pytest.fixture
def hashing(settings: Settings) -> Hashing:
    return Hashing(memory_kib=settings.password_memory_kib, passes=settings.password_passes)


@pytest.fixture
def cleo(app: Flask, hashing: Hashing) -> User:
    """Cleo owns Harbour and knows her password."""
    return make_user(
        "Cleo",
        organisation=make_organisation("Harbour", "harbour"),
        email="Cleo@Example.com",
        password_hash=hashing.hash(PASSWORD),
    )


@pytest.fixture
def enter(client: FlaskClient) -> Callable[..., int]:
    """Try to sign in; returns the status."""

    def attempt(email: str = "cleo@example.com", password: str = PASSWORD, ip: str = "203.0.113.7") -> int:
        answer = client.post(
            "/login", data={"email": email, "password": password}, environ_overrides={"REMOTE_ADDR": ip}
        )
        return answer.status_code

    return attempt


@pytest.fixture
def harbour(cleo: User) -> Organisation:
    with scoped(SYSTEM) as session:
        return session.scalars(select(Organisation).where(Organisation.slug == "harbour")).one()


@pytest.fixture
def dan(app: Flask) -> User:
    """An outsider with an organisation of his own."""
    return make_user("Dan", organisation=make_organisation("Driftwood", "driftwood"))
