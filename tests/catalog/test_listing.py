"""The pages of one API: what each says, to whom, and that nothing typed into an address breaks them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.catalog.conftest import Provider, document
from tests.factories import make_api, make_organisation, make_user
from tests.sign_in import sign_in_as

PAGE = "/marketplace/kestrel/exchange-rates"
Read = Callable[[str], str]
OPEN = ["", "/docs", "/docs/latest-rates", "/pricing", "/reliability", "/versions", "/versions.atom", "/llms.txt",
        "/postman.json", "/openapi.json"]  # fmt: skip


@pytest.mark.parametrize("page", OPEN)
def test_who_may_read_what(kestrel: Provider, visitor: FlaskClient, dan: FlaskClient, page: str) -> None:
    kestrel.import_()
    assert kestrel.browser("viewer").get(PAGE + page).status_code == 200
    assert visitor.get(PAGE + page).status_code == 404
    assert dan.get(PAGE + page).status_code == 404
    kestrel.publish()
    assert visitor.get(PAGE + page).status_code == 200
    assert dan.get(PAGE + page).status_code == 200
    assert visitor.post(PAGE + page).status_code in (400, 403, 405)
    assert visitor.get(f"/marketplace/kestrel/none{page}").status_code == 404
    assert visitor.get(f"{PAGE}{page}?version=none").status_code == 404


HOSTILE = [
    "%00",
    "%ff",
    "-1",
    "1e400",
    "9" * 5000,
    "%27%3B--",
    "{{7*7}}",
    "%E2%80%AE",
    "1.5",
    "0x10",
    "%D9%A3",
    "1 0 0",
]


@pytest.mark.parametrize("typed", HOSTILE)
@pytest.mark.parametrize(
    "address",
    ["/pricing?calls={}", "/versions?from={}&to={}", "/docs?find={}", "/llms.txt?version={}", "/reliability?version={}",
     "/postman.json?version={}", "/versions.atom?version={}"],
)  # fmt: skip
def test_no_parameter_breaks_a_page(kestrel: Provider, visitor: FlaskClient, address: str, typed: str) -> None:
    kestrel.publish()
    answer = visitor.get(PAGE + address.replace("{}", typed))
    assert answer.status_code in (200, 400, 404, 422)


def with_answer() -> dict[str, Any]:
    tree = document()
    media = tree["paths"]["/rates/latest"]["get"]["responses"]["200"]["content"]["application/json"]
    media["example"] = {"base": "EUR", "rates": {"USD": 1.0587}}
    return tree


def test_the_overview_shows_a_call_with_the_answer_its_author_wrote(kestrel: Provider, body: Read) -> None:
    kestrel.publish(with_answer())
    page = body(PAGE)
    assert "Calls and their answers" in page
    assert "1.0587" in page
    assert "rates/latest?base=EUR" in page


def test_a_made_up_answer_is_not_called_real(kestrel: Provider, body: Read) -> None:
    kestrel.publish()
    assert "Calls and their answers" not in body(PAGE)


def test_similar_apis_share_category_and_come_by_shared_tags(kestrel: Provider, body: Read) -> None:
    kestrel.publish(category="finance")
    other = make_organisation("Northlight", "northlight")
    make_api(other, "Plain money", category="finance", calls_30d=900)
    make_api(other, "Tagged money", category="finance", tags=["Rates", "Alerts"])
    make_api(other, "Weather", category="geo", tags=["Rates"])
    make_api(other, "Hidden", category="finance", state="draft", tags=["Rates"])
    page = body(PAGE)
    assert page.index("Tagged money") < page.index("Plain money")
    assert "Weather" not in page
    assert "Hidden" not in page


def test_the_head_tells_other_sites_what_this_is(kestrel: Provider, body: Read) -> None:
    kestrel.publish()
    page = body(f"{PAGE}/docs/latest-rates")
    assert re.search(
        r'<link rel="canonical" href="https?://[^"]+/marketplace/kestrel/exchange-rates/docs/latest-rates">', page
    )
    assert '<meta property="og:title" content="Exchange rates · Kestrel Data">' in page
    assert 'type="application/atom+xml"' in page


def test_the_plain_text_says_what_is_sold_and_every_operation(kestrel: Provider, visitor: FlaskClient) -> None:
    kestrel.publish()
    answer = visitor.get(f"{PAGE}/llms.txt", headers={"Accept-Language": "de"})
    text = answer.get_data(as_text=True)
    assert answer.mimetype == "text/plain"
    assert text.startswith("# Exchange rates\n\n> ")
    assert "Free: free; 1,000 calls a month, then refused until the next period; 60 a minute" in text
    assert re.search(r"- \[GET /rates/latest\]\(http\S+/docs/latest-rates\): Latest rates", text)
    assert "Replace an alert (deprecated)" in text
    assert "X-API-Key" in text


def test_the_chosen_language_opens_without_scripts(kestrel: Provider, visitor: FlaskClient) -> None:
    kestrel.publish()
    where = f"{PAGE}/docs/latest-rates"
    assert re.search(r'value="curl"[^>]* checked', visitor.get(where).get_data(as_text=True))
    answer = visitor.post("/preferences/sample", data={"sample": "go", "next": where})
    assert (answer.status_code, answer.location) == (303, where)
    page = visitor.get(where).get_data(as_text=True)
    assert re.search(r'value="go"[^>]* checked', page)
    assert len(re.findall(r'data-remember="sample" checked', page)) == 1
    assert page.count('data-remember="sample"') == 9


@pytest.mark.parametrize(
    "data", [{}, {"sample": "cobol"}, {"sample": "go", "next": "//evil.example"}, {"sample": "\x00"}]
)
def test_a_language_nobody_speaks_is_not_remembered(
    kestrel: Provider, visitor: FlaskClient, data: dict[str, str]
) -> None:
    answer = visitor.post("/preferences/sample", data=data)
    assert answer.status_code == 303
    assert answer.location == "/"
    assert ("sample=" in answer.headers.get("Set-Cookie", "")) == (data.get("sample") == "go")
    assert visitor.post("/preferences/sample", data={"sample": "go"}, form_token=False).status_code in (400, 403)


def test_the_postman_collection_holds_every_operation(kestrel: Provider, visitor: FlaskClient) -> None:
    kestrel.publish()
    answer = visitor.get(f"{PAGE}/postman.json")
    made = json.loads(answer.data)
    assert "exchange-rates.postman_collection.json" in answer.headers["Content-Disposition"]
    assert made["info"]["schema"].endswith("/v2.1.0/collection.json")
    assert [(folder["name"], len(folder["item"])) for folder in made["item"]] == [("Rates", 1), ("Alerts", 1)]
    latest, alert = made["item"][0]["item"][0]["request"], made["item"][1]["item"][0]["request"]
    assert latest["url"]["raw"] == "{{baseUrl}}/rates/latest?base=EUR"
    assert [(each["key"], each["disabled"]) for each in latest["url"]["query"]] == [("base", False), ("symbols", True)]
    assert (alert["method"], alert["url"]["path"]) == ("PUT", ["alerts", ":alert_id"])
    assert alert["url"]["variable"][0]["key"] == "alert_id"
    assert json.loads(alert["body"]["raw"])["threshold"] == 1
    assert {each["key"]: each["value"] for each in made["variable"]}["apiKey"] == ""
    assert made["auth"]["type"] == "apikey"


def test_an_operation_says_what_a_call_costs(kestrel: Provider, body: Read) -> None:
    kestrel.publish()
    assert "1,000 calls a month, then refused until the next period" in body(f"{PAGE}/docs/latest-rates")


def test_names_of_any_kind_and_length_are_shown(kestrel: Provider, body: Read) -> None:
    name = "سعر الصرف " + "W" * 180
    tree = document(info={"title": name, "version": "1" * 60, "description": "ا" * 5_000})
    kestrel.publish(tree, slug="exchange-rates")
    for page in OPEN[:6]:
        body(PAGE + page)


def test_four_hundred_operations_without_tags_or_summaries(kestrel: Provider, body: Read) -> None:
    paths = {f"/p{n}": {"get": {"responses": {"200": {"description": ""}}}} for n in range(400)}
    kestrel.publish(document(paths=paths))
    assert "Use the filter to find the other 200." in body(f"{PAGE}/docs/get-p0")
    assert len(json.loads(body(f"{PAGE}/postman.json"))["item"]) == 400


def test_faults_of_a_document_are_for_its_owner(kestrel: Provider, visitor: FlaskClient) -> None:
    tree = document()
    tree["paths"]["/rates/latest"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"] = (
        "#/none"
    )
    kestrel.publish(tree)
    assert "Only you see this." in kestrel.browser().get(PAGE).get_data(as_text=True)
    assert "Only you see this." not in visitor.get(PAGE).get_data(as_text=True)


def test_a_person_signed_in_gets_the_next_act_by_address(kestrel: Provider, visitor: FlaskClient) -> None:
    kestrel.publish()
    assert "of-product" not in visitor.get(PAGE).get_data(as_text=True)
    cleo = sign_in_as(visitor, make_user("Cleo", organisation=make_organisation()))
    page = cleo.get(PAGE).get_data(as_text=True)
    assert re.search(r'hx-get="/subscriptions/of-product/\d+\?at=overview"', page)
    assert "See the plans" in page  # right for everybody, until the answer comes and where no script runs
