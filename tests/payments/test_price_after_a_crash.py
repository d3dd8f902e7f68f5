"""A price that somebody put on sale stands at the payment provider, whatever dies in between; and it stands there once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from jobs import drain
from portal.adapters.stripe_payments import StripePayments
from portal.db import SYSTEM, scoped, transaction
from portal.outbox.models import OutboxMessage
from portal.outbox.service import MAX_ATTEMPTS
from portal.ports.billing import NewPrice
from portal.pricing.queries import list_sold
from portal.web.plugs import plugs
from tests.factories import make_feature, make_organisation, make_project, make_user
from tests.sign_in import sign_in_as
from tests.stripe_world import SECRET, StripeWorld

PRICE = {"plan": "Monthly", "amount": "14.99", "currency": "eur", "interval": "month"}


class Killed(BaseException):
    """The process is gone: nothing after this line runs."""


class DiesBefore(StripePayments):
    """A provider in front of which the process ends."""

    def ensure_price(self, price: NewPrice) -> str:
        raise Killed


class DiesAfter(StripePayments):
    """A provider that made the price, but whose answer nobody was there to hear."""

    def ensure_price(self, price: NewPrice) -> str:
        super().ensure_price(price)
        raise Killed


@pytest.fixture
def shelf(app: Flask) -> tuple[FlaskClient, str]:
    """Ada's browser, and the address to which she sends a price of her product."""
    organisation = make_organisation("Kestrel Data")
    project = make_project("space_journal", organisation)
    feature = make_feature(project, "pro")
    ada = sign_in_as(app.test_client(), make_user("Ada", organisation=organisation))
    page = f"/projects/{project.id}/products"
    assert ada.post(page, data={"name": "Space Journal Pro", "feature": str(feature.id)}).status_code == 303
    product = re.search(r'id="product-(\d+)"', ada.get(page).text)
    assert product is not None
    return ada, f"{page}/{product[1]}/prices"


@pytest.mark.parametrize("dying", [DiesBefore, DiesAfter])
def test_the_worker_makes_the_price_that_a_dead_process_left_behind(
    app: Flask, shelf: tuple[FlaskClient, str], stripe_world: StripeWorld, dying: type[StripePayments]
) -> None:
    ada, page = shelf
    with _plugged_into(app, dying("sk_test_x", (SECRET,), stripe_world.url)), pytest.raises(Killed):
        ada.post(page, data=PRICE)
    assert _our_price(page) is None
    assert len(_prices(stripe_world)) == (dying is DiesAfter)
    assert drain.outbox() == 1
    [made] = _prices(stripe_world)
    assert (made["unit_amount"], made["currency"], made["recurring"]["interval"]) == (1499, "eur", "month")
    assert _our_price(page) == made["id"]
    _announce_again()
    assert drain.outbox() == 1
    assert [one["id"] for one in _prices(stripe_world)] == [made["id"]]


def test_the_page_and_the_worker_make_one_price(
    app: Flask, shelf: tuple[FlaskClient, str], stripe_world: StripeWorld
) -> None:
    ada, page = shelf
    assert ada.post(page, data=PRICE).status_code == 303
    [made] = _prices(stripe_world)
    assert drain.outbox() == 1
    assert [one["id"] for one in _prices(stripe_world)] == [made["id"]]
    assert _our_price(page) == made["id"]


def test_a_silent_provider_is_asked_again_until_it_answers(
    shelf: tuple[FlaskClient, str], stripe_world: StripeWorld
) -> None:
    ada, page = shelf
    stripe_world.control(
        "faults", api=[{"kind": "error", "path": "/v1/prices", "method": "POST", "count": 100, "stored": False}]
    )
    assert ada.post(page, data=PRICE).status_code == 303, "it is saved, so nobody is told to send it again"
    assert "being made at the payment provider" in ada.get(page.partition("/products")[0] + "/products").text
    _tried_often()
    drain.outbox()
    assert (_our_price(page), _prices(stripe_world)) == (None, [])
    stripe_world.control("faults", method="DELETE")
    _due_at_once()
    assert drain.outbox() == 1
    [made] = _prices(stripe_world)
    assert _our_price(page) == made["id"]


@contextmanager
def _plugged_into(app: Flask, payments: StripePayments) -> Iterator[None]:
    kept = plugs()
    app.extensions["portal"] = replace(kept, payments=payments)
    try:
        yield
    finally:
        app.extensions["portal"] = kept


def _prices(world: StripeWorld) -> list[dict[str, Any]]:
    return list(world.api("GET", "prices", limit=100)["data"])


def _our_price(page: str) -> str | None:
    with scoped(SYSTEM):
        [plan] = [plan for product in list_sold(int(page.split("/")[2])) for plan in product.plans]
    return plan.offer.stripe_price_id


def _announce_again() -> None:
    """Let the worker find the announcement as if it had died before noting that it was done."""
    with transaction(SYSTEM) as session:
        one = session.scalars(select(OutboxMessage).where(OutboxMessage.topic == "price.offered")).one()
        assert one.state == "done"
        one.state, one.done_at = "waiting", None


def _tried_often() -> None:
    """A silence of days: more tries than anything else is given."""
    with transaction(SYSTEM) as session:
        session.execute(update(OutboxMessage).values(attempts=MAX_ATTEMPTS + 1))


def _due_at_once() -> None:
    with transaction(SYSTEM) as session:
        session.execute(update(OutboxMessage).values(run_at=OutboxMessage.created_at))
