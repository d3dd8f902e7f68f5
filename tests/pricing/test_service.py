"""Publishing prices: versions, immutability, and what is for sale."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import DBAPIError

from portal.db import PUBLIC, SYSTEM, db, scoped, transaction
from portal.pricing.errors import InvalidPlan, InvalidTerms, PlanCodeTaken, UnknownPlan, UnknownPrice
from portal.pricing.models import Price, PriceTier
from portal.pricing.queries import (
    find_offer_by_stripe_price,
    get_offer,
    get_offer_of_price,
    list_offers,
    list_offers_for,
)
from portal.pricing.service import create_plan, create_product, publish_price, set_stripe_price_id, withdraw_plan
from portal.pricing.types import PriceTerms, Tier

PRO = PriceTerms(
    amount=2900, currency="eur", included_quantity=10_000, usage_model="per_unit", unit_amount=Decimal("0.4")
)
TIERED = PriceTerms(
    amount=0,
    currency="eur",
    usage_model="graduated",
    tiers=(Tier(Decimal(1000), Decimal(0)), Tier(None, Decimal("0.5"), 250)),
)
TOO_MANY = (*(Tier(Decimal(n), Decimal(1)) for n in range(1, 22)), Tier(None, Decimal(1)))
FREE = PriceTerms(amount=0, currency="eur", included_quantity=1000)


@pytest.fixture
def product_id(app: Flask) -> int:
    with transaction(SYSTEM):
        return create_product(1, "Rates")


@pytest.fixture
def plan_id(product_id: int) -> int:
    with transaction(SYSTEM):
        return create_plan(product_id, "pro", "Pro", requests_per_minute=600, highlights=["Mail support"])


def publish(plan_id: int, terms: PriceTerms) -> int:
    with transaction(SYSTEM):
        return publish_price(plan_id, terms)


@pytest.mark.parametrize("terms", [PRO, TIERED, FREE], ids=["overage", "tiers", "free"])
def test_what_was_published_is_what_is_offered_to_anybody(plan_id: int, terms: PriceTerms) -> None:
    price_id = publish(plan_id, terms)
    with scoped(PUBLIC):
        offer = get_offer(plan_id)
    assert offer is not None
    assert (offer.price_id, offer.terms, offer.product_name) == (price_id, terms, "Rates")
    assert (offer.name, offer.highlights, offer.requests_per_minute) == ("Pro", ("Mail support",), 600)


def test_a_plan_without_a_price_is_not_for_sale(plan_id: int, product_id: int) -> None:
    assert get_offer(plan_id) is None
    assert list_offers(product_id) == []
    assert list_offers_for([]) == {}


def test_a_changed_price_is_a_new_version_and_the_old_one_stays_readable(plan_id: int) -> None:
    old = publish(plan_id, PRO)
    new = publish(plan_id, replace(PRO, amount=3900))
    assert new != old
    assert get_offer_of_price(old).terms.amount == 2900
    offer = get_offer(plan_id)
    assert offer is not None
    assert offer.terms.amount == 3900
    versions = db.session.execute(select(Price.version, Price.active).order_by(Price.version)).all()
    assert [tuple(row) for row in versions] == [(1, False), (2, True)]


def test_publishing_the_price_in_force_again_changes_nothing(plan_id: int) -> None:
    assert publish(plan_id, TIERED) == publish(plan_id, TIERED)
    assert len(db.session.scalars(select(Price.id)).all()) == 1


def test_publishing_at_once_leaves_one_price_in_force(app: Flask, plan_id: int) -> None:
    start = Barrier(5)

    def one(n: int) -> int:
        with app.app_context():
            start.wait(10)
            return publish(plan_id, replace(PRO, amount=1000 + n))

    with ThreadPoolExecutor(5) as pool:
        ids = set(pool.map(one, range(5)))
    assert len(ids) == 5
    rows = db.session.execute(select(Price.version, Price.active)).all()
    assert sorted(row.version for row in rows) == [1, 2, 3, 4, 5]
    assert [row.version for row in rows if row.active] == [5]


def test_prices_in_two_currencies_live_side_by_side(plan_id: int) -> None:
    publish(plan_id, PRO)
    publish(plan_id, replace(PRO, currency="usd", amount=3200))
    euro, dollar, yen = (get_offer(plan_id, code) for code in ("eur", "usd", "jpy"))
    assert euro is not None
    assert dollar is not None
    assert (euro.terms.amount, dollar.terms.amount, yen) == (2900, 3200, None)


def test_a_product_is_shown_in_euros_first_and_else_in_what_it_is_sold_in(product_id: int) -> None:
    small, large, free = (_plan(product_id, code, n) for n, code in enumerate(("small", "large", "free")))
    publish(free, replace(PRO, amount=0, usage_model=None, unit_amount=None))
    publish(small, replace(PRO, currency="usd", amount=900))
    publish(large, replace(PRO, currency="usd", amount=9_900))
    publish(large, replace(PRO, currency="gbp", amount=8_900))
    assert _shown(product_id) == [("large", "gbp", 8_900), ("free", "gbp", 0)]
    publish(small, replace(PRO, amount=800))
    assert _shown(product_id) == [("small", "eur", 800), ("free", "eur", 0)]
    one, none = get_offer(small), get_offer(large)
    assert one is not None
    assert (one.terms.amount, none) == (800, None)


def test_offers_come_in_the_provider_s_order(product_id: int) -> None:
    other = _plan_elsewhere()
    for code, position, amount in (("big", 2, 9900), ("small", 1, 900), ("free", 0, 0)):
        with transaction(SYSTEM):
            publish_price(create_plan(product_id, code, code.title(), position=position), PriceTerms(amount, "eur"))
    publish(other, PRO)
    assert [offer.code for offer in list_offers(product_id)] == ["free", "small", "big"]
    many = list_offers_for([product_id, 999_999])
    assert [offer.code for offer in many[product_id]] == ["free", "small", "big"]
    assert many[999_999] == []


def test_a_withdrawn_plan_is_not_sold_but_its_subscribers_still_read_it(plan_id: int) -> None:
    price_id = publish(plan_id, PRO)
    with transaction(SYSTEM):
        withdraw_plan(plan_id)
    assert get_offer(plan_id) is None
    assert get_offer_of_price(price_id).terms == PRO


def test_the_first_provider_id_of_a_price_stays(plan_id: int) -> None:
    price_id = publish(plan_id, PRO)
    with transaction(SYSTEM):
        assert set_stripe_price_id(price_id, "price_1") == "price_1"
        assert set_stripe_price_id(price_id, "price_2") == "price_1"
        with pytest.raises(UnknownPrice):
            set_stripe_price_id(price_id + 1, "price_3")
    found = find_offer_by_stripe_price("price_1")
    assert found is not None
    assert found.price_id == price_id
    assert find_offer_by_stripe_price("price_2") is None


@pytest.mark.parametrize(
    "change",
    [
        update(Price).values(amount=1),
        update(Price).values(currency="usd"),
        update(Price).values(included_quantity=5),
        update(Price).values(stripe_price_id="price_2"),
        update(Price).values(stripe_price_id=None),
        update(PriceTier).values(unit_amount=0),
        delete(PriceTier),
        delete(Price),
        insert(PriceTier).values(price_id=1, ordinal=9, up_to=50, unit_amount=0),
    ],
    ids=str,
)  # fmt: skip
def test_the_database_itself_keeps_a_price_as_it_was_agreed(plan_id: int, change: object) -> None:
    price_id = publish(plan_id, TIERED)
    with transaction(SYSTEM):
        set_stripe_price_id(price_id, "price_1")
    with pytest.raises(DBAPIError, match="immutable"), transaction(SYSTEM) as session:
        session.execute(change)  # type: ignore[call-overload]
    assert get_offer_of_price(price_id).terms == TIERED


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": -1}, "amount"),
        ({"amount": 49}, "amount"),
        ({"amount": 100_000_000}, "amount"),
        ({"currency": "EUR"}, "currency"),
        ({"currency": "xyz"}, "currency"),
        ({"currency": "kwd", "amount": 5124}, "amount"),
        ({"interval": "decade"}, "interval"),
        ({"interval_count": 0}, "interval_count"),
        ({"interval": "year", "interval_count": 4}, "interval_count"),
        ({"trial_days": 731}, "trial_days"),
        ({"included_quantity": -1}, "included_quantity"),
        ({"included_quantity": 10**13}, "included_quantity"),
        ({"usage_model": "guess"}, "usage_model"),
        ({"usage_model": "per_unit"}, "unit_amount"),
        ({"unit_amount": Decimal(1)}, "unit_amount"),
        ({"usage_model": "per_unit", "unit_amount": Decimal("NaN")}, "unit_amount"),
        ({"usage_model": "per_unit", "unit_amount": Decimal("-0.1")}, "unit_amount"),
        ({"usage_model": "per_unit", "unit_amount": Decimal("1e-13")}, "unit_amount"),
        ({"usage_model": "per_unit", "unit_amount": Decimal("1e9")}, "unit_amount"),
        ({"usage_model": "package", "unit_amount": Decimal(1)}, "package_size"),
        ({"usage_model": "package", "unit_amount": Decimal(1), "package_size": 0}, "package_size"),
        ({"package_size": 10}, "package_size"),
        ({"usage_model": "volume"}, "tiers"),
        ({"tiers": (Tier(None, Decimal(1)),)}, "tiers"),
        ({"usage_model": "volume", "tiers": (Tier(Decimal(10), Decimal(1)),)}, "tiers"),
        ({"usage_model": "volume", "tiers": (Tier(None, Decimal(1)), Tier(None, Decimal(1)))}, "tiers"),
        ({"usage_model": "volume", "tiers": (Tier(Decimal(0), Decimal(1)), Tier(None, Decimal(1)))}, "tiers"),
        ({"usage_model": "volume", "tiers": (Tier(Decimal("NaN"), Decimal(1)), Tier(None, Decimal(1)))}, "tiers"),
        ({"usage_model": "volume", "tiers": (Tier(None, Decimal(1), -5),)}, "tiers"),
        ({"usage_model": "volume", "tiers": TOO_MANY}, "tiers"),
    ],
)  # fmt: skip
def test_terms_that_cannot_be_charged_are_refused_with_the_field_named(
    plan_id: int, change: dict[str, object], field: str
) -> None:
    terms = replace(PriceTerms(amount=2900, currency="eur"), **change)  # type: ignore[arg-type]
    with pytest.raises(InvalidTerms) as refused:
        publish(plan_id, terms)
    assert [fault.field for fault in refused.value.faults] == [field]
    assert get_offer(plan_id) is None


def test_a_free_plan_needs_no_trial(plan_id: int) -> None:
    with pytest.raises(InvalidTerms, match="trial"):
        publish(plan_id, replace(FREE, trial_days=7))


def test_a_plan_code_is_taken_once_and_names_are_checked(product_id: int, plan_id: int) -> None:
    with transaction(SYSTEM):
        with pytest.raises(PlanCodeTaken):
            create_plan(product_id, "pro", "Again")
        with pytest.raises(InvalidPlan) as refused:
            create_plan(product_id, "Pro!", "", requests_per_minute=0)
        assert [fault.field for fault in refused.value.faults] == ["code", "name", "requests_per_minute"]
        create_plan(product_id, "basic", "Basic")


def test_unknown_plans_and_prices_are_said_to_be_unknown(app: Flask) -> None:
    with pytest.raises(UnknownPlan):
        publish(1, PRO)
    with pytest.raises(UnknownPrice):
        get_offer_of_price(1)
    assert get_offer(1) is None


def _plan_elsewhere() -> int:
    with transaction(SYSTEM):
        return create_plan(create_product(1, "Elsewhere"), "only", "Only")


def _plan(product_id: int, code: str, position: int) -> int:
    with transaction(SYSTEM):
        return create_plan(product_id, code, code.title(), position=position)


def _shown(product_id: int) -> list[tuple[str, str, int]]:
    return [(offer.code, offer.terms.currency, offer.terms.amount) for offer in list_offers(product_id)]
