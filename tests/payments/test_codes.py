"""Codes on the review page: exact money before, the same money at the provider, and a reason when they do nothing."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.db import SYSTEM, scoped
from portal.kit.money import Money
from portal.payments.held_discounts import find_discount
from portal.payments.models import Purchase, StripeInvoice, TermsAcceptance
from portal.payments.settling import settle_one
from portal.payments.syncing import Syncing, sync_invoice
from portal.ports.billing import NewPrice
from portal.ports.promotions import Discount, NewCode, PromotionCode
from tests.factories import make_plan
from tests.payments.conftest import Shop, held
from tests.stripe_world import StripeWorld

QUARTER = Discount("repeating", percent_off=Decimal(25), months=3)
TERMS = {"terms": "1"}


def make(syncing: Syncing, discount: Discount = QUARTER, code: str = "WELCOME25", **more: Any) -> PromotionCode:
    return syncing.payments.create_code(NewCode(code, discount, **more), key=f"code:{code}")


def purchase(shop: Shop) -> Purchase:
    with scoped(SYSTEM) as session:
        query = select(Purchase).where(Purchase.account_id == shop.account.id).order_by(Purchase.id.desc()).limit(1)
        return session.scalars(query).one()


def buy(owner: FlaskClient, shop: Shop, world: StripeWorld, syncing: Syncing, code: str = "welcome25") -> int:
    begun = owner.post(f"/subscribe/{shop.pro[0].id}", data=TERMS | {"code": code})
    assert begun.status_code == 303, begun.text
    world.pay(begun.location)
    assert settle_one(purchase(shop).id, syncing)
    return held(shop).id


def test_a_code_is_said_in_exact_money_before_anything_happens(
    owner: FlaskClient, shop: Shop, syncing: Syncing
) -> None:
    make(syncing)
    checked = owner.post(f"/subscribe/{shop.pro[0].id}", data={"code": " welcome25 ", "act": "check"})
    assert checked.status_code == 200
    for words in ("€29.00 → €21.75 for 3 months, then €29.00 a month", "−€7.25", "Pay €21.75", "WELCOME25"):
        assert words in checked.text
    part = owner.post(
        f"/subscribe/{shop.pro[0].id}", data={"code": "WELCOME25", "act": "check"}, headers={"HX-Request": "true"}
    )
    assert part.text.startswith("<aside")
    assert "Pay €21.75" in part.text
    with scoped(SYSTEM) as session:
        assert session.scalars(select(Purchase)).all() == []


def test_what_was_said_is_what_is_paid_and_what_the_invoice_says(
    owner: FlaskClient, shop: Shop, syncing: Syncing, stripe_world: StripeWorld
) -> None:
    make(syncing)
    subscription_id = buy(owner, shop, stripe_world, syncing)
    (invoice,) = syncing.payments.list_invoices(_customer(shop, syncing))
    assert (invoice.total, invoice.amount_paid, invoice.discount) == (2175, 2175, 725)
    sync_invoice(invoice.id, syncing)
    with scoped(SYSTEM) as session:
        assert session.scalars(select(StripeInvoice.discount)).one() == 725
    page = owner.get(f"/subscriptions/{subscription_id}/invoices").text
    assert "€7.25 taken off" in page
    assert "Billed to Tidewater Labs" in page
    found = find_discount(shop.account.id, subscription_id)
    assert found is not None
    assert found.code == "WELCOME25"
    assert "Code WELCOME25: €21.75 until" in owner.get(f"/subscriptions/{subscription_id}/discount").text


def _customer(shop: Shop, syncing: Syncing) -> str:
    return syncing.payments.fetch_subscription(held(shop).stripe_subscription_id or "").customer_id


@pytest.mark.parametrize(
    ("discount", "words"),
    [
        (Discount("once", percent_off=Decimal("33.33")), "€29.00 → €19.33 for 1 month, then €29.00 a month"),
        (Discount("forever", percent_off=Decimal(50)), "€29.00 → €14.50 for as long as you stay"),
        (Discount("once", amount_off=Money(500, "eur")), "€29.00 → €24.00 for 1 month, then €29.00 a month"),
        (Discount("forever", percent_off=Decimal(100)), "Start, nothing due today"),
        (Discount("once", amount_off=Money(9900, "eur")), "€29.00 → €0.00 for 1 month"),
    ],
)
def test_every_kind_of_discount_is_the_one_that_is_charged(
    owner: FlaskClient, shop: Shop, syncing: Syncing, stripe_world: StripeWorld, discount: Discount, words: str
) -> None:
    make(syncing, discount)
    shown = owner.get(f"/subscribe/{shop.pro[0].id}?code=WELCOME25")
    assert words in shown.text
    buy(owner, shop, stripe_world, syncing)
    (invoice,) = syncing.payments.list_invoices(_customer(shop, syncing))
    assert invoice.total == purchase(shop).first_amount


def test_a_code_before_a_trial_lowers_the_first_real_charge(owner: FlaskClient, shop: Shop, syncing: Syncing) -> None:
    make(syncing)
    page = owner.get(f"/subscribe/{shop.trial[0].id}?code=WELCOME25").text
    assert "€199.00 → €149.25 for 3 months" in page
    assert "The first charge is €149.25" in page


REFUSED = [
    ("NOSUCH", None, "There is no code like this"),
    ("not a code!", None, "There is no code like this"),
    ("\x00\ud7ff" * 20, None, "There is no code like this"),
    ("WELCOME25", {"most_uses": 1}, "used as often as it may be"),
    ("WELCOME25", {"expires_in": timedelta(seconds=1)}, "no longer valid"),
    ("WELCOME25", {"products": frozenset({"portal-plan-999"})}, "not for this plan"),
    ("WELCOME25", {"currency": "usd"}, "another currency"),
]


@pytest.mark.parametrize(("typed", "made", "words"), REFUSED)
def test_a_code_that_does_nothing_here_says_why(
    owner: FlaskClient,
    shop: Shop,
    syncing: Syncing,
    stripe_world: StripeWorld,
    clock: Any,
    typed: str,
    made: dict[str, Any] | None,
    words: str,
) -> None:
    if made is not None:
        _make_refused(shop, syncing, stripe_world, clock, made)
    answer = owner.post(f"/subscribe/{shop.pro[0].id}", data=TERMS | {"code": typed})
    assert answer.status_code == 422
    assert words in answer.text
    assert 'id="f-code-problem"' in answer.text
    assert "Pay €29.00" in answer.text
    with scoped(SYSTEM) as session:
        assert session.scalars(select(Purchase)).all() == []


def _make_refused(shop: Shop, syncing: Syncing, world: StripeWorld, clock: Any, made: dict[str, Any]) -> None:
    if "products" in made:
        world.api("POST", "products", id="portal-plan-999", name="Another")
        make(syncing, Discount("once", percent_off=Decimal(25), products=made["products"]))
    elif "currency" in made:
        make(syncing, Discount("once", amount_off=Money(500, made["currency"])))
    elif "expires_in" in made:
        make(syncing, expires_at=clock.now() + made["expires_in"])
        clock.advance(timedelta(minutes=1))
    else:
        code = make(syncing, most_uses=1)
        customer = syncing.payments.create_customer(reference="x", name="Other", email="o@example.com", key="other")
        price = syncing.payments.ensure_price(_price())
        params = {
            "mode": "subscription",
            "customer": customer.id,
            "line_items[0][price]": price,
            "line_items[0][quantity]": "1",
            "success_url": "http://127.0.0.1:8000/",
            "discounts[0][promotion_code]": code.id,
        }
        world.pay(world.api("POST", "checkout/sessions", **params)["url"])


def _price() -> NewPrice:
    return NewPrice("other-price", "other-plan", "Other", Money(1000, "eur"), "month", 1)


def test_a_free_plan_has_nothing_to_take_off(owner: FlaskClient, shop: Shop, syncing: Syncing) -> None:
    make(syncing)
    answer = owner.post(f"/subscribe/{shop.free[0].id}", data=TERMS | {"code": "WELCOME25"})
    assert answer.status_code == 422


def test_another_code_makes_another_page_and_the_way_back_keeps_the_choice(
    owner: FlaskClient, shop: Shop, syncing: Syncing, stripe_world: StripeWorld
) -> None:
    make(syncing)
    plain = owner.post(f"/subscribe/{shop.pro[0].id}", data=TERMS)
    coded = owner.post(f"/subscribe/{shop.pro[0].id}", data={"code": "WELCOME25"})
    again = owner.post(f"/subscribe/{shop.pro[0].id}", data={"code": "WELCOME25"})
    assert plain.location != coded.location == again.location
    with scoped(SYSTEM) as session:
        assert sorted(session.scalars(select(Purchase.status)).all()) == ["canceled", "open"]
    stripe_world.api("POST", f"checkout/sessions/{purchase(shop).stripe_checkout_id}/expire")
    assert settle_one(purchase(shop).id, syncing)
    page = owner.get(f"/purchases/{purchase(shop).public_id}").text
    assert f'href="/subscribe/{shop.pro[0].id}?code=WELCOME25"' in page


@pytest.mark.parametrize("months", [1, 2, None])
def test_a_plan_change_with_a_discount_charges_what_it_shows_and_says_what_comes_next(
    owner: FlaskClient, shop: Shop, syncing: Syncing, stripe_world: StripeWorld, months: int | None
) -> None:
    discount = (
        Discount("repeating", percent_off=Decimal(25), months=months)
        if months
        else Discount("forever", percent_off=Decimal(25))
    )
    make(syncing, discount)
    larger = make_plan(shop.api, "large", amount=5900)
    subscription_id = buy(owner, shop, stripe_world, syncing)
    address = f"/subscriptions/{subscription_id}/plan/{larger[0].id}"
    page = owner.get(address)
    assert page.status_code == 200, page.text
    seen = page.text.split('name="seen" value="')[1].split('"')[0]
    due = page.text.split("Due now")[1].split("€")[1].split("<")[0]
    # A month of discount ends where the period ends; two months and for ever reach over the next charge.
    assert ("€59.00 on" if months == 1 else "€44.25 on") in page.text.replace("<time", " <time").replace("  ", " ")
    done = owner.post(address, data={"seen": seen})
    assert done.status_code == 303, done.text
    newest = syncing.payments.list_invoices(_customer(shop, syncing))[0]
    assert f"{newest.total / 100:.2f}" == due


def test_a_change_that_waits_keeps_the_discount(
    owner: FlaskClient, shop: Shop, syncing: Syncing, stripe_world: StripeWorld
) -> None:
    make(syncing, Discount("forever", percent_off=Decimal(25)))
    smaller = make_plan(shop.api, "small", amount=900)
    subscription_id = buy(owner, shop, stripe_world, syncing)
    address = f"/subscriptions/{subscription_id}/plan/{smaller[0].id}"
    page = owner.get(address).text
    assert "€6.75" in page
    owner.post(address, data={"seen": page.split('name="seen" value="')[1].split('"')[0]})
    assert syncing.payments.fetch_subscription(held(shop).stripe_subscription_id or "").discount is not None


def test_the_terms_are_accepted_once_by_somebody_at_some_time(owner: FlaskClient, shop: Shop) -> None:
    refused = owner.post(f"/subscribe/{shop.free[0].id}", data={"key_name": "Till"})
    assert refused.status_code == 422
    assert 'id="f-terms-problem"' in refused.text
    assert 'value="Till"' in refused.text
    owner.post(f"/subscribe/{shop.free[0].id}", data=TERMS | {"key_name": "Till"})
    with scoped(SYSTEM) as session:
        row = session.scalars(select(TermsAcceptance)).one()
        act = session.scalars(select(AuditEntry).where(AuditEntry.action == "terms.accepted")).one()
    assert (row.account_id, row.user_id is not None) == (shop.account.id, True)
    assert act.after == {"version": row.version}
    said = f'<time datetime="{row.version}">{date.fromisoformat(row.version):%-d %B %Y}</time>'
    assert f"accepted the terms of {said}" in owner.get(f"/subscribe/{shop.pro[0].id}").text
    assert f"Version of {said}" in owner.get("/terms").text
    key = owner.post(f"/purchases/{purchase(shop).public_id}/key")
    assert key.status_code == 200
    assert "Till" in owner.get(f"/subscriptions/{held(shop).id}/keys").text


def test_operators_make_list_and_stop_codes(app: Flask, shop: Shop, syncing: Syncing) -> None:
    run = app.test_cli_runner().invoke
    made = run(args=["codes", "make", "SPRING", "--percent", "12.5", "--months", "2", "--plan", str(shop.pro[0].id),
                     "--uses", "10", "--expires", "2030-01-01", "--reason", "Fair"])  # fmt: skip
    assert made.exit_code == 0, made.output
    assert "12.5 % off, 2 months" in made.output
    found = syncing.payments.find_code("spring")
    assert found is not None
    assert found.discount.products == frozenset({f"portal-plan-{shop.pro[0].id}"})
    assert "SPRING" in run(args=["codes", "list"]).output
    assert run(args=["codes", "make", "SPRING", "--percent", "5", "--reason", "Again"]).exit_code == 1
    assert run(args=["codes", "stop", "spring", "--reason", "Over"]).exit_code == 0
    assert run(args=["codes", "stop", "nosuch", "--reason", "Over"]).exit_code == 1
    with scoped(SYSTEM) as session:
        acts = session.scalars(select(AuditEntry.action).where(AuditEntry.action.startswith("code."))).all()
    assert acts == ["code.made", "code.stopped"]


@pytest.mark.parametrize(
    "options",
    [
        ["--percent", "25", "--amount", "5"],
        [],
        ["--percent", "0"],
        ["--percent", "NaN"],
        ["--percent", "12.345"],
        ["--percent", "25", "--months", "2", "--forever"],
        ["--amount", "5", "--currency", "xyz"],
        ["--percent", "5", "--plan", "999"],
    ],
)
def test_a_code_that_makes_no_sense_is_refused(app: Flask, options: list[str]) -> None:
    result = app.test_cli_runner().invoke(args=["codes", "make", "X", *options, "--reason", "Fair"])
    assert result.exit_code == 2
    assert not isinstance(result.exception, Exception)
