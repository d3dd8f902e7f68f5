"""Programs that buy: what they have to say of the terms, and what is kept of it."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal.audit.models import AuditEntry
from portal.db import SYSTEM, scoped, transaction
from portal.identity.service import create_token
from portal.payments.models import Purchase, TermsAcceptance
from portal.payments.terms import VERSION
from portal.web.plugs import plugs
from tests.payments.conftest import Shop


@pytest.fixture
def script(app: Flask, shop: Shop) -> FlaskClient:
    """A program with a token of the shop's organisation that may buy."""
    ports = plugs()
    with transaction(SYSTEM):
        token = create_token(
            shop.buyer.organisation_id,
            "Till",
            "billing",
            created_by=None,
            now=ports.clock.now(),
            pepper=ports.settings.pepper,
        )
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token.text}"
    return client


def test_a_paid_plan_needs_the_terms_and_says_where_they_are(script: FlaskClient, shop: Shop) -> None:
    refused = _buy(script, plan_id=shop.pro[0].id)
    assert (refused.status_code, refused.mimetype) == (422, "application/problem+json")
    assert refused.json is not None
    assert refused.json["type"].endswith("terms-not-accepted")
    assert (refused.json["terms_version"], refused.json["terms_url"][-6:]) == (VERSION, "/terms")
    assert (_acceptances(), _purchases()) == ([], 0)


def test_naming_the_version_is_the_acceptance(script: FlaskClient, shop: Shop) -> None:
    assert _buy(script, plan_id=shop.pro[0].id, accepts_terms=VERSION).status_code == 202
    assert _acceptances() == [(shop.account.id, VERSION, f"token-of-organisation:{shop.buyer.organisation_id}")]
    other = _buy(script, plan_id=shop.trial[0].id)
    assert other.status_code == 202, "the organisation has accepted this version already"
    assert len(_acceptances()) == 1


@pytest.mark.parametrize("plan", ["free", "pro"])
def test_nobody_accepts_a_text_they_have_not_seen(script: FlaskClient, shop: Shop, plan: str) -> None:
    refused = _buy(script, plan_id=getattr(shop, plan)[0].id, accepts_terms="2020-01-01")
    assert refused.status_code == 422
    assert refused.json is not None
    assert refused.json["type"].endswith("terms-changed")
    assert (_acceptances(), _purchases()) == ([], 0)


def test_a_free_plan_goes_on_without(script: FlaskClient, shop: Shop) -> None:
    assert _buy(script, plan_id=shop.free[0].id).status_code == 201
    assert _acceptances() == []


def test_a_free_plan_keeps_what_is_said(script: FlaskClient, shop: Shop) -> None:
    assert _buy(script, plan_id=shop.free[0].id, accepts_terms=VERSION).status_code == 201
    assert [version for _account, version, _actor in _acceptances()] == [VERSION]


def _buy(client: FlaskClient, **wish: Any) -> TestResponse:
    return client.post("/api/subscriptions", json=wish)


def _acceptances() -> list[tuple[int, str, str]]:
    """Every acceptance with its account, version and whom the trail names."""
    with scoped(SYSTEM) as session:
        rows = session.scalars(select(TermsAcceptance)).all()
        actors = session.scalars(select(AuditEntry.actor).where(AuditEntry.action == "terms.accepted")).all()
    return [(row.account_id, row.version, actor) for row, actor in zip(rows, actors, strict=True)]


def _purchases() -> int:
    with scoped(SYSTEM) as session:
        return len(session.scalars(select(Purchase.id)).all())
