"""The command palette: what each reader is offered, how it is ranked, and that nobody learns of what is not theirs."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.db import SYSTEM, transaction
from portal.identity.models import Membership, User
from portal.kit.clock import ManualClock
from portal.web.plugs import plugs
from tests.factories import (
    make_account,
    make_api,
    make_api_key,
    make_organisation,
    make_plan,
    make_subscription,
    make_user,
)
from tests.sign_in import sign_in_as

OPTIONS = {"HX-Request": "true"}


def find(client: FlaskClient, words: str = "", **query: str) -> str:
    """Return what the palette answers."""
    answer = client.get("/find", query_string={"q": words, **query}, headers=OPTIONS)
    assert answer.status_code == 200
    return answer.text


def names(html: str) -> list[str]:
    """Return the names offered, in order."""
    labels = re.findall(r'<span class="finding-label">(.*?)</span>', html, re.S)
    return [re.sub(r"<[^>]+>", "", label) for label in labels]


@pytest.fixture
def world(app: Flask, clock: ManualClock) -> dict[str, Any]:
    """Kestrel offers Rates and drafts Secret; Blue Harbour, with Cleo and Vera, subscribes to Rates; Dan is an outsider."""
    kestrel, harbour, elsewhere = (make_organisation(name) for name in ("Kestrel", "Blue Harbour", "Elsewhere"))
    rates, draft = make_api(kestrel, "Rates"), make_api(kestrel, "Secret ledger", state="draft")
    account = make_account(harbour)
    for other in (kestrel, elsewhere):
        make_account(other)
    plan, price = make_plan(rates)
    held = make_subscription(account, plan, price, clock.now())
    key, _text = make_api_key(held, plugs().settings.pepper, clock.now(), name="Warehouse")
    people = {
        "ada": make_user("Ada", organisation=kestrel),
        "cleo": make_user("Cleo", organisation=harbour),
        "vera": make_user("Vera", organisation=harbour, role="viewer"),
        "dan": make_user("Dan", organisation=elsewhere),
    }
    return {"rates": rates, "draft": draft, "held": held, "key": key, "kestrel": kestrel, **people}


def test_a_stranger_finds_the_market_and_the_way_in_and_nothing_of_anybody(
    client: FlaskClient, world: dict[str, Any]
) -> None:
    begun = names(find(client))
    assert "APIs" in begun
    assert {"Sign in", "Create account"} <= set(begun)
    assert names(find(client, "rates"))[0] == "Rates"
    for words in (
        "keys",
        "invoices",
        "warehouse",
        "secret",
        "settings",
        "sign out",
        "create an api",
        "people",
        "act for",
    ):
        found = [name for name in names(find(client, words)) if not name.startswith("Search the market")]
        assert not {"Settings", "Sign out", "People", "Create an API", "Warehouse", "Secret ledger"} & set(found), words
        assert not [name for name in found if name.startswith(("Keys of", "Invoices of", "Act for"))], words


def test_each_finds_their_own_and_only_theirs(client: FlaskClient, world: dict[str, Any]) -> None:
    sign_in_as(client, world["cleo"])
    assert "Keys of Rates" in names(find(client, "keys rates"))
    assert "Rotate a key of Rates" in names(find(client, "rotate"))
    assert "Warehouse" in names(find(client, "warehouse"))
    assert "Invoices of Rates" in names(find(client, "invoices"))
    assert "Secret ledger" not in names(find(client, "secret"))
    sign_in_as(client, world["dan"])
    assert not [name for name in names(find(client, "rates")) if "of Rates" in name]
    assert "Warehouse" not in names(find(client, "warehouse"))
    sign_in_as(client, world["ada"])
    assert "Secret ledger" in names(find(client, "secret"))


def test_a_role_is_not_offered_what_it_may_not_do(client: FlaskClient, world: dict[str, Any]) -> None:
    sign_in_as(client, world["vera"])
    offered = {name for words in ("rates", "api", "key", "plan", "member") for name in names(find(client, words))}
    assert "Keys of Rates" in offered
    assert not {"Rotate a key of Rates", "Create an API", "Change the plan of Rates", "Organisation tokens"} & offered


def test_whoever_has_not_confirmed_is_offered_nothing_that_waits_for_it(
    client: FlaskClient, world: dict[str, Any]
) -> None:
    sign_in_as(client, make_user("Nia", organisation=world["kestrel"], email_confirmed_at=None))
    offered = set(names(find(client))) | set(names(find(client, "new"))) | set(names(find(client, "organisation")))
    assert not {"Create an API", "New organisation", "Organisation tokens", "Organisation"} & offered


def test_only_operators_find_the_platform_s_pages(client: FlaskClient, world: dict[str, Any]) -> None:
    sign_in_as(client, world["cleo"])
    assert not [name for name in names(find(client, "people")) if name.startswith(("People", "Search people"))]
    with transaction(SYSTEM) as session:
        session.execute(User.__table__.update().where(User.id == world["cleo"].id).values(is_operator=True))
    assert {"People", "Search people for “people”"} <= set(names(find(client, "people")))


def test_every_link_that_is_offered_opens(client: FlaskClient, world: dict[str, Any]) -> None:
    with transaction(SYSTEM) as session:
        session.execute(User.__table__.update().values(is_operator=True))
    for person in (None, "cleo", "vera", "ada", "dan"):
        if person:
            sign_in_as(client, world[person])
        for words in ("", "rates", "a", "e", "of", "organisation", "key"):
            for address in re.findall(r'href="([^"]+)"', find(client, words)):
                answer = client.get(address.replace("&amp;", "&"))
                assert answer.status_code == 200, (person, words, address)


def test_what_was_typed_is_marked_and_escaped(client: FlaskClient, world: dict[str, Any]) -> None:
    assert '<span class="finding-label"><mark>Rat</mark>es</span>' in find(client, "rat")
    hostile = find(client, "<script>alert(1)</script>")
    assert "<script" not in hostile
    assert "&lt;script&gt;" in hostile


def test_an_organisation_is_switched_to_from_the_palette(client: FlaskClient, world: dict[str, Any]) -> None:
    with transaction(SYSTEM) as session:
        session.add(Membership(organisation_id=world["kestrel"].id, user_id=world["cleo"].id, role="viewer"))
    sign_in_as(client, world["cleo"])
    html = find(client, "kestrel")
    assert "Act for Kestrel" in names(html)
    address = re.search(r'formaction="(/organisations/\d+/switch)"', html)
    assert address
    assert client.post(address[1], data={"next": "/usage"}).status_code == 303
    assert "Act for Blue Harbour" in names(find(client))


def test_what_was_opened_before_comes_first_if_it_may_be_seen_now(client: FlaskClient, world: dict[str, Any]) -> None:
    rates, draft = (f"/marketplace/{world['kestrel'].slug}/{world[name].slug}" for name in ("rates", "draft"))
    keys = f"/subscriptions/{world['held'].id}/keys"
    recent = f"{draft} {rates} {keys} https://evil.example/ //evil.example"
    stranger = find(client, recent=recent)
    assert names(stranger)[0] == "Rates"
    assert "Secret" not in stranger
    assert "evil" not in stranger
    assert "Keys of" not in stranger
    sign_in_as(client, world["cleo"])
    assert names(find(client, recent=recent))[:2] == ["Rates", "Keys of Rates"]


def test_the_page_offers_the_same_as_links_and_buttons(client: FlaskClient, world: dict[str, Any]) -> None:
    sign_in_as(client, world["cleo"])
    page = client.get("/find?q=rates")
    assert "HX-Request" in page.headers["Vary"]
    assert "no-store" in page.headers["Cache-Control"]
    assert names(page.text) == names(find(client, "rates"))
    assert 'role="option"' not in page.text
    assert 'formaction="/logout"' in client.get("/find?q=sign+out").text


def test_a_theme_chosen_there_stays_and_is_not_offered_again(client: FlaskClient, world: dict[str, Any]) -> None:
    html = find(client, "dark")
    assert re.search(r'formaction="/preferences/theme" name="theme" value="dark"', html)
    client.post("/preferences/theme", data={"theme": "dark", "next": "/find"})
    assert "Switch to dark" not in names(find(client, "dark"))
    assert "Switch to light" in names(find(client, "light"))


@pytest.mark.parametrize(
    "words", ["", "  ", "\x00", "'", "\\", "%", "_", "a" * 5000, "🦉", "!! & | ( :*", "the of and"]
)
def test_any_words_get_an_answer(client: FlaskClient, world: dict[str, Any], words: str) -> None:
    sign_in_as(client, world["cleo"])
    find(client, words)


def test_german_is_found_by_german_words(client: FlaskClient, world: dict[str, Any]) -> None:
    sign_in_as(client, world["cleo"])
    client.set_cookie("locale", "de")
    assert "Einstellungen" in names(find(client, "einst"))
    assert "Abmelden" in names(find(client, "abm"))
