"""The market as people read it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from flask.testing import FlaskClient

from tests.catalog.conftest import Provider, as_yaml, document
from tests.factories import make_api, make_plan

PAGE = "/marketplace/kestrel/exchange-rates"
Read = Callable[[str], str]


def region(page: str, name: str) -> str:
    """The element with an id, whitespace folded."""
    start = re.search(rf'<(\w+)[^>]*\bid="{name}"', page)
    assert start, f"no #{name}"
    depth, tag = 0, start.group(1)
    for found in re.finditer(rf"<(/?){tag}\b", page[start.start() :]):
        depth += -1 if found.group(1) else 1
        if depth == 0:
            whole = " ".join(page[start.start() : start.start() + found.start()].split())
            return re.sub(r'(name="csrf_token" value=")[^"]*', r"\1", whole)  # signed anew by the second
    raise AssertionError("unclosed")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("/marketplace", "results"),
        ("/marketplace?q=rates&sort=name", "results"),
        ("/marketplace?q=nothing-like-it", "results"),
        (f"{PAGE}/docs", "docs"),
        (f"{PAGE}/docs?find=alert", "docs"),
        (f"{PAGE}/docs/latest-rates", "docs"),
    ],
)
def test_the_fragment_equals_its_region_of_the_page(
    kestrel: Provider, visitor: FlaskClient, url: str, name: str
) -> None:
    kestrel.publish()
    page = visitor.get(url)
    fragment = visitor.get(url, headers={"HX-Request": "true"})
    assert region(page.get_data(as_text=True), name) == region(fragment.get_data(as_text=True), name)
    assert "<html" not in fragment.get_data(as_text=True)
    assert "HX-Request" in page.headers["Vary"]
    restored = visitor.get(url, headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert "<html" in restored.get_data(as_text=True)


PAGES = ["", "/docs", "/docs/latest-rates", "/pricing", "/openapi.json", "/openapi.yaml"]


@pytest.mark.parametrize("page", PAGES)
def test_a_draft_is_seen_by_its_own_people_and_by_nobody_else(
    kestrel: Provider, visitor: FlaskClient, dan: FlaskClient, page: str
) -> None:
    kestrel.import_()
    assert kestrel.browser().get(PAGE + page).status_code == 200
    assert kestrel.browser("viewer").get(PAGE + page).status_code == 200
    assert visitor.get(PAGE + page).status_code == 404
    assert dan.get(PAGE + page).status_code == 404
    assert "Exchange rates" not in visitor.get("/marketplace?q=rates").get_data(as_text=True)


@pytest.mark.parametrize("page", PAGES)
def test_a_published_api_is_open_to_strangers(kestrel: Provider, visitor: FlaskClient, page: str) -> None:
    kestrel.publish()
    assert visitor.get(PAGE + page).status_code == 200
    assert visitor.post(PAGE + page).status_code in (400, 403, 405)


def test_a_draft_version_is_hidden_like_a_draft_api(kestrel: Provider, visitor: FlaskClient) -> None:
    kestrel.publish()
    kestrel.import_(document(info={"title": "Exchange rates", "version": "2.0.0-secret"}))
    assert visitor.get(f"{PAGE}?version=2.0.0-secret").status_code == 404
    assert "2.0.0-secret" not in visitor.get(PAGE).get_data(as_text=True)
    assert kestrel.browser().get(f"{PAGE}?version=2.0.0-secret").status_code == 200


@pytest.mark.parametrize(
    "url",
    [
        "/marketplace/kestrel/none", "/marketplace/none/exchange-rates", f"{PAGE}/docs/none", f"{PAGE}?version=9",
        f"{PAGE}/openapi.xml", f"{PAGE}/docs/%00", f"{PAGE}/docs/{'x' * 5000}", "/marketplace/%F0%9F%92%A9/x",
        "/marketplace/..%2f..%2fetc/passwd", f"{PAGE}?version=%00",
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found(kestrel: Provider, visitor: FlaskClient, url: str) -> None:
    kestrel.publish()
    assert visitor.get(url).status_code in (400, 404, 422)


@pytest.mark.parametrize(
    "query",
    [
        "q=%00", "q=%FF%FE", "q=" + "a" * 5000, "q=%22unclosed", "q=-", "q=!%26|():*", "q=\x02x\x03", "page=0",
        "page=-1", "page=abc", "page=99999999999999999999", "page=%F0%9D%9F%99", "sort=;drop", "category=none",
        "price=%27", "provider=../..", "q=a&q=b", "q=%25%25", "q=\\", "page=2",
    ],
)  # fmt: skip
def test_no_search_breaks_the_market(kestrel: Provider, visitor: FlaskClient, query: str) -> None:
    kestrel.publish()
    assert visitor.get(f"/marketplace?{query}").status_code in (200, 400)


def test_documentation_shows_one_operation_with_samples(kestrel: Provider, body: Read) -> None:
    kestrel.publish()
    page = body(f"{PAGE}/docs/latest-rates")
    assert "Currency to convert <strong>from</strong>" in page
    assert page.index("base</code>") < page.index("symbols</code>")
    assert "up to 3 characters" in page
    assert "http://127.0.0.1:8080/kestrel/exchange-rates/rates/latest?base=EUR" in page
    assert "X-API-Key: YOUR_API_KEY" in page
    assert "import requests" in page
    assert "await fetch(" in page


def test_documentation_names_what_repeats_and_what_is_deprecated(kestrel: Provider, body: Read) -> None:
    kestrel.publish()
    page = body(f"{PAGE}/docs/replace-alert")
    assert "repeats Alert from above" in page
    assert "Deprecated" in page


def test_neighbours_lead_through_all_operations(kestrel: Provider, body: Read) -> None:
    kestrel.publish()
    first = body(f"{PAGE}/docs/latest-rates")
    assert re.search(rf'rel="next" data-key="]" href="{PAGE}/docs/replace-alert"', first)
    assert 'rel="prev"' not in first
    assert 'rel="prev"' in body(f"{PAGE}/docs/replace-alert")


def test_the_filter_works_as_a_plain_form(kestrel: Provider, body: Read) -> None:
    kestrel.publish()
    page = body(f"{PAGE}/docs?find=alert+replace")
    assert f"{PAGE}/docs/replace-alert" in page
    assert f'href="{PAGE}/docs/latest-rates"' not in page
    assert "0 operations" in body(f"{PAGE}/docs?find=100%25")


XSS = (
    "<script>alert(1)</script> <img src=x onerror=alert(1)> [x](javascript:alert(1)) ![y](https://evil.example/p.png)"
    ' <div hx-get="/logout" hx-trigger="load">z</div> <svg/onload=alert(1)> `{{ 7*7 }}` [d](data:text/html,hi)'
)


def test_descriptions_are_inert(kestrel: Provider, body: Read) -> None:
    tree = document(info={"title": f"<b>T</b>{XSS}", "version": "1", "description": XSS})
    operation = tree["paths"]["/rates/latest"]["get"]
    operation |= {
        "description": XSS,
        "summary": XSS,
        "operationId": "x",
        "tags": [XSS],
        "externalDocs": {"url": "javascript:1"},
    }
    operation["parameters"][0] |= {"name": "<img src=x onerror=1>", "description": XSS}
    operation["responses"]["200"]["description"] = XSS
    tree["components"]["schemas"]["Rates"]["properties"]["<script>"] = {
        "description": XSS,
        "enum": [XSS],
        "default": XSS,
    }
    kestrel.publish(tree, slug="evil", name=f"Evil {XSS}"[:120])
    pages = [body(f"/marketplace/kestrel/evil{page}") for page in ("", "/docs", "/docs/x", "/pricing")]
    for page in [*pages, body("/marketplace"), body("/marketplace?q=evil")]:
        assert "<script>alert" not in page
        assert not re.search(r"<img|<svg/|<div hx-get=\"/logout", page)
        assert not re.search(r'href="(javascript|data):', page)
        assert "evil.example/p.png" not in re.sub(r"<[ac][^>]*>.*?</[ac]", "", page) or "<img" not in page
        assert "49" not in re.findall(r"<code>([^<]*)</code>", page)


def test_search_marks_what_matched(kestrel: Provider, body: Read) -> None:
    kestrel.publish()
    assert "Daily reference <mark>rates</mark> for 168" in body("/marketplace?q=reference+rates") or (
        "<mark>reference</mark> <mark>rates</mark>" in body("/marketplace?q=reference+rates")
    )


@pytest.mark.parametrize("words", ["alert", "replace alert", "/alerts/{alert_id}", "PUT /alerts"])
def test_search_finds_operations_and_shows_which_matched(kestrel: Provider, body: Read, words: str) -> None:
    kestrel.publish()
    page = body("/marketplace?q=" + words.replace("/", "%2F"))
    assert "PUT /alerts/{alert_id}" in page


def test_a_mistyped_search_is_corrected_and_says_so(kestrel: Provider, body: Read) -> None:
    kestrel.publish()
    page = body("/marketplace?q=exchnage+rats")
    assert "Showing results for" in page
    assert "exchange" in page
    assert "1 API" in page


def test_search_finds_the_provider_and_the_tags(kestrel: Provider, body: Read) -> None:
    kestrel.publish()
    for words in ("kestrel", "alerts", "currencies", "currency"):
        assert "1 API" in body(f"/marketplace?q={words}"), words


def test_facets_narrow_and_count_and_can_be_taken_back(kestrel: Provider, body: Read) -> None:
    kestrel.publish(category="finance")
    maps = make_api(kestrel.organisation, "Maps", slug="maps", category="geo")
    make_plan(maps)
    page = body("/marketplace")
    assert "2 APIs" in page
    assert re.search(r'category=finance" rel="nofollow"><span>Finance</span><span class="count">1<', page)
    assert re.search(r'price=paid" rel="nofollow"><span>Paid plans</span><span class="count">1<', page)
    narrowed = body("/marketplace?category=geo&price=paid&provider=kestrel&sort=name")
    assert "1 API" in narrowed
    assert "Clear all" in narrowed
    assert 'href="/marketplace?category=geo&amp;provider=kestrel&amp;sort=name"' in narrowed
    assert "Nothing matches these filters" in body("/marketplace?category=geo&price=free")
    searched = body("/marketplace?q=maps&category=geo")
    assert "1 API" in searched


def test_pages_have_true_totals(kestrel: Provider, body: Read) -> None:
    for n in range(30):
        make_api(kestrel.organisation, f"Api {n:02}")
    page = body("/marketplace?sort=name")
    assert "30 APIs" in page
    assert "1–24 of 30" in page
    assert "Api 23" in page
    assert "Api 24" not in page
    assert "25–30 of 30" in body("/marketplace?sort=name&page=2")
    assert "1–24 of 30" in body("/marketplace?sort=name&page=77")


def test_an_empty_market_speaks_to_who_reads_it(kestrel: Provider, visitor: FlaskClient) -> None:
    assert "No APIs yet" in visitor.get("/marketplace").get_data(as_text=True)
    assert "Publish an API" not in visitor.get("/marketplace").get_data(as_text=True)
    assert "Publish an API" in kestrel.browser().get("/marketplace").get_data(as_text=True)


def test_cards_carry_the_price(kestrel: Provider, body: Read) -> None:
    kestrel.publish(free_calls=1000)
    assert "Free 1,000 calls a month" in body("/marketplace")


def test_pricing_shows_plans_and_compares_them(kestrel: Provider, body: Read) -> None:
    api = make_api(kestrel.organisation, "Maps", slug="maps")
    make_plan(api, "free", amount=0, included_quantity=100, rpm=None)
    make_plan(api, "pro", amount=2900, usage_model="per_unit", trial_days=14)
    page = body("/marketplace/kestrel/maps/pricing")
    assert "€29.00" in page
    assert "€0.004 a call" in page
    assert "14 days" in page
    assert "Plans compared" in page
    assert ("/subscribe/" in page) == ("payments.review" in kestrel.app.view_functions)
    assert "No plans yet" in body(f"{_unpriced(kestrel)}/pricing")


def _unpriced(kestrel: Provider) -> str:
    make_api(kestrel.organisation, "Bare", slug="bare")
    return "/marketplace/kestrel/bare"


def test_documents_come_back_in_both_notations(kestrel: Provider, visitor: FlaskClient) -> None:
    kestrel.publish()
    as_json = visitor.get(f"{PAGE}/openapi.json")
    assert json.loads(as_json.data) == document()
    assert "attachment" in as_json.headers["Content-Disposition"]
    raw = visitor.get(f"{PAGE}/openapi.yaml")
    assert raw.data == as_yaml(document())


def test_json_becomes_yaml_that_we_would_take_back(kestrel: Provider, visitor: FlaskClient) -> None:
    shared: dict[str, Any] = {"type": "string"}
    tree = document(**{"x-one": shared, "x-two": shared})
    kestrel.import_(raw=json.dumps(tree).encode())
    kestrel.publish(raw=json.dumps(tree).encode())
    converted = visitor.get(f"{PAGE}/openapi.yaml").data
    assert yaml.safe_load(converted) == tree
    assert b"&" not in converted


def test_a_page_reads_as_much_of_a_large_document_as_of_a_small_one(kestrel: Provider, visitor: FlaskClient) -> None:
    kestrel.publish()
    paths = {
        f"/p{n}": {"get": {"operationId": f"op{n}", "tags": [f"tag {n % 50}"], "responses": {}}} for n in range(2000)
    }
    kestrel.publish(document(paths=paths), slug="large")
    small = len(visitor.get(f"{PAGE}/docs/latest-rates").data)
    large = len(visitor.get("/marketplace/kestrel/large/docs/op7").data)
    assert large < small * 4
