"""The market's pages: facets in the address, stars, comparison, wishes. Every endpoint gets the battery."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from jobs import recurring
from portal.catalog import facts
from portal.catalog.finding.keeping import MOST_SAVED
from portal.catalog.models import Api
from portal.db import SYSTEM, db, scoped, transaction
from portal.identity.models import User
from portal.kit.clock import ManualClock
from tests.catalog.conftest import Provider, stranger
from tests.catalog.test_pages import region
from tests.catalog.test_service import measured
from tests.factories import make_account, make_api, make_organisation, make_plan, make_subscription, make_user
from tests.sign_in import sign_in_as

Read = Callable[[str], str]
HTMX = {"HX-Request": "true"}
FACETS = {
    "category": "geo", "price": "free", "fee": "50", "nocard": "1", "verified": "1", "new": "1", "uptime": "99.9",
    "p95": "300", "auth": "key", "provider": "harbour",
}  # fmt: skip


@pytest.fixture
def harbour(app: Flask, clock: ManualClock) -> Api:
    """An API that every facet fits, and one that none fits."""
    organisation = make_organisation("Harbour Office", "harbour")
    api = make_api(
        organisation, "Tides", slug="tides", summary="Water levels", category="geo", auth=["key"], is_new=True,
        published_at=clock.now(),
    )  # fmt: skip
    make_plan(api, "free", amount=0)
    make_plan(api, "pro", amount=2900, included_quantity=100_000)
    make_api(make_organisation("Plain", "plain"), "Dull", slug="dull", category="other", published_at=clock.now())
    with transaction(SYSTEM) as session:
        session.execute(text("UPDATE organisations SET is_verified = true WHERE slug = 'harbour'"))
        facts.note([api.id], [measured(api.id, 12_345, p95_ms=182, failures_90d=1)])
    recurring.tidy_the_market()
    return api


@pytest.fixture
def cleo(app: Flask) -> User:
    return make_user("Cleo", organisation=make_organisation("Workshop", "workshop"))


@pytest.fixture
def at_cleo(app: Flask, cleo: User) -> FlaskClient:
    return sign_in_as(stranger(app), cleo)


@pytest.mark.parametrize(("name", "value"), FACETS.items())
def test_every_facet_is_a_link_that_filters_and_can_be_taken_back(
    harbour: Api, body: Read, name: str, value: str
) -> None:
    links = [found.replace("&amp;", "&") for found in re.findall(r'href="(/marketplace\?[^"]*)"', body("/marketplace"))]
    assert f"/marketplace?{name}={value}" in links
    page = body(f"/marketplace?{name}={value}")
    assert "1 API<" in page
    assert "Tides" in page
    assert ">Dull<" not in page
    chip = re.search(r'class="chip" href="([^"]*)"', page)
    assert chip is not None
    assert chip[1] == "/marketplace"


def test_all_facets_together_keep_each_other_and_the_order(harbour: Api, body: Read) -> None:
    query = "&".join(f"{name}={value}" for name, value in FACETS.items())
    page = body(f"/marketplace?{query}&sort=name")
    assert "1 API<" in page
    for found in re.findall(r'class="chip" href="([^"]*)"', page):
        left = parse_qs(urlsplit(found.replace("&amp;", "&")).query)
        assert left["sort"] == ["name"]
        assert len(left) == len(FACETS)
    hidden = region(page, "s-sort") and re.findall(r'type="hidden" name="(\w+)"', page)
    assert set(FACETS) <= set(hidden)


def test_several_values_of_one_facet_widen_it(harbour: Api, body: Read) -> None:
    assert "2 APIs" in body("/marketplace?category=geo&category=other")
    assert "2 APIs" in body("/marketplace?provider=harbour&provider=plain")
    assert "1 API<" in body("/marketplace?fee=50&fee=10")  # one value: the first counts


@pytest.mark.parametrize(
    "query",
    [
        "category=%00", "category=finance'--", "price=free&price=free", "fee=-1", "uptime=NaN", "p95=1e9", "auth=%FF",
        "provider=" + "x" * 5000, "provider=../..", "page=-1", "page=99999999999999999999", "page=%D9%A3",
        "calls=0&sort=cheapest", "calls=-5&sort=cheapest", "calls=9" + "9" * 60 + "&sort=cheapest", "calls=%D9%A3&sort=cheapest",
        "calls=1,000.5&sort=cheapest", "sort=relevance", "sort[]=x", "nocard=2", "new=", "q=%22&category=geo",
        "&".join(f"category=c{n}" for n in range(500)), "&".join(f"provider=p-{n}" for n in range(500)),
    ],
)  # fmt: skip
def test_hostile_parameters_do_no_harm(harbour: Api, visitor: FlaskClient, query: str) -> None:
    for headers in ({}, HTMX):
        assert visitor.get(f"/marketplace?{query}", headers=headers).status_code in (200, 400)
    assert visitor.get(f"/marketplace/compare?api=harbour/tides&{query}").status_code in (200, 400)


def test_a_card_says_what_was_measured_and_on_how_many_calls(harbour: Api, body: Read) -> None:
    page = body("/marketplace?provider=harbour")
    assert "up <b>99.99%</b>" in page
    assert "p95 <b>182 ms</b>" in page
    assert "<b>12,345</b>" in page
    assert "Calls per day in the last 30 days" in page
    assert "Verified" in page
    assert "New<" in page
    assert "Free tier" in page


def test_a_card_without_calls_or_with_few_claims_nothing(harbour: Api, body: Read) -> None:
    assert "No calls yet, so nothing is measured" in body("/marketplace?provider=plain")
    with transaction(SYSTEM):
        facts.note([harbour.id], [measured(harbour.id, 7)])
    page = body("/marketplace?provider=harbour")
    assert "7 calls so far: too few to judge" in page
    assert "100%" not in page


def test_cheapest_at_my_volume_says_what_it_ranked_by(harbour: Api, body: Read) -> None:
    page = body("/marketplace?sort=cheapest&calls=50000")
    assert "€29.00 a month" in page
    assert "at 50,000 calls with Pro" in page
    assert "No plan serves 50,000 calls a month" in page
    assert page.index("Tides") < page.index(">Dull<")
    assert 'value="50000"' in page


def test_nothing_found_says_what_to_do_next(harbour: Api, body: Read) -> None:
    page = body("/marketplace?q=tides&category=other&p95=300")
    assert "Nothing matches “tides”" in page
    assert "Without “Other”: 1 API" in page
    assert 'href="/marketplace?q=tides&amp;p95=300"' in page
    assert "Tell providers you need this" in page
    with transaction(SYSTEM) as session:
        session.execute(text("INSERT INTO catalog_words VALUES ('lighthouse', 3)"))
    near = body("/marketplace?q=lighthousez+zzzzqq")
    assert 'href="/marketplace?q=lighthouse"' in near


def test_rows_stand_above_a_large_market_that_nobody_narrowed(harbour: Api, body: Read, clock: ManualClock) -> None:
    organisation = make_organisation()
    ids = [make_api(organisation, f"Api {n:02}", published_at=clock.now()).id for n in range(30)]
    assert "Recently updated" in body("/marketplace")
    assert "Popular" not in body("/marketplace")
    growing = (0,) * 22 + (100,) * 7 + (0,)
    with transaction(SYSTEM):
        facts.note(ids[:4], [measured(i, 700) for i in ids[:4]])
        session_rows = [{"id": i, "growth": 700} for i in ids[:4]]
        db.session.execute(text("UPDATE api_facts SET growth_7d = :growth WHERE api_id = :id"), session_rows)
    assert sum(growing) == 700
    page = body("/marketplace")
    assert "Popular" in page
    assert "Rising this week" in page
    for narrowed in ("?q=api", "?category=geo", "?page=2", "?sort=name"):
        assert "Recently updated" not in body(f"/marketplace{narrowed}")


def test_growth_compares_whole_weeks() -> None:
    assert measured(1, 5).growth_7d == 0  # today alone is no week
    found = measured(1, 0)
    weeks = type(found)(1, 0, 0, 0, 0, None, (0,) * 15 + (1,) * 7 + (3,) * 7 + (99,), found.asof)
    assert weeks.growth_7d == 14


def test_a_subscriber_sees_that_they_have_it_and_others_do_not(
    harbour: Api, cleo: User, at_cleo: FlaskClient, body: Read, clock: ManualClock
) -> None:
    with scoped(SYSTEM):
        organisation_id = db.session.scalar(
            text("SELECT organisation_id FROM memberships WHERE user_id = :u"), {"u": cleo.id}
        )
        from portal.identity.models import Organisation

        organisation = db.session.get(Organisation, organisation_id)
        assert organisation is not None
    account = make_account(organisation)
    plan, price = make_plan(harbour, "team")
    make_subscription(account, plan, price, clock.now())
    assert "You are subscribed" in at_cleo.get("/marketplace").get_data(as_text=True)
    assert "You are subscribed" not in body("/marketplace")


# ---- layout ----------------------------------------------------------------------------------------------------------------


def test_the_layout_is_kept_in_a_cookie_without_scripts(harbour: Api, visitor: FlaskClient) -> None:
    assert 'class="lattice mt-4"' in visitor.get("/marketplace").get_data(as_text=True)
    answer = visitor.post("/marketplace/view", data={"view": "list", "next": "/marketplace?category=geo"})
    assert (answer.status_code, answer.location) == (303, "/marketplace?category=geo")
    page = visitor.get("/marketplace")
    assert 'class="rows mt-4"' in page.get_data(as_text=True)
    assert {"Cookie", "HX-Request"} <= set(page.headers["Vary"].replace(" ", "").split(","))
    assert visitor.post("/marketplace/view", data={"view": "<b>"}).status_code == 400
    away = visitor.post("/marketplace/view", data={"view": "grid", "next": "https://evil.example"})
    assert away.location == "/marketplace"
    visitor.set_cookie("view", "<script>")
    assert 'class="lattice mt-4"' in visitor.get("/marketplace").get_data(as_text=True)


# ---- saved -----------------------------------------------------------------------------------------------------------------


def test_saving_and_forgetting_with_a_plain_form(harbour: Api, at_cleo: FlaskClient) -> None:
    assert "Nothing saved yet" in at_cleo.get("/saved").get_data(as_text=True)
    for _twice in range(2):
        answer = at_cleo.post(f"/saved/{harbour.id}", data={"next": "/marketplace?q=tides"})
        assert (answer.status_code, answer.location) == (303, "/marketplace?q=tides")
    page = at_cleo.get("/saved").get_data(as_text=True)
    assert page.count("Tides</a>") == 1
    assert 'aria-pressed="true"' in at_cleo.get("/marketplace").get_data(as_text=True)
    for _twice in range(2):
        assert at_cleo.post(f"/saved/{harbour.id}/removal").status_code == 303
    assert "Nothing saved yet" in at_cleo.get("/saved").get_data(as_text=True)


def test_a_star_pressed_with_htmx_comes_back_as_it_stands_on_the_card(harbour: Api, at_cleo: FlaskClient) -> None:
    fields = {"next": "/marketplace", "name": "Tides"}
    star = at_cleo.post(f"/saved/{harbour.id}", data=fields, headers=HTMX).get_data(as_text=True)
    assert 'data-announce="Tides saved"' in star
    page = at_cleo.get("/marketplace").get_data(as_text=True)
    ids = re.findall(r' id="(star-[^"]+)"', page)
    assert len(ids) == len(set(ids)) > 2, "an API stands in several rows"
    name = f"star-{harbour.id}"
    on_card = region(at_cleo.get("/marketplace").get_data(as_text=True), name)
    assert region(star, name).replace(' data-announce="Tides saved"', "") == on_card
    gone = at_cleo.post(f"/saved/{harbour.id}/removal", data=fields, headers=HTMX).get_data(as_text=True)
    assert 'aria-pressed="false"' in gone


def test_what_one_person_saves_nobody_else_sees(harbour: Api, at_cleo: FlaskClient, dan: FlaskClient) -> None:
    at_cleo.post(f"/saved/{harbour.id}")
    assert "Nothing saved yet" in dan.get("/saved").get_data(as_text=True)
    dan.post(f"/saved/{harbour.id}/removal")
    assert "Tides" in at_cleo.get("/saved").get_data(as_text=True)


def test_a_stranger_is_led_to_sign_in_and_what_does_not_exist_is_not_saved(
    harbour: Api, visitor: FlaskClient, at_cleo: FlaskClient
) -> None:
    assert visitor.get("/saved").location == "/login?next=/saved"
    assert visitor.post(f"/saved/{harbour.id}").location.startswith("/login")
    assert visitor.post(f"/saved/{harbour.id}", headers=HTMX).status_code == 401
    page = visitor.get("/marketplace?q=tides").get_data(as_text=True)
    assert re.search(
        r'<form id="keep" method="get" action="/login"><input [^>]*name="next" value="/marketplace\?q=tides">', page
    )
    assert re.search(r'<button type="submit" form="keep"[^>]*>.*Save.*Tides', page)
    draft = make_api(make_organisation(), "Draft", state="draft")
    for api_id in (draft.id, 10**12, 2**64):
        assert at_cleo.post(f"/saved/{api_id}").status_code == 404
    assert at_cleo.get(f"/saved/{harbour.id}").status_code == 405
    assert at_cleo.post(f"/saved/{harbour.id}", form_token=False).status_code in (400, 403)


def test_the_shelf_of_saved_apis_has_an_end_and_keeps_what_left_the_market(
    harbour: Api, cleo: User, at_cleo: FlaskClient
) -> None:
    at_cleo.post(f"/saved/{harbour.id}")
    with transaction(SYSTEM) as session:
        session.execute(text("UPDATE apis SET state = 'retired' WHERE id = :id"), {"id": harbour.id})
    assert "Nothing saved yet" in at_cleo.get("/saved").get_data(as_text=True)
    with transaction(SYSTEM) as session:
        session.execute(text("UPDATE apis SET state = 'published' WHERE id = :id"), {"id": harbour.id})
        session.execute(
            text("""
            INSERT INTO apis (organisation_id, slug, name) SELECT organisation_id, 'fill-' || n, 'Fill'
            FROM apis, generate_series(1, :n) n WHERE id = :id
        """),
            {"id": harbour.id, "n": MOST_SAVED},
        )
        session.execute(
            text("INSERT INTO saved_apis SELECT :who, id, now() FROM apis WHERE name = 'Fill' LIMIT :n"),
            {"who": cleo.id, "n": MOST_SAVED - 1},
        )
    other = make_api(make_organisation(), "One more")
    answer = at_cleo.post(f"/saved/{other.id}", follow_redirects=True).get_data(as_text=True)
    assert "which is the most" in answer


# ---- comparison ------------------------------------------------------------------------------------------------------------


def test_apis_stand_side_by_side_with_costs_at_a_volume(harbour: Api, body: Read) -> None:
    page = body("/marketplace/compare?api=harbour/tides&api=plain/dull&calls=50,000")
    assert re.search(r"<b>€29\.00</b> with Pro", page)
    assert "refuses some of them" in page
    assert "99.99%" in page
    assert "of 12,345 calls" in page
    assert "API key" in page
    assert page.count("Not measured yet") == 3
    assert "No plan serves so many calls" in page
    assert 'href="/marketplace/compare?api=plain/dull&amp;calls=50000"' in page.replace("%2F", "/")


def test_a_comparison_leaves_out_what_is_not_there_and_says_so(harbour: Api, body: Read) -> None:
    make_api(make_organisation("Secret", "secret"), "Draft", slug="draft", state="draft")
    page = body("/marketplace/compare?api=harbour/tides&api=nobody/nothing&api=secret/draft&api=<b>&api=harbour/tides")
    assert "2 of the APIs in this address are not in the market" in page
    assert "Draft" not in page
    assert 'data-announce="1 API compared"' in page
    for n in range(5):
        make_api(make_organisation("", f"many-{n}"), f"Many {n}", slug=f"api-{n}")
    many = body("/marketplace/compare?" + "&".join(f"api=many-{n}/api-{n}" for n in range(5)))
    assert "the others were left out" in many
    assert "Many 3" in many
    assert "Many 4" not in many
    assert "Nothing to compare" in body("/marketplace/compare")


def test_the_comparison_as_a_fragment_equals_its_region(harbour: Api, visitor: FlaskClient) -> None:
    url = "/marketplace/compare?api=harbour/tides&api=plain/dull"
    page, part = visitor.get(url), visitor.get(url, headers=HTMX)
    assert region(page.get_data(as_text=True), "comparison") == region(part.get_data(as_text=True), "comparison")
    assert visitor.post(url).status_code == 405


# ---- wishes ----------------------------------------------------------------------------------------------------------------


def gaps_of(*_: Any) -> list[tuple[str, int]]:
    with scoped(SYSTEM) as session:
        return [
            (r[0], r[1]) for r in session.execute(text("SELECT words, count(*) FROM search_gaps GROUP BY 1 ORDER BY 1"))
        ]


def test_a_wish_counts_once_a_day_per_person_however_it_is_written(
    app: Flask, visitor: FlaskClient, at_cleo: FlaskClient, clock: ManualClock
) -> None:
    for words in ("Tide tables", " TIDE   tables! ", "tide-tables"):
        assert visitor.post("/marketplace/search-gaps", data={"words": words}).status_code == 303
    assert gaps_of() == [("tide tables", 1)]
    at_cleo.post("/marketplace/search-gaps", data={"words": "tide tables"})
    assert gaps_of() == [("tide tables", 2)]
    clock.set(clock.now().replace(day=11))
    visitor.post("/marketplace/search-gaps", data={"words": "tide tables"})
    assert gaps_of() == [("tide tables", 3)]
    with scoped(SYSTEM) as session:
        kept = session.execute(text("SELECT who FROM search_gaps")).scalars().all()
    assert all(len(bytes(who)) == 32 for who in kept)


def test_a_wish_without_words_is_asked_again(app: Flask, visitor: FlaskClient) -> None:
    answer = visitor.post("/marketplace/search-gaps", data={"words": " !? "}, headers=HTMX)
    assert answer.status_code == 422
    assert "Write at least one word" in answer.get_data(as_text=True)
    assert visitor.post("/marketplace/search-gaps", data={"words": "\x00" * 9}).status_code == 303
    assert "Noted" in visitor.post("/marketplace/search-gaps", data={"words": "Ω tides"}, headers=HTMX).get_data(
        as_text=True
    )
    assert gaps_of() == [("ω tides", 1)]


def test_operators_read_wishes_and_nobody_else(app: Flask, visitor: FlaskClient, at_cleo: FlaskClient) -> None:
    visitor.post("/marketplace/search-gaps", data={"words": "tide tables"})
    assert visitor.get("/admin/search-gaps").location.startswith("/login")
    assert at_cleo.get("/admin/search-gaps").status_code == 403
    olive = make_user("Olive", organisation=make_organisation("Market Office", "market-office"), is_operator=True)
    page = sign_in_as(stranger(app), olive).get("/admin/search-gaps").get_data(as_text=True)
    assert "tide tables" in page
    assert "Search gaps" in page


def test_old_wishes_are_forgotten(app: Flask, visitor: FlaskClient, clock: ManualClock) -> None:
    visitor.post("/marketplace/search-gaps", data={"words": "tide tables"})
    clock.set(clock.now().replace(month=6, day=9))
    recurring.forget_old_wishes()
    assert gaps_of() == []


def test_an_import_knows_the_ways_of_authentication(kestrel: Provider, body: Read) -> None:
    from tests.catalog.conftest import document

    tree = document()
    tree["components"]["securitySchemes"] = {
        "a": {"type": "apiKey", "in": "header", "name": "X"},
        "b": {"type": "http", "scheme": "Bearer"},
        "c": {"type": "nonsense"},
    }
    kestrel.publish(tree)
    for kind in ("key", "bearer", "other"):
        assert "1 API<" in body(f"/marketplace?auth={kind}")
    assert "Nothing matches these filters" in body("/marketplace?auth=oauth2")


@pytest.mark.parametrize("tab", ["", "/pricing", "/versions", "/reliability"])
def test_every_page_of_an_api_begins_with_what_is_measured(harbour: Api, body: Read, tab: str) -> None:
    head = body(f"/marketplace/harbour/tides{tab}").partition('class="tab-links"')[0]
    said = " ".join(re.sub(r"<[^>]*>", " ", head).split())
    assert re.search(r"up 99\.99% p95 182 ms 12,345 calls in 30 days", said), said[-300:]
    unused = body(f"/marketplace/plain/dull{tab}").partition('class="tab-links"')[0]
    assert "measured" not in unused, "nothing is said where nothing was measured"
