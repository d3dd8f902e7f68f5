"""Whom invoices are made out to: said once, told to the payment provider, kept on finished invoices."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from portal.audit.models import AuditEntry
from portal.db import SYSTEM, scoped, transaction
from portal.identity.models import BillingProfile, Organisation
from portal.outbox.service import deliver_due
from portal.payments.billed import tell
from portal.payments.syncing import Syncing
from portal.ports.payments import PaymentsUnavailable
from portal.projects.models import StripeCustomer
from portal.reactions import REACTIONS
from tests.payments.conftest import Shop, colleague
from tests.stripe_world import StripeWorld

DETAILS = {
    "name": "Tidewater Labs GmbH",
    "line1": "Hafen 4",
    "postal_code": "24103",
    "city": "Kiel",
    "country": "DE",
    "tax_number": "136 695 976",
    "email": "bills@tidewater.example",
}


def customer(shop: Shop, world: StripeWorld) -> dict[str, Any]:
    with scoped(SYSTEM) as session:
        held = session.scalars(select(StripeCustomer).where(StripeCustomer.account_id == shop.account.id)).one()
    return world.api("GET", f"customers/{held.stripe_customer_id}", **{"expand[]": "tax_ids"})


def told(shop: Shop) -> tuple[int | None, str | None]:
    with scoped(SYSTEM) as session:
        held = session.scalars(select(StripeCustomer).where(StripeCustomer.account_id == shop.account.id)).one()
        return held.billing_version, held.billing_problem


def numbers(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["type"], each["value"]) for each in found["tax_ids"]["data"]]


def test_the_first_invoice_says_what_was_said_before_the_purchase(
    owner: FlaskClient, shop: Shop, stripe_world: StripeWorld, syncing: Syncing
) -> None:
    assert owner.post("/settings/billing", data=DETAILS).status_code == 303
    begun = shop.begin(shop.pro, syncing)  # no worker has run: the purchase itself tells the provider
    assert begun.checkout_url is not None
    stripe_world.pay(begun.checkout_url)
    found = customer(shop, stripe_world)
    assert (found["name"], found["email"]) == ("Tidewater Labs GmbH", "bills@tidewater.example")
    assert numbers(found) == [("eu_vat", "DE136695976")]
    (invoice,) = syncing.payments.list_invoices(found["id"])
    assert invoice.billed_to == ("Tidewater Labs GmbH", "Hafen 4", "24103 Kiel", "DE", "DE136695976")


def test_a_change_is_told_by_the_outbox_and_a_finished_invoice_keeps_what_it_says(
    owner: FlaskClient, shop: Shop, stripe_world: StripeWorld, syncing: Syncing, bought: int
) -> None:
    owner.post("/settings/billing", data=DETAILS)
    deliver_due(REACTIONS)
    found = customer(shop, stripe_world)
    assert found["address"]["city"] == "Kiel"
    assert numbers(found) == [("eu_vat", "DE136695976")]
    assert told(shop) == (1, None)
    (invoice,) = syncing.payments.list_invoices(found["id"])
    assert invoice.billed_to == ("Tidewater Labs",)


def test_everything_taken_away_here_is_taken_away_there(
    owner: FlaskClient, shop: Shop, stripe_world: StripeWorld, bought: int
) -> None:
    owner.post("/settings/billing", data=DETAILS)
    deliver_due(REACTIONS)
    owner.post("/settings/billing", data={"email": "bills@tidewater.example"})
    deliver_due(REACTIONS)
    found = customer(shop, stripe_world)
    assert (found["name"], found["address"], numbers(found)) == ("Tidewater Labs", None, [])


def test_a_new_name_of_the_organisation_reaches_its_invoices(
    owner: FlaskClient, shop: Shop, stripe_world: StripeWorld, bought: int
) -> None:
    owner.post("/settings/organisation", data={"name": "Tidewater Works"})
    deliver_due(REACTIONS)
    assert customer(shop, stripe_world)["name"] == "Tidewater Works"


def test_telling_twice_changes_nothing_and_an_interrupted_telling_is_finished(
    owner: FlaskClient, shop: Shop, stripe_world: StripeWorld, syncing: Syncing, bought: int
) -> None:
    owner.post("/settings/billing", data=DETAILS)
    faults = [{"kind": "drop_answer", "path": "/v1/customers", "method": "POST", "count": 1}]
    stripe_world.control("faults", api=faults)
    for _attempt in range(3):
        try:
            tell(shop.buyer.organisation_id, payments=syncing.payments, livemode=False)
        except PaymentsUnavailable:
            continue
    assert numbers(customer(shop, stripe_world)) == [("eu_vat", "DE136695976")]
    before = len(stripe_world.events())
    tell(shop.buyer.organisation_id, payments=syncing.payments, livemode=False)
    assert len(stripe_world.events()) == before


def test_an_old_version_told_late_does_not_stay_the_last_word(
    owner: FlaskClient, shop: Shop, stripe_world: StripeWorld, syncing: Syncing, bought: int
) -> None:
    """Another change is committed while the first is on its way; whoever was late looks again."""
    owner.post("/settings/billing", data=DETAILS)

    class Slow:
        def __init__(self) -> None:
            self.calls = 0

        def set_billing_identity(self, customer_id: str, identity: Any) -> None:
            self.calls += 1
            if self.calls == 1:
                owner.post("/settings/billing", data=DETAILS | {"city": "Lübeck"})
                tell(shop.buyer.organisation_id, payments=syncing.payments, livemode=False)
            syncing.payments.set_billing_identity(customer_id, identity)

    slow = Slow()
    tell(shop.buyer.organisation_id, payments=slow, livemode=False)  # type: ignore[arg-type]
    assert slow.calls == 2
    assert customer(shop, stripe_world)["address"]["city"] == "Lübeck"
    assert told(shop) == (2, None)


def test_a_number_the_provider_does_not_take_is_noted_and_the_rest_is_told(
    shop: Shop, stripe_world: StripeWorld, syncing: Syncing, bought: int, owner: FlaskClient
) -> None:
    owner.post("/settings/billing", data=DETAILS)
    with transaction(SYSTEM) as session:  # our check of its form and the provider's may differ
        session.execute(update(BillingProfile).values(tax_number="136 is not taken"))
    tell(shop.buyer.organisation_id, payments=syncing.payments, livemode=False)
    found = customer(shop, stripe_world)
    assert (found["name"], numbers(found)) == ("Tidewater Labs GmbH", [])
    assert told(shop) == (1, "tax_number")


def test_the_trail_says_who_changed_what(owner: FlaskClient, shop: Shop) -> None:
    owner.post("/settings/billing", data=DETAILS)
    owner.post("/settings/billing", data=DETAILS)  # nothing new
    with scoped(SYSTEM) as session:
        act = session.scalars(select(AuditEntry).where(AuditEntry.action == "organisation.billing-changed")).one()
    assert act.after is not None
    assert act.after["city"] == "Kiel"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"tax_number": "DE136695977"}, "tax_number"),
        ({"tax_number": "x" * 41}, "tax_number"),
        ({"country": "ZZ"}, "country"),
        ({"country": ""}, "country"),
        ({"country": "JP"}, "tax_number"),
        ({"email": "nobody"}, "email"),
        ({"name": "a\u202eb"}, "name"),
        ({"city": "x" * 81}, "city"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field_and_nothing_is_lost(
    owner: FlaskClient, change: dict[str, str], field: str
) -> None:
    answer = owner.post("/settings/billing", data=DETAILS | change)
    assert answer.status_code == 422
    assert f'id="f-{field}-problem"' in answer.text
    assert "Hafen 4" in answer.text


@pytest.mark.parametrize("role", ["developer", "viewer"])
def test_who_may_not_buy_may_not_say_who_pays(app: Any, shop: Shop, role: str) -> None:
    assert colleague(app, shop, role).get("/settings/billing").status_code == 403


def test_it_is_edited_in_place_on_the_review_page_and_by_a_page_without_scripts(owner: FlaskClient, shop: Shop) -> None:
    back = f"/subscribe/{shop.pro[0].id}"
    assert "Add address or tax number" in owner.get(back).text
    part = owner.get("/settings/billing", query_string={"next": back}, headers={"HX-Request": "true"})
    assert part.text.startswith('<form class="form" id="billed-to"')
    saved = owner.post("/settings/billing", data=DETAILS | {"next": back}, headers={"HX-Request": "true"})
    assert "DE136695976" in saved.text
    assert owner.post("/settings/billing", data=DETAILS | {"next": back}).location == back
    assert owner.post("/settings/billing", data=DETAILS | {"next": "//evil.example"}).location == "/settings/billing"
    assert "Hafen 4" in owner.get(back).text


def test_an_organisation_that_never_paid_is_told_to_nobody(shop: Shop, syncing: Syncing) -> None:
    with transaction(SYSTEM) as session:
        organisation = session.get(Organisation, shop.buyer.organisation_id)
        assert organisation is not None
        organisation.billing_version = 3
    tell(shop.buyer.organisation_id, payments=syncing.payments, livemode=False)
