"""A provider's own page: what it says, what was measured, who sees it, and how it is found."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.catalog import facts, farewells, operating, providers, versions
from portal.catalog.types import MeasuredFacts
from portal.db import SYSTEM, transaction
from portal.identity import members
from portal.identity import operating as identity_operating
from portal.kit.clock import ManualClock
from tests.catalog.conftest import Provider, document, stranger
from tests.factories import make_api, make_organisation, make_user
from tests.sign_in import sign_in_as

Body = Callable[[str], str]
HERE = "/marketplace/kestrel"


def describe(kestrel: Provider, **said: str | None) -> None:
    with transaction(SYSTEM):
        members.change_organisation(
            kestrel.organisation.id,
            **{"name": "Kestrel Data", "description": None, "website": None, **said},  # type: ignore[arg-type]
            actor="test",
        )


def measured(api_id: int, at: datetime, *, calls: int, failures: int = 0, p95: int | None = None) -> None:
    daily = (0,) * 28 + (calls // 2, calls - calls // 2)
    with transaction(SYSTEM):
        facts.note([api_id], [MeasuredFacts(api_id, calls, failures, calls, failures, p95, daily, at)])


def names(page: str) -> list[str]:
    return re.findall(r'<article class="api".*?<h[23]><a [^>]*>([^<]+)</a>', page, re.S)


def test_it_says_who_this_is_in_its_own_words(kestrel: Provider, body: Body) -> None:
    kestrel.publish()
    describe(
        kestrel,
        description="Rates with sources.",
        about="We **name** sources. <script>alert(1)</script> [us](javascript:alert(1))",
        website="https://www.kestrel.example/about",
        support="help@kestrel.example",
    )
    page = body(HERE)
    assert "<h1" in page
    assert "Rates with sources." in page
    assert "<strong>name</strong>" in page
    assert "<script>alert" not in page
    assert 'href="javascript:' not in page
    assert re.search(r'href="https://www.kestrel.example/about" rel="nofollow noopener ugc">kestrel.example</a>', page)
    assert 'href="mailto:help@kestrel.example"' in page
    assert "Verified" not in page
    with transaction(SYSTEM):
        identity_operating.set_verified(kestrel.organisation.id, True, actor="test", reason="papers")
    assert "Verified: we have checked who this is" in body(HERE)


def test_figures_are_those_of_all_its_listed_apis(kestrel: Provider, clock: ManualClock, body: Body) -> None:
    first, second = kestrel.publish(), kestrel.publish(slug="second")
    gone = make_api(kestrel.organisation, "Gone", state="retired")
    assert "too few calls to judge" in body(HERE)
    measured(first, clock.now(), calls=1_000, failures=5, p95=80)
    measured(second, clock.now() - timedelta(hours=20), calls=3_000, failures=0, p95=40)
    measured(gone.id, clock.now(), calls=9_000, failures=9_000, p95=900)
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body(HERE)))
    assert "4,000" in page
    assert "99.87% of 4,000 calls" in page
    assert "p95 – ms" not in page
    assert "from its quickest API to its slowest" in page


def test_p95_has_two_ends_and_counts_only_what_ranks(kestrel: Provider, clock: ManualClock, body: Body) -> None:
    first, second = kestrel.publish(), kestrel.publish(slug="second")
    measured(first, clock.now(), calls=500, p95=80)
    measured(second, clock.now(), calls=20, p95=2)
    assert "80 <small>ms</small>" in body(HERE)
    measured(second, clock.now(), calls=200, p95=20)
    assert "20 – 80 <small>ms</small>" in body(HERE)


def test_days_of_two_apis_are_added_by_date(kestrel: Provider, clock: ManualClock) -> None:
    first, second = kestrel.publish(), kestrel.publish(slug="second")
    measured(first, clock.now(), calls=100)
    measured(second, clock.now() - timedelta(days=1), calls=100)
    daily = providers.measured(kestrel.organisation.id).daily
    assert len(daily) == 30
    assert daily[-3:] == (50, 100, 50)


def test_its_apis_stand_in_the_orders_of_the_market(kestrel: Provider, clock: ManualClock, body: Body) -> None:
    for slug, calls in (("beta", 300), ("alpha", 900), ("gamma", 600)):
        measured(kestrel.publish(slug=slug, name=slug.title()), clock.now(), calls=calls, p95=calls)
        clock.advance(timedelta(days=1))
    make_api(make_organisation("Elsewhere", "elsewhere"), "Foreign")
    assert names(body(HERE)) == ["Alpha", "Gamma", "Beta"]
    assert names(body(f"{HERE}?sort=newest")) == ["Gamma", "Alpha", "Beta"]
    assert names(body(f"{HERE}?sort=name")) == ["Alpha", "Beta", "Gamma"]
    assert names(body(f"{HERE}?sort=fastest")) == ["Beta", "Gamma", "Alpha"]
    assert names(body(f"{HERE}?sort=nonsense&page=99&calls=x")) == ["Alpha", "Gamma", "Beta"]
    assert "<strong>3 APIs</strong>" in body(HERE)


def test_more_than_a_page_is_turned_over(kestrel: Provider, body: Body) -> None:
    for n in range(26):
        make_api(kestrel.organisation, f"Api {n:02}")
    page = body(f"{HERE}?sort=name")
    assert len(names(page)) == 24
    assert "sort=name&amp;page=2#apis" in page
    assert names(body(f"{HERE}?sort=name&page=2")) == ["Api 24", "Api 25"]


def test_what_changed_lately_is_told_with_its_day(kestrel: Provider, clock: ManualClock, body: Body) -> None:
    api_id = kestrel.publish()
    clock.advance(timedelta(days=3))
    newer = kestrel.import_(document(info={"title": "Exchange rates", "version": "2.0.0"}), slug="exchange-rates")
    assert "version 2.0.0" not in body(HERE)
    with transaction(SYSTEM):
        versions.publish_version(
            kestrel.organisation.id, newer.version_id, actor="t", now=clock.now(), make_default=True
        )
    page = body(HERE)
    assert page.index("version 2.0.0") < page.index("new in the market")
    clock.advance(timedelta(days=1))
    with transaction(SYSTEM):
        farewells.deprecate_api(
            kestrel.organisation.id, api_id, actor="t", now=clock.now(), sunset_at=clock.now() + timedelta(days=90)
        )
    page = body(HERE)
    assert page.index("will go after 12 Jun 2026") < page.index("version 2.0.0")
    assert "Deprecated" in page
    feed = body(f"{HERE}/versions.atom")
    told = re.findall(r"<entry>.*?<title>([^<]+)</title>", feed)
    assert told == [
        "Exchange rates: will go after 12 Jun 2026",
        "Exchange rates: version 2.0.0",
        "Exchange rates: new in the market",
    ]
    assert len(set(re.findall(r"<entry><id>([^<]+)</id>", feed))) == 3


def told(page: str, slug: str) -> str:
    """Return what a page says, without what every request has of its own and without the words of its address."""
    bare = re.sub(r"[0-9a-f]{32}|csrf[^>]*>|<meta[^>]*>", "", page)
    return bare.replace(slug, "").replace(slug.replace("-", " "), "")


def test_who_has_nothing_in_the_market_does_not_exist_for_others(
    kestrel: Provider, visitor: FlaskClient, dan: FlaskClient
) -> None:
    result = kestrel.import_()
    for reader in (visitor, dan):
        for tail in ("", "/versions.atom"):
            hidden, unknown = reader.get(HERE + tail), reader.get(f"/marketplace/nobody-at-all{tail}")
            assert hidden.status_code == unknown.status_code == 404
            assert "Kestrel Data" not in hidden.text
            assert told(hidden.text, "kestrel") == told(unknown.text, "nobody-at-all"), "the two cannot be told apart"
    own = kestrel.browser()
    page = own.get(HERE).get_data(as_text=True)
    assert "Only your organisation sees this page" in page
    assert "noindex" in page
    assert 'property="og:' not in page
    assert f"/provider/apis/{result.api_id}" not in page
    assert own.get(f"{HERE}/versions.atom").status_code == 404
    assert "Go to your APIs" in page
    assert "Go to your APIs" not in kestrel.browser("viewer").get(HERE).get_data(as_text=True)


def test_a_provider_whose_last_api_is_blocked_or_retired_is_gone(
    kestrel: Provider, clock: ManualClock, visitor: FlaskClient
) -> None:
    api_id = kestrel.publish()
    assert visitor.get(HERE).status_code == 200
    with transaction(SYSTEM):
        operating.block(api_id, reason="a complaint", actor="test", now=clock.now())
    assert visitor.get(HERE).status_code == 404
    assert "Only your organisation sees this page" in kestrel.browser().get(HERE).get_data(as_text=True)
    with transaction(SYSTEM):
        operating.release(api_id, reason="settled", actor="test", now=clock.now())
    assert visitor.get(HERE).status_code == 200


def test_a_blocked_api_is_not_on_the_page_of_a_provider_with_others(
    kestrel: Provider, clock: ManualClock, body: Body
) -> None:
    kestrel.publish(slug="good", name="Good")
    bad = kestrel.publish(slug="bad", name="Bad")
    with transaction(SYSTEM):
        operating.block(bad, reason="a complaint", actor="test", now=clock.now())
    page = body(HERE)
    assert names(page) == ["Good"]
    assert "Bad" not in page


def test_a_renamed_provider_keeps_its_address_and_is_found_by_its_new_name(kestrel: Provider, body: Body) -> None:
    kestrel.publish(slug="rates", name="Rates")
    describe(kestrel, name="Falcon Figures")
    assert "Falcon Figures" in body(HERE)
    assert "Kestrel Data" not in body(HERE)
    assert names(body("/marketplace?q=falcon")) == ["Rates"]
    assert names(body("/marketplace?q=kestrel+data")) == []


def test_a_mistyped_address_suggests_the_provider(kestrel: Provider, visitor: FlaskClient) -> None:
    kestrel.publish()
    answer = visitor.get("/marketplace/kestrell")
    assert answer.status_code == 404
    assert 'href="/marketplace/kestrel"' in answer.get_data(as_text=True)


def test_the_page_is_found_from_everywhere(kestrel: Provider, body: Body) -> None:
    kestrel.publish(slug="rates")
    link = 'href="/marketplace/kestrel"'
    for address in ("/marketplace", "/marketplace/kestrel/rates", "/marketplace?provider=kestrel"):
        assert link in body(address), address
    assert "/marketplace/kestrel</loc>" in body("/sitemap.xml")
    assert link in body("/find?q=kestrel")
    assert link not in body("/find?q=rates")
    for address in ("/marketplace?provider=kestrel", f"{HERE}?sort=name"):
        assert re.search(r'rel="canonical" href="[^"]+/marketplace/kestrel"', body(address))
    assert re.search(r'og:image" content="[^"]+/marketplace/kestrel/picture/\w+.png"', body(HERE))
    assert 'type="application/atom+xml"' in body(HERE)


def test_customers_are_in_no_list_of_providers(kestrel: Provider, body: Body) -> None:
    kestrel.publish()
    make_organisation("Secret Customer", "secret-customer")
    assert "secret-customer" not in body("/sitemap.xml")
    assert "Secret Customer" not in body("/find?q=secret")


def test_the_owner_is_led_to_what_is_missing(kestrel: Provider, app: Flask) -> None:
    kestrel.publish()
    mine = kestrel.browser().get(HERE).get_data(as_text=True)
    assert "/settings/organisation/logo" in mine
    assert "/settings/organisation" in mine
    others = sign_in_as(stranger(app), make_user("Eve", organisation=make_organisation("Else", "else")))
    assert "/settings/organisation/logo" not in others.get(HERE).get_data(as_text=True)


def test_it_speaks_german(kestrel: Provider, visitor: FlaskClient) -> None:
    kestrel.publish()
    visitor.post("/preferences/locale", data={"locale": "de"})
    page = visitor.get(HERE).get_data(as_text=True)
    assert "Letzte Änderungen" in page
    assert "neu auf dem Marktplatz" in page
    assert "Wie wird das gemessen?" in page


@pytest.mark.parametrize("slug", ["%00", "Kestrel", "k%20e", "x" * 900, "%F0%9F%A6%85"])
def test_any_address_is_answered(visitor: FlaskClient, slug: str) -> None:
    assert visitor.get(f"/marketplace/{slug}").status_code == 404


def test_the_page_asks_the_database_no_more_for_more_apis(
    kestrel: Provider, visitor: FlaskClient, statements: list[str]
) -> None:
    counts = []
    for many in (2, 12):
        for n in range(many):
            make_api(kestrel.organisation, f"Api {many} {n}")
        visitor.get(HERE)
        statements.clear()
        visitor.get(HERE)
        counts.append(len(statements))
    assert counts[0] == counts[1]
