"""Ada's organisation bills its own product through us: she opens a project, sells something, and hands out keys."""

from __future__ import annotations

import itertools
import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.kit.clock import ManualClock
from tests.factories import make_account, make_app_key, make_feature, make_organisation, make_project, make_user
from tests.sign_in import Machine, sign_in_as


@pytest.fixture
def ada(app: Flask) -> FlaskClient:
    organisation = make_organisation("Kestrel Data")
    make_account(organisation)
    return sign_in_as(app.test_client(), make_user("Ada", organisation=organisation))


def _opened(ada: FlaskClient, name: str = "space_journal") -> str:
    answer = ada.post("/projects", data={"name": name})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def test_a_project_is_opened_and_says_what_comes_next(ada: FlaskClient) -> None:
    assert "No projects yet" in ada.get("/projects").text
    page = _opened(ada)
    assert "From nothing to a paying user" in ada.get(page).text
    assert "space_journal" in ada.get("/projects").text
    again = ada.post("/projects", data={"name": "space_journal"})
    assert (again.status_code, "exists already" in again.text) == (422, True)
    assert ada.post("/projects", data={"name": ""}).status_code == 422
    assert ada.post(page, data={"name": "moon_journal"}).status_code == 303
    assert "moon_journal" in ada.get(page).text


def test_a_feature_has_a_code_that_programs_compare(ada: FlaskClient) -> None:
    page = _opened(ada)
    assert ada.post(f"{page}/features", data={"code": "pro", "name": "Pro"}).status_code == 303
    assert "<code>pro</code>" in ada.get(f"{page}/features").text
    assert ada.post(f"{page}/features", data={"code": "pro", "name": "Again"}).status_code == 422
    assert ada.post(f"{page}/features", data={"code": "Pro Plan", "name": "Pro"}).status_code == 422


def test_an_app_s_key_is_shown_once_replaced_with_an_overlap_and_revoked(ada: FlaskClient, clock: ManualClock) -> None:
    page = _opened(ada)
    wish = {
        "name": "backend",
        "scopes": ["checkout", "entitlements:read"],
        "redirect_origins": "https://app.example.com/anything\nhttps://APP.example.com",
        "requests_per_minute": "600",
    }
    made = ada.post(f"{page}/apps", data=wish)
    assert made.status_code == 201
    key = _key(made.text)
    assert key not in ada.get(f"{page}/apps").text
    app_page = re.search(rf'href="({page}/apps/\d+)"', ada.get(f"{page}/apps").text)
    assert app_page is not None
    here = app_page[1]
    assert "https://app.example.com" in ada.get(here).text
    second = _key(ada.post(f"{here}/rotation", data={"overlap": "1"}).text)
    project_id = int(page.rsplit("/", 1)[1])
    assert _status(ada, key, project_id) == _status(ada, second, project_id) == 200
    assert "Works until" in ada.get(here).text
    clock.advance(timedelta(hours=1))
    assert (_status(ada, key, project_id), _status(ada, second, project_id)) == (401, 200)
    ada.post(f"{here}/activity", data={"active": "0"})
    assert _status(ada, second, project_id) == 401
    ada.post(f"{here}/activity", data={"active": "1"})
    revocation = re.findall(rf'action="({here}/keys/\d+/revocation)"', ada.get(here).text)[0]
    assert ada.post(revocation).status_code == 303
    assert _status(ada, second, project_id) == 401
    assert ada.post(revocation).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": ""}, "name of up to 80"),
        ({"scopes": []}, "at least one thing"),
        ({"scopes": ["root"]}, "at least one thing"),
        ({"redirect_origins": "app.example.com"}, "no address we can send people back to"),
        ({"requests_per_minute": "many"}, "A whole number"),
        ({"requests_per_minute": "0"}, "A whole number"),
    ],
)
def test_an_app_that_cannot_be_is_refused_with_the_field(ada: FlaskClient, wrong: dict[str, object], said: str) -> None:
    page = _opened(ada)
    wish = {"name": "backend", "scopes": ["checkout"], "redirect_origins": "", "requests_per_minute": "600"}
    answer = ada.post(f"{page}/apps", data={**wish, **wrong})
    assert answer.status_code == 422
    assert said in answer.text


def test_others_do_not_see_it_operators_do_and_a_viewer_only_looks(app: Flask, ada: FlaskClient) -> None:
    page = _opened(ada)
    dan = sign_in_as(app.test_client(), make_user("Dan", organisation=make_organisation("Northlight")))
    for path in ("", "/apps", "/features", "/products", "/users"):
        assert dan.get(page + path).status_code == 404
        assert ada.get(page + path).status_code == 200
    assert dan.post(f"{page}/features", data={"code": "x", "name": "X"}).status_code == 404
    assert "No projects yet" in dan.get("/projects").text
    assert app.test_client().get(page).status_code == 303
    olive = sign_in_as(
        app.test_client(), make_user("Olive", organisation=make_organisation("Market Office"), is_operator=True)
    )
    assert "space_journal" in olive.get("/projects").text
    assert olive.post(f"{page}/features", data={"code": "x", "name": "X"}).status_code == 303
    viewer = sign_in_as(app.test_client(), make_user("Vera", organisation=make_organisation("V"), role="viewer"))
    assert viewer.post("/projects", data={"name": "mine"}).status_code == 403


def test_support_finds_a_user_sees_why_and_gives_a_right(app: Flask, ada: FlaskClient, clock: ManualClock) -> None:
    page = _opened(ada)
    ada.post(f"{page}/features", data={"code": "labs", "name": "Labs"})
    made = ada.post(f"{page}/apps", data={"name": "b", "scopes": ["grants"], "requests_per_minute": "60"})
    body = {"user_id": "user_42", "project_id": int(page.rsplit("/", 1)[1]), "feature_code": "labs"}
    who = {"granted_by": "script", "reason": "first", "valid_to": (clock.now() + timedelta(hours=1)).isoformat()}
    given = Machine(app).post("/api/v1/admin/grant", json={**body, **who}, headers={"X-API-Key": _key(made.text)})
    assert given.status_code == 201, given.text
    found = ada.get(f"{page}/users?q=user_4").text
    user = re.search(rf'href="({page}/users/\d+)"', found)
    assert user is not None
    assert "Nobody found" in ada.get(f"{page}/users?q=%25").text
    shown = ada.get(user[1]).text
    assert "script, “first”" in shown
    assert (
        ada.post(f"{user[1]}/grants", data={"feature": "1", "reason": "VIP", "last_day": "2026-03-31"}).status_code
        == 303
    )
    assert "Ada, “VIP”" in ada.get(user[1]).text
    assert (
        ada.post(f"{user[1]}/grants", data={"feature": "1", "reason": "", "last_day": "yesterday"}).status_code == 422
    )
    assert ada.post(f"{user[1]}/grants/1/revocation", data={"reason": "over"}).status_code == 303
    assert "Nothing, at this time." in ada.get(user[1]).text
    assert "Nothing, on that day." not in ada.get(f"{user[1]}?on={clock.now().date()}").text


def test_users_of_another_project_are_not_found_by_their_number(
    app: Flask, ada: FlaskClient, clock: ManualClock
) -> None:
    page = _opened(ada)
    other = make_project("elsewhere")
    make_feature(other, "gold")
    _app, key = make_app_key(other, app.config["SETTINGS"].pepper, clock.now())
    body = {"user_id": "theirs", "project_id": other.id, "feature_code": "gold", "granted_by": "s", "reason": "r"}
    assert Machine(app).post(
        "/api/v1/admin/grant", json=body, headers={"X-API-Key": key}
    ).status_code == 201  # fmt: skip
    for number in range(1, 4):
        assert ada.get(f"{page}/users/{number}").status_code == 404


def _key(page: str) -> str:
    found = re.search(r"sk_app_\w{10}_\w{49}", page)
    assert found is not None
    return found[0]


_users = itertools.count(1)


def _status(client: FlaskClient, key: str, project_id: int) -> int:
    """Ask about somebody nobody asked about before: an answer of the last second may be given again."""
    stranger = Machine(client.application)
    asked = f"/api/v1/entitlements?user_id=u{next(_users)}&project_id={project_id}"
    return stranger.get(asked, headers={"X-API-Key": key}).status_code
