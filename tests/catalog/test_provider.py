"""The provider's desk, the JSON door and the command line."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal.catalog.openapi.documents import MAX_BYTES
from tests.catalog.conftest import Provider, as_yaml, document, stranger
from tests.sign_in import bearer_of


def upload(browser: FlaskClient, raw: bytes, url: str = "/provider/apis/new", **fields: str) -> TestResponse:
    return browser.post(url, data={"document": (io.BytesIO(raw), "openapi.yaml"), **fields})


def text(answer: TestResponse) -> str:
    return answer.get_data(as_text=True)


def test_ada_uploads_publishes_and_sees_it_in_the_market(kestrel: Provider, visitor: FlaskClient) -> None:
    ada = kestrel.browser()
    assert "No APIs yet" in text(ada.get("/provider/apis"))
    made = upload(ada, as_yaml(document()), category="finance", upstream_url="http://127.0.0.1:9000")
    assert made.status_code == 303
    desk = made.headers["Location"]
    assert "Draft" in text(ada.get(desk))
    published = ada.post(f"{desk}/publication", data={"upstream_url": "http://127.0.0.1:9000", "free_calls": "1000"})
    assert published.status_code == 303
    assert "Exchange rates" in text(visitor.get("/marketplace?category=finance"))
    assert "Published" in text(ada.get("/provider/apis"))


def test_a_new_version_is_added_made_current_and_the_old_one_deprecated(kestrel: Provider) -> None:
    api_id = kestrel.publish()
    ada = kestrel.browser()
    newer = document(info={"title": "Exchange rates", "version": "2.0.0"})
    assert upload(ada, as_yaml(newer), f"/provider/apis/{api_id}/document").status_code == 303
    desk = text(ada.get(f"/provider/apis/{api_id}"))
    assert "2.0.0" in desk
    version_ids = sorted({int(part.split("/")[0]) for part in desk.split("/versions/")[1:]})
    assert ada.post(f"/provider/apis/{api_id}/versions/{max(version_ids)}/publication").status_code == 303
    old = min(version_ids)
    url = f"/provider/apis/{api_id}/versions/{old}/deprecation"
    assert ada.post(url, data={"sunset": "2020-01-01"}).status_code == 422
    assert ada.post(url, data={"sunset": "not a date"}).status_code == 422
    assert ada.post(url, data={"sunset": "2026-12-31"}).status_code == 303
    page = text(ada.get("/marketplace/kestrel/exchange-rates?version=1.0.0"))
    assert "Version 1.0.0 works until" in page


def test_problems_of_a_document_are_listed_for_its_owner(kestrel: Provider) -> None:
    tree = document(paths={"/a": {"get": {"responses": {"200": {"$ref": "#/nowhere"}}}}})
    api_id = kestrel.import_(tree).api_id
    page = text(kestrel.browser().get(f"/provider/apis/{api_id}"))
    assert "leads nowhere" in page
    assert "GET /a · responses/200" in page


def test_an_upload_that_cannot_be_read_says_why_and_keeps_the_form(kestrel: Provider) -> None:
    ada = kestrel.browser()
    refused = upload(ada, b"openapi: 3.0.0\na: {$ref: 'file:///etc/passwd'}\n", slug="my-api", name="My API")
    assert refused.status_code == 422
    assert "file:///etc/passwd" in text(refused)
    assert 'value="my-api"' in text(refused)
    assert upload(ada, b"").status_code == 422
    assert upload(ada, b"PK\x03\x04").status_code == 415
    assert upload(ada, as_yaml(document()), slug="Not A Slug").status_code == 422
    assert upload(ada, as_yaml(document()), category="none").status_code == 422
    assert ada.post("/provider/apis/new", data={}).status_code == 422


def test_a_document_larger_than_other_pages_take_arrives_and_one_over_the_limit_does_not(kestrel: Provider) -> None:
    ada = kestrel.browser()
    padding = as_yaml(document()) + b"x-padding: " + b"a" * (3 * 2**20) + b"\n"
    assert upload(ada, padding).status_code == 303
    assert upload(ada, b"a" * (MAX_BYTES + 1)).status_code == 413


GUARDED = [
    ("GET", "/provider/apis", "read"),
    ("GET", "/provider/apis/new", "publish"),
    ("POST", "/provider/apis/new", "publish"),
    ("GET", "/provider/apis/1", "read"),
    ("POST", "/provider/apis/1/document", "publish"),
    ("POST", "/provider/apis/1/publication", "publish"),
    ("POST", "/provider/apis/1/versions/1/publication", "publish"),
    ("POST", "/provider/apis/1/versions/1/deprecation", "publish"),
]


@pytest.mark.parametrize(("method", "url", "right"), GUARDED)
def test_the_desk_is_guarded(
    kestrel: Provider, visitor: FlaskClient, dan: FlaskClient, method: str, url: str, right: str
) -> None:
    assert kestrel.publish() == 1
    assert visitor.open(url, method=method).status_code == 303
    assert dan.open(url, method=method).status_code in ((200, 422) if url.endswith(("/apis", "/new")) else (404,))
    viewer = kestrel.browser("viewer").open(url, method=method)
    assert viewer.status_code == (200 if right == "read" else 403)
    assert kestrel.browser().open(url, method="DELETE").status_code == 405


@pytest.mark.parametrize("url", ["/provider/apis/99", "/provider/apis/99999999999999999999999", "/provider/apis/-1"])
def test_an_unknown_desk_is_not_found(kestrel: Provider, url: str) -> None:
    assert kestrel.browser().get(url).status_code == 404


def test_a_form_from_elsewhere_is_refused(kestrel: Provider) -> None:
    api_id = kestrel.import_().api_id
    answer = kestrel.browser().post(f"/provider/apis/{api_id}/publication", data={}, form_token=False)
    assert answer.status_code in (400, 403)


def publish_json(app: Flask, organisation_id: int, api_id: Any, body: Any = None, **options: Any) -> TestResponse:
    headers = bearer_of(organisation_id, role=options.pop("role", "developer"))
    return stranger(app).post(f"/api/apis/{api_id}/publish", headers=headers, json=body, **options)


def test_a_script_publishes_with_a_token(app: Flask, kestrel: Provider) -> None:
    api_id = kestrel.import_().api_id
    wanted = {"upstream_url": "http://127.0.0.1:9000", "free_calls_per_month": 100}
    answer = publish_json(app, kestrel.organisation.id, api_id, wanted)
    assert answer.status_code == 200
    assert answer.get_json() | {"published_at": ""} == {
        "id": api_id,
        "organisation": "kestrel",
        "slug": "exchange-rates",
        "name": "Exchange rates",
        "state": "published",
        "upstream_url": "http://127.0.0.1:9000",
        "published_at": "",
        "page": "/marketplace/kestrel/exchange-rates",
        "base_url": "http://127.0.0.1:8080/kestrel/exchange-rates",
    }
    assert publish_json(app, kestrel.organisation.id, api_id).get_json() == answer.get_json()


def test_the_json_door_refuses_clearly(app: Flask, kestrel: Provider, dan: FlaskClient, visitor: FlaskClient) -> None:
    api_id = kestrel.import_().api_id
    ours, url = kestrel.organisation.id, f"/api/apis/{api_id}/publish"
    assert visitor.post(url).status_code in (400, 401, 403)
    assert dan.post(url).status_code == 404
    assert publish_json(app, ours, api_id, role="viewer").status_code == 403
    assert publish_json(app, ours, api_id + 1).status_code == 404
    assert publish_json(app, ours, 10**30).status_code == 404
    missing = publish_json(app, ours, api_id)
    assert (missing.status_code, missing.mimetype) == (409, "application/problem+json")
    for body in (
        {"state": "published"},
        {"upstream_url": 1},
        {"free_calls_per_month": -1},
        {"free_calls_per_month": True},
        [],
    ):
        assert publish_json(app, ours, api_id, body).status_code == 422, body
    assert (
        publish_json(app, ours, api_id, {"upstream_url": "ftp://x"}).get_json()["type"] == "/problems/upstream-refused"
    )
    assert visitor.get(url).status_code == 405


def run(app: Flask, *arguments: str) -> Any:
    return app.test_cli_runner().invoke(args=["apis", *arguments])


def test_the_command_imports_a_folder_and_reports_each_document(app: Flask, kestrel: Provider, tmp_path: Path) -> None:
    (tmp_path / "rates.json.gz").write_bytes(gzip.compress(json.dumps(document()).encode()))
    (tmp_path / "bad.yaml").write_bytes(b"openapi: &a 3.0.0\n")
    (tmp_path / "not-gzip.json.gz").write_bytes(b"{}")
    (tmp_path / "notes.txt").write_text("not a document")
    result = run(app, "import", str(tmp_path), "--organisation", "kestrel", "--publish", "--upstream",
                 "http://127.0.0.1:9000", "--free-plan", "1000")  # fmt: skip
    assert result.exit_code == 1
    assert "created, published" in result.output
    assert "2 operations" in result.output
    assert "bad.yaml" in result.output
    assert "aliases are not accepted" in result.output
    assert "1 imported, 2 refused" in result.output
    again = run(app, "import", str(tmp_path / "rates.json.gz"), "--organisation", "kestrel")
    assert "unchanged" in again.output
    assert "kestrel/exchange-rates" in run(app, "list").output
    assert run(app, "words").exit_code == 0


def test_the_command_names_what_it_cannot_find(app: Flask, kestrel: Provider, tmp_path: Path) -> None:
    assert "no organisation" in run(app, "import", str(tmp_path), "--organisation", "nobody").output
    assert "There is no .json" in run(app, "import", str(tmp_path), "--organisation", "kestrel").output
