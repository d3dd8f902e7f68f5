"""A mistyped address of the market leads to what was meant; an address of somebody's draft tells nothing."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.catalog.finding import vocabulary
from portal.db import SYSTEM, transaction
from tests.factories import make_api, make_organisation


@pytest.fixture
def market(app: Flask) -> None:
    kestrel, other = make_organisation("Kestrel", "kestrel"), make_organisation("Other", "other")
    make_api(kestrel, "Exchange rates", slug="exchange-rates")
    make_api(kestrel, "Weather", slug="weather")
    make_api(kestrel, "Exchange ledger", slug="exchange-ledger", state="draft")
    make_api(other, "Holidays", slug="holidays")
    with transaction(SYSTEM):
        vocabulary.rebuild()


def suggested(client: FlaskClient, address: str) -> list[str]:
    answer = client.get(address)
    assert answer.status_code == 404
    return re.findall(r'<a class="finding" href="([^"]+)"', answer.text)


@pytest.mark.parametrize(
    "address",
    [
        "/marketplace/kestrel/exchange-rate",
        "/marketplace/kestrel/exchnage-rates",
        "/marketplace/kestrl/exchange-rates",
        "/marketplace/nobody/exchange-rates",
        "/marketplace/kestrel/exchange-rats/docs",
    ],
)
def test_the_nearest_api_is_suggested_first(client: FlaskClient, market: None, address: str) -> None:
    assert suggested(client, address)[0] == "/marketplace/kestrel/exchange-rates"


def test_what_resembles_nothing_suggests_nothing(client: FlaskClient, market: None) -> None:
    assert suggested(client, "/marketplace/zzz/qqqqqq") == []
    assert suggested(client, "/settings/nothing") == []


def test_a_draft_is_not_told_from_nothing(client: FlaskClient, market: None) -> None:
    there, not_there = (client.get(f"/marketplace/kestrel/exchange-{word}") for word in ("ledger", "ladder"))
    assert "ledger" not in re.sub(r'value="[^"]*"|/marketplace/kestrel/exchange-ledger', "", there.text)
    assert suggested(client, there.request.path) == suggested(client, not_there.request.path)


def test_the_page_has_a_search_that_begins_with_the_address(client: FlaskClient, market: None) -> None:
    page = client.get("/marketplace/kestrel/holi-days").text
    assert re.search(r'<form class="search" role="search" method="get" action="/find"', page)
    assert 'value="holi days"' in page


@pytest.mark.parametrize(
    "address", ["/marketplace/%00/%00", "/marketplace/%27/%27", "/marketplace/%F0%9F%A6%89", "/%ff"]
)
def test_any_address_gets_an_answer(client: FlaskClient, market: None, address: str) -> None:
    assert client.get(address).status_code < 500
