"""Versions of an API: compared, announced, and given up like the API itself."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from portal.catalog import farewells, versions
from portal.catalog.errors import CatalogError, UnknownApi
from portal.catalog.models import Api, ApiVersion
from portal.db import SYSTEM, db, transaction
from tests.catalog.conftest import Provider, document
from tests.factories import make_api

PAGE = "/marketplace/kestrel/exchange-rates"
Read = Callable[[str], str]


@pytest.fixture
def two_versions(kestrel: Provider) -> Provider:
    """1.0.0, and a current 2.0.0 in which `base` takes only EUR and alerts are gone."""
    kestrel.publish()
    tree = document(info={"title": "Exchange rates", "version": "2.0.0"})
    tree["paths"].pop("/alerts/{alert_id}")
    tree["paths"]["/rates/latest"]["get"]["parameters"][1]["schema"]["enum"] = ["EUR"]
    kestrel.clock.advance(timedelta(days=1))
    kestrel.import_(tree)
    with transaction(SYSTEM) as session:
        made = session.query(ApiVersion).filter_by(name="2.0.0").one()
        versions.publish_version(
            kestrel.organisation.id, made.id, actor="user:1", now=kestrel.clock.now(), make_default=True
        )
    return kestrel


def test_the_current_version_is_compared_with_the_one_before(two_versions: Provider, body: Read) -> None:
    page = body(f"{PAGE}/versions")
    assert "2 operations differ between 1.0.0 and 2.0.0." in page
    assert "2 of them can break a caller." in page
    assert "Operation removed" in page
    assert "Parameter no longer takes a value" in page


def test_two_versions_are_compared_either_way(two_versions: Provider, body: Read, visitor: FlaskClient) -> None:
    page = body(f"{PAGE}/versions?from=2.0.0&to=1.0.0")
    assert "New operation" in page
    assert "None of it breaks a caller." in page
    for query in ("from=2.0.0&to=2.0.0", "from=9&to=1.0.0", "from=1.0.0", "to=2.0.0"):
        assert visitor.get(f"{PAGE}/versions?{query}").status_code == 404


def test_a_draft_version_is_not_compared_for_strangers(kestrel: Provider, visitor: FlaskClient) -> None:
    kestrel.publish()
    kestrel.import_(document(info={"title": "Exchange rates", "version": "2.0.0-secret"}))
    where = f"{PAGE}/versions?from=1.0.0&to=2.0.0-secret"
    assert visitor.get(where).status_code == 404
    assert "2.0.0-secret" not in visitor.get(f"{PAGE}/versions").get_data(as_text=True)
    assert "2.0.0-secret" not in visitor.get(f"{PAGE}/versions.atom").get_data(as_text=True)
    assert kestrel.browser().get(where).status_code == 200


def test_the_feed_is_one_and_holds_what_names_hold(kestrel: Provider, visitor: FlaskClient) -> None:
    kestrel.publish(document(info={"title": "Exchange rates", "version": "1 <&\x0b\"'> ü"}))
    answer = visitor.get(f"{PAGE}/versions.atom")
    assert answer.mimetype == "application/atom+xml"
    feed = ElementTree.fromstring(answer.data)  # noqa: S314 - ours
    names = {"a": "http://www.w3.org/2005/Atom"}
    assert [each.text for each in feed.findall("a:entry/a:title", names)] == ["1 <& \"'> ü"]
    assert feed.find("a:entry/a:id", names) is not None


def test_a_deprecated_version_says_so_everywhere(two_versions: Provider, visitor: FlaskClient) -> None:
    now = two_versions.clock.now()
    with transaction(SYSTEM) as session:
        old = session.query(ApiVersion).filter_by(name="1.0.0").one()
        versions.deprecate_version(
            two_versions.organisation.id, old.id, actor="user:1", now=now, sunset_at=now + timedelta(days=90),
            note="Call **/rates** instead.",
        )  # fmt: skip
    page = visitor.get(f"{PAGE}/docs?version=1.0.0").get_data(as_text=True)
    assert "Version 1.0.0 works until" in page
    assert "Call <strong>/rates</strong> instead." in page
    assert "Call <strong>/rates</strong> instead." in visitor.get(f"{PAGE}/versions").get_data(as_text=True)
    assert "Call **/rates** instead." in visitor.get(f"{PAGE}/versions.atom").get_data(as_text=True)
    file = visitor.get(f"{PAGE}/openapi.json?version=1.0.0")
    assert file.headers["Deprecation"] == f"@{int(now.timestamp())}"
    assert file.headers["Sunset"].endswith("GMT")
    assert "Sunset" not in visitor.get(f"{PAGE}/openapi.json").headers


def give_up(kestrel: Provider, api_id: int, **said: Any) -> None:
    with transaction(SYSTEM):
        said = {"sunset_at": kestrel.clock.now() + timedelta(days=30), **said}
        farewells.deprecate_api(kestrel.organisation.id, api_id, actor="user:1", now=kestrel.clock.now(), **said)


def test_an_api_that_goes_names_the_day_and_what_replaces_it(kestrel: Provider, body: Read) -> None:
    api_id = kestrel.publish()
    make_api(kestrel.organisation, "Rates two", slug="rates-two")
    give_up(kestrel, api_id, replacement="kestrel/rates-two", note="Same keys, *new* address.")
    page = body(PAGE)
    assert "The provider is giving this API up." in page
    assert "Use Rates two instead" in page
    assert "Same keys, <em>new</em> address." in page
    assert "Start free" in page  # it can still be had until then
    assert "kestrel/rates-two instead" in body(f"{PAGE}/llms.txt")


def test_a_retired_api_sells_nothing(kestrel: Provider, body: Read) -> None:
    api_id = kestrel.publish()
    give_up(kestrel, api_id)
    with pytest.raises(CatalogError, match="last day"), transaction(SYSTEM):
        farewells.retire_api(kestrel.organisation.id, api_id, actor="user:1", now=kestrel.clock.now())
    kestrel.clock.advance(timedelta(days=31))
    with transaction(SYSTEM):
        farewells.retire_api(kestrel.organisation.id, api_id, actor="user:1", now=kestrel.clock.now())
    for page in (body(PAGE), body(f"{PAGE}/pricing")):
        assert "has retired this API" in page
        assert "/subscribe/" not in page


@pytest.mark.parametrize(
    "said",
    [{"sunset_at": None, "replacement": "none/none"}, {"replacement": "kestrel/exchange-rates"}, {"note": "x" * 4_001},
     {"replacement": "\x01' OR 1=1"}],
)  # fmt: skip
def test_a_farewell_that_makes_no_sense_is_refused(kestrel: Provider, said: dict[str, Any]) -> None:
    api_id = kestrel.publish()
    with pytest.raises(CatalogError):
        give_up(kestrel, api_id, **said)
    with pytest.raises(CatalogError):
        give_up(kestrel, api_id, sunset_at=kestrel.clock.now())
    with pytest.raises(UnknownApi), transaction(SYSTEM):
        farewells.deprecate_api(
            kestrel.organisation.id + 99, api_id, actor="x", now=kestrel.clock.now(), sunset_at=None
        )
    with transaction(SYSTEM):
        assert db.session.get(Api, api_id).state == "published"  # type: ignore[union-attr]


def test_only_providers_give_up_their_own(kestrel: Provider, visitor: FlaskClient, dan: FlaskClient) -> None:
    api_id = kestrel.publish()
    for act in ("farewell", "retirement"):
        where = f"/provider/apis/{api_id}/{act}"
        assert visitor.post(where).status_code in (303, 401)
        assert dan.post(where).status_code == 404
        assert kestrel.browser("viewer").post(where).status_code == 403
        assert kestrel.browser().get(where).status_code == 405
    ada = kestrel.browser()
    assert ada.post(f"/provider/apis/{api_id}/farewell", data={"sunset": "2020-01-01"}).status_code == 422
    assert ada.post(f"/provider/apis/{api_id}/farewell", data={"sunset": "soon"}).status_code == 422
    assert ada.post(f"/provider/apis/{api_id}/retirement").status_code == 422
    done = ada.post(f"/provider/apis/{api_id}/farewell", data={"sunset": "2099-01-01", "note": "Bye\x00"})
    assert done.status_code == 303
    assert "works until" in ada.get(f"/provider/apis/{api_id}").get_data(as_text=True)
