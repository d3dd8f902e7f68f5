"""Ada puts her product on sale: a price that stands at Stripe, or one that is made there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.db import SYSTEM, scoped
from portal.pricing.queries import list_sold
from tests.factories import make_feature, make_organisation, make_project, make_user
from tests.sign_in import sign_in_as
from tests.stripe_world import StripeWorld


@pytest.fixture
def desk(app: Flask) -> tuple[FlaskClient, str, int]:
    """Ada's browser, the address of her project's products, and the id of a product that gives `pro`."""
    organisation = make_organisation("Kestrel Data")
    project = make_project("space_journal", organisation)
    feature = make_feature(project, "pro")
    ada = sign_in_as(app.test_client(), make_user("Ada", organisation=organisation))
    page = f"/projects/{project.id}/products"
    assert "Nothing on sale yet" in ada.get(page).text
    assert ada.post(page, data={"name": "Space Journal Pro", "feature": str(feature.id)}).status_code == 303
    product = re.search(r'id="product-(\d+)"', ada.get(page).text)
    assert product is not None
    return ada, page, int(product[1])


def _add(desk: tuple[FlaskClient, str, int], **values: str) -> Any:
    ada, page, product_id = desk
    return ada.post(f"{page}/{product_id}/prices", data={"plan": "Monthly", **values})


def test_a_price_that_stands_at_stripe_is_taken_over_as_it_is(
    desk: tuple[FlaskClient, str, int], stripe_world: StripeWorld
) -> None:
    product = stripe_world.api("POST", "products", name="Pro")["id"]
    yearly = {"recurring[interval]": "year", "currency": "usd", "unit_amount": 14_900, "product": product}
    price = stripe_world.api("POST", "prices", **yearly)["id"]
    assert _add(desk, stripe_price_id=price).status_code == 303
    ada, page, _product_id = desk
    shown = ada.get(page).text
    assert price in shown
    assert "$149.00" in shown
    twice = _add(desk, plan="Again", stripe_price_id=price)
    assert (twice.status_code, "sold already" in twice.text) == (422, True)
    [plan] = _plans(page)
    assert ada.post(f"{page.removesuffix('products')}plans/{plan.offer.plan_id}/withdrawal").status_code == 303
    assert "No longer sold" in ada.get(page).text


def test_a_price_made_here_stands_at_stripe_too(desk: tuple[FlaskClient, str, int], stripe_world: StripeWorld) -> None:
    assert _add(desk, amount="14.99", currency="eur", interval="month", trial_days="7").status_code == 303
    assert _add(desk, plan="Pass", amount="99", currency="eur", interval="once", access_days="30").status_code == 303
    monthly, once = _plans(desk[1])
    assert (monthly.offer.terms.amount, monthly.offer.terms.trial_days) == (1499, 7)
    assert (once.offer.terms.one_time, once.offer.terms.access_days) == (True, 30)
    made = stripe_world.api("GET", f"prices/{once.offer.stripe_price_id}")
    assert (made["unit_amount"], made["recurring"]) == (9900, None)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"stripe_price_id": "price_nowhere"}, "no price with this id"),
        ({"amount": "14.999"}, "An amount such as"),
        ({"amount": "-1"}, "An amount such as"),
        ({"amount": "1e9"}, "An amount such as"),
        ({"amount": "NaN"}, "An amount such as"),
        ({"amount": "0.01"}, "Too small"),
        ({"amount": "0", "interval": "once"}, "give it by hand"),
        ({"currency": "xxx"}, "Choose a currency"),
        ({"interval": "century"}, "how often"),
        ({"trial_days": "many"}, "whole number"),
        ({"plan": ""}, "ordinary characters"),
    ],
)
def test_what_cannot_be_sold_is_refused_with_the_field(
    desk: tuple[FlaskClient, str, int], values: dict[str, str], said: str
) -> None:
    answer = _add(desk, **{"amount": "14.99", "currency": "eur", "interval": "month", **values})
    assert answer.status_code == 422
    assert said in answer.text
    assert _plans(desk[1]) == []


def test_prices_that_depend_on_use_or_are_archived_are_not_taken_over(
    desk: tuple[FlaskClient, str, int], stripe_world: StripeWorld
) -> None:
    product = stripe_world.api("POST", "products", name="Pro")["id"]
    price = stripe_world.api("POST", "prices", currency="usd", unit_amount=100, product=product)["id"]
    stripe_world.api("POST", f"prices/{price}", active="false")
    assert "archived" in _add(desk, stripe_price_id=price).text


def _plans(page: str) -> list[Any]:
    with scoped(SYSTEM):
        return [plan for product in list_sold(int(page.split("/")[2])) for plan in product.plans]


def test_the_same_is_done_by_commands_and_price_metadata_lives_in_a_file(
    app: Flask, stripe_world: StripeWorld, tmp_path: Path
) -> None:
    run = app.test_cli_runner().invoke
    product = stripe_world.api("POST", "products", name="Pro")["id"]
    price = stripe_world.api(
        "POST", "prices", currency="usd", unit_amount=1499, product=product, **{"metadata[note]": "kept"}
    )["id"]
    make_organisation("Kestrel Data", "kestrel")
    project = run(args=["projects", "create", "space_journal", "--organisation", "kestrel"]).output.strip()
    assert run(args=["projects", "create", "space_journal"]).exit_code == 1
    assert run(args=["projects", "create", "other", "--organisation", "nobody"]).exit_code == 1
    assert run(args=["projects", "feature", project, "pro", "Pro"]).exit_code == 0
    made = run(args=["projects", "app", project, "backend", "--origin", "https://app.local", "--scope", "checkout"])
    assert "sk_app_" in made.output
    rotated = run(args=["projects", "rotate-key", project, "1"])
    assert "key 2" in rotated.output
    assert run(args=["projects", "revoke-key", project, "1", "1"]).exit_code == 0
    assert "(lasting)" in run(args=["projects", "list"]).output
    taken = run(args=["prices", "take-over", project, price, "--product", "Pro", "--feature", "pro"])
    assert taken.exit_code == 0, taken.output
    assert run(args=["prices", "take-over", project, "price_none", "--product", "Pro"]).exit_code == 1
    assert f"{price}  Standard  1499 usd once  on sale" in run(args=["prices", "list", project]).output

    file = tmp_path / "prices.toml"
    file.write_text(run(args=["prices", "export"]).output)
    shown = run(args=["prices", "sync", str(file), "--check"])
    assert shown.exit_code == 1
    assert "+ feature_code = pro" in shown.output
    assert stripe_world.api("GET", f"prices/{price}")["metadata"] == {"note": "kept"}
    assert "Written: 2 values." in run(args=["prices", "sync", str(file), "--apply"]).output
    assert stripe_world.api("GET", f"prices/{price}")["metadata"] == {
        "note": "kept", "project_id": project, "feature_code": "pro",
    }  # fmt: skip
    assert "Nothing differs." in run(args=["prices", "sync", str(file)]).output
    file.write_text(f'[prices.{price}]\nfeature_code = ""\n')
    assert "- feature_code = pro" in run(args=["prices", "sync", str(file), "--apply"]).output
    for wrong in ("prices = 1", "[prices.price_none]\na = 'b'", "[prices.x]\na = 1", "[other]", "[["):
        file.write_text(wrong)
        refused = run(args=["prices", "sync", str(file)])
        assert (refused.exit_code, "Error" in refused.output) == (1, True)
