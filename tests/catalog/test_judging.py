"""Operators take an API out of the market and give it back; its provider reads why, and nobody else decides it."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.catalog.models import Api
from portal.db import SYSTEM, db, scoped, transaction
from portal.gateway.queries import find_route
from portal.identity.models import Organisation
from tests.factories import make_account, make_api, make_organisation, make_plan, make_user
from tests.sign_in import sign_in_as

REASON = {"reason": "It sends back other people's keys (ticket 417)"}


@pytest.fixture
def rates(app: Flask) -> Api:
    provider = make_organisation("Kestrel Data", "kestrel")
    make_account(provider)
    api = make_api(provider, "Rates", slug="rates")
    make_plan(api, "free", amount=0)
    return api


@pytest.fixture
def olive(app: Flask, rates: Api) -> FlaskClient:
    return sign_in_as(app.test_client(), make_user("Olive", organisation=make_organisation("Office"), is_operator=True))


@pytest.fixture
def ada(app: Flask, rates: Api) -> FlaskClient:
    provider = db.session.get(Organisation, rates.organisation_id)
    return sign_in_as(app.test_client(), make_user("Ada", organisation=provider))


def test_a_blocked_api_leaves_the_market_and_its_provider_reads_why(
    app: Flask, rates: Api, olive: FlaskClient, ada: FlaskClient
) -> None:
    assert olive.post(f"/admin/apis/{rates.id}/block", data=REASON).status_code == 303
    stranger = app.test_client()
    assert stranger.get("/marketplace/kestrel/rates").status_code == 404
    assert "/marketplace/kestrel/rates" not in stranger.get("/marketplace").text
    assert "/marketplace/kestrel/rates" not in stranger.get("/sitemap.xml").text
    page = ada.get(f"/provider/apis/{rates.id}").text
    assert "The marketplace has blocked this API" in page
    assert "ticket 417" in page
    assert ada.get("/marketplace/kestrel/rates").status_code == 200
    assert "Blocked by the marketplace since" in ada.get("/marketplace/kestrel/rates/llms.txt").text
    assert find_route(rates.id) is None, "a gateway that has to be told is told to forget it"


def test_its_provider_cannot_publish_it_again(rates: Api, olive: FlaskClient, ada: FlaskClient) -> None:
    olive.post(f"/admin/apis/{rates.id}/block", data=REASON)
    tried = ada.post(f"/provider/apis/{rates.id}/publication", data={"upstream_url": "https://rates.example.com"})
    assert tried.status_code in (409, 422)
    assert _state(rates) == "blocked"


@pytest.mark.parametrize("state", ["published", "deprecated"])
def test_it_comes_back_as_it_was(app: Flask, rates: Api, olive: FlaskClient, state: str) -> None:
    with transaction(SYSTEM) as session:
        session.get_one(Api, rates.id).state = state
    olive.post(f"/admin/apis/{rates.id}/block", data=REASON)
    assert olive.post(f"/admin/apis/{rates.id}/release", data={"reason": "Mended"}).status_code == 303
    assert _state(rates) == state
    assert app.test_client().get("/marketplace/kestrel/rates").status_code == 200
    with scoped(SYSTEM) as session:
        acts = session.execute(
            select(AuditEntry.action, AuditEntry.reason).where(AuditEntry.subject == f"api:{rates.id}").order_by("id")
        ).all()
    assert [tuple(act) for act in acts] == [("api.block", REASON["reason"]), ("api.release", "Mended")]
    assert "ticket 417" in olive.get(f"/admin/apis/{rates.id}").text


def test_every_act_says_why_and_repeating_it_changes_nothing(rates: Api, olive: FlaskClient) -> None:
    silent = olive.post(f"/admin/apis/{rates.id}/block", data={"reason": " "})
    assert (silent.status_code, _state(rates)) == (422, "published")
    for _again in range(2):
        assert olive.post(f"/admin/apis/{rates.id}/block", data=REASON).status_code == 303
    with scoped(SYSTEM) as session:
        assert len(session.scalars(select(AuditEntry).where(AuditEntry.action == "api.block")).all()) == 1


def test_a_retired_api_is_not_blocked(rates: Api, olive: FlaskClient) -> None:
    with transaction(SYSTEM) as session:
        session.get_one(Api, rates.id).state = "retired"
    assert olive.post(f"/admin/apis/{rates.id}/block", data=REASON).status_code == 409
    assert "Block this API" not in olive.get(f"/admin/apis/{rates.id}").text


def test_the_list_finds_by_name_and_provider_and_begins_with_what_is_blocked(rates: Api, olive: FlaskClient) -> None:
    make_api(make_organisation("Tern"), "Tides")
    olive.post(f"/admin/apis/{rates.id}/block", data=REASON)
    everything = olive.get("/admin/apis").text
    assert everything.index(">Rates<") < everything.index(">Tides<")
    assert ">Tides<" not in olive.get("/admin/apis?q=kestrel").text
    assert "No API found" in olive.get("/admin/apis?q=%25&page=0").text


def test_only_operators_decide(app: Flask, rates: Api, ada: FlaskClient) -> None:
    for path in ("/admin/apis", f"/admin/apis/{rates.id}"):
        assert ada.get(path).status_code == 403
        assert app.test_client().get(path).status_code == 303
    assert ada.post(f"/admin/apis/{rates.id}/block", data=REASON).status_code == 403
    assert _state(rates) == "published"


def test_what_is_not_there_is_said_to_be_not_there(rates: Api, olive: FlaskClient) -> None:
    assert olive.get("/admin/apis/999999").status_code == 404
    assert olive.post("/admin/apis/999999/block", data=REASON).status_code == 404
    assert olive.get("/admin/apis/99999999999999999999").status_code in (400, 404)


def _state(api: Api) -> str:
    with scoped(SYSTEM) as session:
        return session.scalars(select(Api.state).where(Api.id == api.id)).one()
