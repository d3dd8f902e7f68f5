"""Finding over random catalogues: whatever is chosen, totals and counts are those of the dullest possible counting."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select, text

from jobs import recurring
from portal.catalog.finding import ranking, searching
from portal.catalog.finding.facets import AUTH_KINDS, DIMENSIONS, PROVIDER, toggled, without
from portal.catalog.finding.searching import PAGE_SIZE, search
from portal.catalog.finding.types import Search
from portal.catalog.models import Api
from portal.db import PUBLIC, SYSTEM, db, scoped, transaction
from portal.identity.models import Organisation
from portal.kit.clock import ManualClock
from portal.pricing.queries import list_offers_for
from portal.pricing.types import Tier
from portal.pricing.volumes import cheapest_of, quote
from tests.conftest import START
from tests.factories import make_api, make_organisation, make_plan

WORDS = ("harbour", "tide", "lantern", "ferry")
CATEGORIES = ("finance", "geo", "media")


def random_market(chance: random.Random, size: int = 60) -> None:
    providers = [make_organisation(f"Provider {n}", f"provider-{n}") for n in range(4)]
    for n in range(size):
        measured = chance.random() < 0.6
        make_api(
            chance.choice(providers),
            f"{chance.choice(WORDS).title()} {n}",
            state=chance.choices(["published", "deprecated", "draft", "retired"], [8, 1, 1, 1])[0],
            summary=" ".join(chance.sample(WORDS, 2)),
            category=chance.choice(CATEGORIES),
            has_free=chance.random() < 0.5,
            has_paid=chance.random() < 0.5,
            no_card=chance.random() < 0.3,
            metered=chance.random() < 0.3,
            monthly_fee=chance.choice([None, 0, 900, 1000, 4999, 20_001]),
            auth=chance.sample(AUTH_KINDS[:3], chance.randint(0, 2)),
            uptime_ppm=chance.choice([999_950, 999_000, 990_000, 500_000]) if measured else None,
            p95_ms=chance.choice([40, 100, 299, 301, 5000]) if measured else None,
            is_new=chance.random() < 0.3,
            calls_30d=chance.choice([0, 0, 5, 700, 90_000]),
            published_at=START - timedelta(minutes=chance.randint(0, 10_000)),
        )
    with transaction(SYSTEM) as session:
        session.execute(text("UPDATE organisations SET is_verified = true WHERE slug IN ('provider-1', 'provider-2')"))
        _shake(session, chance)


def _shake(session: Any, chance: random.Random) -> None:
    """Change, retire and remove some, one by one and together, so that the shelf has to keep up."""
    ids = list(session.scalars(select(Api.id)))
    for api_id in chance.sample(ids, 10):
        values = {"id": api_id, "category": chance.choice(CATEGORIES), "p95": chance.choice([None, 90, 400])}
        session.execute(text("UPDATE apis SET category = :category, p95_ms = :p95 WHERE id = :id"), values)
    session.execute(text("UPDATE apis SET state = 'retired' WHERE id = ANY (:ids)"), {"ids": chance.sample(ids, 4)})
    session.execute(text("DELETE FROM apis WHERE id = ANY (:ids)"), {"ids": chance.sample(ids, 3)})
    session.execute(text("UPDATE apis SET is_new = NOT is_new"))


def everything() -> list[tuple[Api, str]]:
    with scoped(SYSTEM) as session:
        rows = session.execute(
            select(Api, Organisation.slug)
            .join(Organisation, Organisation.id == Api.organisation_id)
            .where(Api.state.in_(("published", "deprecated")))
        ).all()
        for api, _slug in rows:
            db.session.refresh(api, ["facets"])
        return [(api, slug) for api, slug in rows]


def fits(api: Api, provider: str, wanted: Search) -> bool:
    """The definition, written out by hand."""
    tests = {
        "category": lambda value: api.category == value,
        "price": lambda value: {"free": api.has_free, "paid": api.has_paid, "metered": api.metered}[value],
        "fee": lambda value: api.monthly_fee is not None and api.monthly_fee <= int(value) * 100,
        "nocard": lambda _value: api.no_card,
        "verified": lambda _value: provider in ("provider-1", "provider-2"),
        "new": lambda _value: api.is_new,
        "uptime": lambda value: api.uptime_ppm is not None and api.uptime_ppm >= Decimal(value) * 10_000,
        "p95": lambda value: api.p95_ms is not None and api.p95_ms <= int(value),
        "auth": lambda value: value in api.auth,
        "provider": lambda value: provider == value,
    }
    words = wanted.text.split()
    return all(word in f"{api.name} {api.summary}".lower() for word in words) and all(
        any(tests[name](value) for value in chosen) for name, chosen in wanted.filters.items()
    )


def count(wanted: Search, apis: list[tuple[Api, str]]) -> int:
    return sum(fits(api, provider, wanted) for api, provider in apis)


def random_search(chance: random.Random) -> Search:
    wanted = Search(text=" ".join(chance.sample(WORDS, chance.choice([0, 0, 1, 2]))))
    for name in chance.sample(list(DIMENSIONS), chance.choice([0, 1, 2, 3, 4, len(DIMENSIONS)])):
        values = DIMENSIONS[name].values or ("provider-0", "provider-1", "provider-3", "nobody")
        values = CATEGORIES if name == "category" else values
        for _times in range(chance.randint(1, 2) if DIMENSIONS[name].is_multiple else 1):
            wanted = replace(wanted, filters=toggled(wanted.filters, name, chance.choice(values)))
    sort = chance.choice([*(["relevance"] if wanted.text else []), "used", "newest", "name", "fastest", "reliable"])
    return replace(wanted, sort=sort)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(6))
def test_totals_and_counts_are_those_of_naive_counting(app: Flask, seed: int) -> None:
    chance = random.Random(seed)
    random_market(chance)
    apis = everything()
    for _search in range(25):
        wanted = random_search(chance)
        with scoped(PUBLIC):
            found = search(wanted)
        assert found.total == count(wanted, apis), wanted
        for name, values in found.facets.items():
            left_open = replace(wanted, filters=without(wanted.filters, name))
            for value in values:
                alone = replace(left_open, filters={**left_open.filters, name: (value.value,)})
                assert value.count == count(alone, apis), (wanted, name, value)
        if wanted.filters and not found.total:
            expected = {
                name: count(replace(wanted, filters=without(wanted.filters, name)), apis) for name in wanted.filters
            }
            assert found.relaxed == expected, wanted
        everybody = {
            slug for api, slug in apis if fits(api, slug, replace(wanted, filters=without(wanted.filters, PROVIDER)))
        }
        assert {value.value for value in found.facets[PROVIDER] if value.count} <= everybody
        if PROVIDER not in wanted.filters and found.total:
            assert {value.value for value in found.facets[PROVIDER]} == everybody


def test_every_facet_can_be_chosen_at_once_and_be_left_open_again(app: Flask) -> None:
    """The listings lie in three blocks of the shelf; the middle one has none of some marks, the last one fits alone."""
    provider = make_organisation("Provider 1", "provider-1")
    marked = {
        "has_free": True,
        "no_card": True,
        "monthly_fee": 900,
        "is_new": True,
        "uptime_ppm": 999_950,
        "p95_ms": 90,
    }
    with transaction(SYSTEM) as session:
        session.execute(text("UPDATE organisations SET is_verified = true"))
    make_api(provider, "Near", category="geo", auth=["key"], **{**marked, "is_new": False})
    begin_a_block(provider)
    make_api(provider, "Bare", category="geo")
    begin_a_block(provider)
    fitting = make_api(provider, "Far", category="geo", auth=["key"], **marked)
    filters = {
        "category": ("geo", "media"), "price": ("free",), "fee": ("10",), "nocard": ("1",), "verified": ("1",),
        "new": ("1",), "uptime": ("99.9",), "p95": ("100",), "auth": ("key", "basic"),
    }  # fmt: skip
    with scoped(PUBLIC):
        found = search(Search(filters=filters, sort="used"))
        nothing = search(Search(filters={**filters, "auth": ("mtls",)}))
    assert ([card.id for card in found.cards], found.total) == ([fitting.id], 1)
    assert found.relaxed == {name: 2 if name == "new" else 1 for name in filters}
    assert {name: {value.value: value.count for value in values if value.count} for name, values in found.facets.items()} == {
        "category": {"geo": 1}, "price": {"free": 1}, "fee": {"10": 1, "50": 1, "200": 1}, "nocard": {"1": 1},
        "verified": {"1": 1}, "new": {"1": 1}, "uptime": {"99.99": 1, "99.9": 1, "99": 1},
        "p95": {"100": 1, "300": 1, "1000": 1}, "auth": {"key": 1}, "provider": {"provider-1": 1},
    }  # fmt: skip
    assert (nothing.cards, nothing.total) == ([], 0)
    assert nothing.relaxed == {name: 1 if name == "auth" else 0 for name in filters}


def begin_a_block(provider: Organisation) -> None:
    """Use up as many ids as a row of the shelf holds; a number that was given is not given again."""
    with transaction(SYSTEM) as session:
        session.execute(
            text("""
                INSERT INTO apis (organisation_id, slug, name, state)
                SELECT :id, 'api-' || n, 'Draft', 'draft' FROM generate_series(1, 4096) n
            """),
            {"id": provider.id},
        )
        session.rollback()


@pytest.mark.parametrize("from_facets", [False, True])
def test_pages_go_through_everything_once_in_order_whichever_way_is_taken(app: Flask, from_facets: bool) -> None:
    # With many drafts and few that fit, starting from the facets reads less; with few drafts, walking the order does.
    random_market(random.Random(11), 400 if from_facets else 90)
    apis = everything()
    keys = {
        "used": lambda api: (-api.calls_30d, -api.id),
        "newest": lambda api: (-api.published_at.timestamp(), -api.id),
        "name": lambda api: (api.name.lower(), api.id),
        "fastest": lambda api: (api.p95_ms is None, api.p95_ms or 0, -api.calls_30d, -api.id),
        "reliable": lambda api: (api.uptime_ppm is None, -(api.uptime_ppm or 0), -api.calls_30d, -api.id),
    }
    for sort, key in keys.items():
        for filters in (
            {},
            {"category": ("finance", "geo")},
            {"price": ("free",), "new": ("1",)},
            {"provider": ("provider-1",)},
        ):
            wanted = Search(filters=filters, sort=sort)  # type: ignore[arg-type]
            expected = [api.id for api, slug in sorted(apis, key=lambda pair: key(pair[0])) if fits(api, slug, wanted)]
            seen: list[int] = []
            for page in range(1, 20):
                with scoped(PUBLIC):
                    seen += [card.id for card in search(replace(wanted, page=page)).cards]
            assert seen == expected, (sort, filters)
    assert PAGE_SIZE < 90


def test_the_shelf_is_right_after_any_change(app: Flask) -> None:
    chance = random.Random(3)
    random_market(chance)
    with transaction(SYSTEM) as session:
        _shake(session, chance)
    with scoped(SYSTEM) as session:
        wrong = session.execute(
            text("""
                WITH shelved AS (
                    SELECT block * 4096 + bit AS id, facet FROM catalog_shelf, generate_series(0, 4095) AS bit
                    WHERE get_bit(bits, bit) = 1
                ), true_ones AS (
                    SELECT id, facet FROM apis, unnest(array_prepend('', facets)) AS facet
                    WHERE state IN ('published', 'deprecated')
                )
                (SELECT * FROM shelved EXCEPT SELECT * FROM true_ones)
                UNION ALL (SELECT * FROM true_ones EXCEPT SELECT * FROM shelved)
            """)
        ).all()
    assert wrong == []


@pytest.fixture
def priced(app: Flask) -> random.Random:
    """A market with every kind of price."""
    chance = random.Random(5)
    provider = make_organisation("Provider", "provider")
    for n in range(40):
        api = make_api(provider, f"Api {n}", published_at=START)
        for code in range(chance.randint(0, 2)):
            make_plan(api, f"plan-{code}", **random_price(chance))
    return chance


def random_price(chance: random.Random) -> dict[str, Any]:
    price: dict[str, Any] = {
        "amount": chance.choice([0, 900, 2900, 19_900]),
        "included_quantity": chance.choice([None, 0, 500, 10_000, 2_000_000]),
        "interval": chance.choice(["month", "month", "year", "week"]),
    }
    model = chance.choice([None, "per_unit", "package", "volume"])
    if model == "volume":
        tiers = [Tier(Decimal(chance.choice([900, 60_000])), Decimal("0.5"), 100), Tier(None, Decimal("0.1"))]
        price |= {"usage_model": model, "tiers": tiers}
    elif model:
        price |= {"usage_model": model, "unit_amount": Decimal(chance.choice(["0.002", "0.4", "30"]))}
    return price | ({"package_size": 1000} if model == "package" else {})


@pytest.mark.parametrize("volume", [1, 700, 10_000, 99_999, 3_000_000, 10**12])
@pytest.mark.parametrize("known", ["nothing", "the least", "everything"])
def test_cheapest_first_is_exact_whatever_is_known_of_the_least_prices(
    priced: random.Random, volume: int, known: str
) -> None:
    if known != "nothing":
        assert recurring.tidy_the_market() == "40 priced, 0 no longer new"
        assert recurring.tidy_the_market() == "0 priced, 0 no longer new"
    if known == "the least":  # as an upgrade leaves it
        with transaction(SYSTEM) as session:
            session.execute(text("UPDATE apis SET price_lines = NULL"))
    with scoped(SYSTEM) as session:
        apis = session.execute(select(Api.id, Api.product_id)).all()
        offers = list_offers_for([product for _id, product in apis])
    quotes = {api_id: cheapest_of(quote(offer, volume) for offer in offers[product]) for api_id, product in apis}
    costs = {api_id: cost.exact for api_id, cost in quotes.items() if cost}
    expected = sorted((api_id for api_id, _product in apis), key=lambda i: (i not in costs, costs.get(i, 0), i))
    with scoped(PUBLIC):
        pages = [search(Search(sort="cheapest", volume=volume, page=page)) for page in (1, 2)]
    assert [card.id for page in pages for card in page.cards] == expected
    assert {i: cost.exact for page in pages for i, cost in page.costs.items()} == costs


@pytest.mark.usefixtures("priced")
@pytest.mark.parametrize("words", ["", "api"], ids=["browsed", "searched"])
def test_cheapest_first_is_the_same_however_few_lines_are_read_at_first(
    words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recurring.tidy_the_market()
    wished = [
        Search(text=words, sort="cheapest", volume=volume, page=page) for volume in (700, 99_999) for page in (1, 2)
    ]

    def found() -> list[tuple[list[int], dict[int, Any]]]:
        with scoped(PUBLIC):
            pages = [search(wish) for wish in wished]
        return [([card.id for card in page.cards], page.costs) for page in pages]

    at_once = found()
    assert [len(ids) for ids, _costs in at_once] == [PAGE_SIZE, 40 - PAGE_SIZE] * 2
    monkeypatch.setattr(ranking, "FIRST_READ", 3)
    assert found() == at_once


def test_a_provider_with_more_apis_than_are_counted_says_so(app: Flask) -> None:
    provider = make_organisation("Large", "large")
    with transaction(SYSTEM) as session:
        session.execute(
            text("""
                INSERT INTO apis (organisation_id, slug, name, state, published_at)
                SELECT :id, 'api-' || n, 'Harbour ' || n, 'published', now() FROM generate_series(1, 10001) n
            """),
            {"id": provider.id},
        )
    with scoped(PUBLIC):
        found = search(Search(filters={PROVIDER: ("large",)}))
        assert (found.total, found.is_capped, found.cap) == (10_000, True, 10_000)
        spoken = search(Search(text="harbour", filters={PROVIDER: ("large",)}, sort="relevance"))
        assert (spoken.total, spoken.is_capped, spoken.cap) == (1_000, True, 1_000)
        everything = search(Search())
        assert (everything.total, everything.is_capped) == (10_001, False)


def test_among_equal_costs_the_lower_id_comes_first_also_when_it_looked_dearer(app: Flask) -> None:
    """Packages are bounded by a straight line: looked at before a flat price, they cost as much where one is begun."""
    provider = make_organisation()
    flat, packages = make_api(provider, "Flat"), {"usage_model": "package", "package_size": 10_000}
    make_plan(flat, amount=800, included_quantity=None)
    for n in range(PAGE_SIZE + ranking.FIRST_LOOK):  # as many as are looked at first
        api = make_api(provider, f"Packages {n}")
        make_plan(api, amount=0, included_quantity=None, unit_amount=Decimal(400), **packages)
    recurring.tidy_the_market()
    with scoped(PUBLIC):
        found = search(Search(sort="cheapest", volume=10_001))
    assert {cost.monthly.amount for cost in found.costs.values()} == {800}
    assert found.cards[0].id == flat.id


def test_few_are_priced_also_in_the_middle_of_a_range(app: Flask) -> None:
    """All cost as little where the range begins; at the volume their prices per call tell them apart."""
    provider, size = make_organisation(), 3 * (PAGE_SIZE + ranking.FIRST_LOOK)
    apis = [make_api(provider, f"Api {n}") for n in range(size)]
    for n, api in enumerate(apis):
        unit = Decimal(size - n) / 100
        make_plan(api, amount=900, included_quantity=10_000, usage_model="per_unit", unit_amount=unit)
    recurring.tidy_the_market()
    reads: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *args: reads.append(args[2]))
    with scoped(PUBLIC):
        found = search(Search(sort="cheapest", volume=55_555))
    assert [card.id for card in found.cards] == [api.id for api in reversed(apis[-PAGE_SIZE:])]
    assert sum("FROM prices" in read for read in reads) == 1  # nobody beyond the first look


def test_a_price_change_is_ranked_at_once(app: Flask) -> None:
    provider = make_organisation()
    dear, cheap = make_api(provider, "Dear"), make_api(provider, "Cheap")
    make_plan(dear, amount=9900)
    make_plan(cheap, amount=900)
    recurring.tidy_the_market()
    with scoped(PUBLIC):
        assert [card.id for card in search(Search(sort="cheapest")).cards] == [cheap.id, dear.id]
    make_plan(dear, "free", amount=0)
    with scoped(PUBLIC):
        assert [card.id for card in search(Search(sort="cheapest")).cards] == [dear.id, cheap.id]


def test_a_listing_stops_being_new_after_thirty_days(app: Flask, clock: ManualClock) -> None:
    make_api(make_organisation(), "Young", is_new=True, published_at=clock.now())
    clock.advance(timedelta(days=30) - timedelta(seconds=1))
    recurring.tidy_the_market()
    assert search(Search(filters={"new": ("1",)})).total == 1
    clock.advance(timedelta(seconds=1))
    recurring.tidy_the_market()
    assert search(Search(filters={"new": ("1",)})).total == 0
    assert searching.CAP == 1000
