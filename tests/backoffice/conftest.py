"""Olive at her desk, and acts to look at."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.audit.service import record
from portal.db import SYSTEM, transaction
from portal.identity.models import Organisation, User
from tests.factories import make_organisation, make_user
from tests.sign_in import sign_in_as


@pytest.fixture
def harbour(app: Flask) -> Organisation:
    assert app
    return make_organisation("Harbour Analytics", "harbour")


@pytest.fixture
def cleo(harbour: Organisation) -> User:
    return make_user("Cleo", organisation=harbour, email="cleo@harbour.example")


@pytest.fixture
def olive(app: Flask) -> User:
    assert app
    return make_user("Olive", organisation=make_organisation("Market Office"), is_operator=True)


@pytest.fixture
def desk(app: Flask, olive: User) -> FlaskClient:
    return sign_in_as(app.test_client(), olive)


def act(action: str, subject: str, **facts: object) -> None:
    """Record one act by itself."""
    facts.setdefault("actor", "system")
    with transaction(SYSTEM):
        record(action, subject, **facts)  # type: ignore[arg-type]
