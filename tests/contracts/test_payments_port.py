"""The payments port over Stripe's wire protocol: what it promises, and that Stripe's API would not object to a word of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from portal.adapters.stripe_payments import StripePayments
from portal.kit.money import Money
from portal.ports.billing import BillingIdentity, CheckoutRequest, Customer, NewPrice
from portal.ports.payments import NotAtProvider, PaymentsRefused, PaymentsUnavailable
from portal.ports.promotions import Discount, NewCode
from tests.contracts.test_stripe_contract import Judge
from tests.stripe_world import SECRET, StripeWorld, start_stripe_world

pytestmark = pytest.mark.contract
PRICE = NewPrice("portal-price-7", "portal-plan-7", "Rates · Pro", Money(2900, "eur"), "month", 1)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeWorld]:
    found = start_stripe_world(tmp_path_factory.mktemp("payments-port"))
    yield found
    found.process.terminate()
    found.process.wait(10)


@pytest.fixture
def judge() -> Judge:
    return Judge()


@pytest.fixture
def payments(world: StripeWorld, judge: Judge) -> Iterator[StripePayments]:
    world.control("reset")
    yield StripePayments("sk_test_x", (SECRET,), world.url, transport=judge)
    assert judge.violations == []


def customer(payments: StripePayments, reference: str = "1") -> Customer:
    return payments.create_customer(
        reference=reference, name="Tidewater", email="cleo@example.com", key=f"customer:{reference}"
    )


def checkout(payments: StripePayments, *, trial_days: int = 0, intent: str = "purchase:a:1") -> CheckoutRequest:
    return CheckoutRequest(
        intent=intent,
        customer_id=customer(payments).id,
        price_id=payments.ensure_price(PRICE),
        quantity=1,
        trial_days=trial_days,
        success_url="http://127.0.0.1:8000/purchases/a",
        cancel_url="http://127.0.0.1:8000/purchases/a?left=1",
        locale="en",
        metadata={"purchase": "a", "account": "1"},
    )


def test_the_same_business_action_has_one_effect(payments: StripePayments) -> None:
    assert customer(payments) == customer(payments)
    assert payments.ensure_price(PRICE) == payments.ensure_price(PRICE)
    wanted = checkout(payments)
    assert payments.start_checkout(wanted).id == payments.start_checkout(wanted).id


def test_a_paid_page_leads_to_a_subscription_and_a_paid_invoice(payments: StripePayments, world: StripeWorld) -> None:
    page = payments.start_checkout(checkout(payments))
    assert page.url is not None
    world.pay(page.url)
    done = payments.fetch_checkout(page.id)
    assert (done.status, done.payment_status) == ("complete", "paid")
    assert done.subscription_id is not None
    held = payments.fetch_subscription(done.subscription_id)
    assert (held.status, held.livemode, held.metadata["purchase"]) == ("active", False, "a")
    assert timedelta(days=28) <= held.current_period_end - held.current_period_start <= timedelta(days=31)
    (invoice,) = payments.list_invoices(held.customer_id)
    assert (invoice.status, invoice.total, invoice.currency) == ("paid", 2900, "eur")
    assert payments.fetch_invoice(invoice.id).subscription_id == held.id
    assert [one.id for one in payments.list_subscriptions(held.customer_id)] == [held.id]


def test_a_trial_needs_no_payment_yet(payments: StripePayments, world: StripeWorld) -> None:
    page = payments.start_checkout(checkout(payments, trial_days=14))
    assert page.url is not None
    world.pay(page.url)
    done = payments.fetch_checkout(page.id)
    assert done.payment_status == "no_payment_required"
    held = payments.fetch_subscription(done.subscription_id or "")
    assert held.status == "trialing"
    assert held.trial_end is not None


def test_cancelling_waits_for_the_end_and_can_be_taken_back(payments: StripePayments, world: StripeWorld) -> None:
    page = payments.start_checkout(checkout(payments))
    assert page.url is not None
    world.pay(page.url)
    subscription_id = payments.fetch_checkout(page.id).subscription_id or ""
    cancelled = payments.set_cancel_at_period_end(subscription_id, True, key="cancel:1")
    assert (cancelled.status, cancelled.cancel_at_period_end) == ("active", True)
    assert payments.set_cancel_at_period_end(subscription_id, False, key="cancel:2").cancel_at_period_end is False


def bought(payments: StripePayments, world: StripeWorld) -> str:
    page = payments.start_checkout(checkout(payments))
    assert page.url is not None
    world.pay(page.url)
    return payments.fetch_checkout(page.id).subscription_id or ""


SMALLER = NewPrice("portal-price-8", "portal-plan-8", "Rates · Plus", Money(900, "eur"), "month", 1)
LARGER = NewPrice("portal-price-9", "portal-plan-9", "Rates · Scale", Money(19_900, "eur"), "month", 1)


def test_a_change_of_price_charges_what_its_preview_said(payments: StripePayments, world: StripeWorld) -> None:
    subscription_id, dearer = bought(payments, world), payments.ensure_price(LARGER)
    at = datetime.now(UTC)
    preview = payments.preview_change(subscription_id, dearer, at=at)
    assert preview.total == preview.amount_due == sum(line.amount for line in preview.lines)
    assert [line.amount < 0 for line in preview.lines] == [True, False]
    for _again in range(2):
        changed = payments.change_price(subscription_id, dearer, at=at, key="switch:1")
        assert changed.price_id == dearer
    invoices = payments.list_invoices(changed.customer_id)
    assert [(one.status, one.total) for one in invoices] == [("paid", preview.total), ("paid", 2900)]


def test_a_change_that_the_card_does_not_pay_is_refused_and_undone(
    payments: StripePayments, world: StripeWorld
) -> None:
    subscription_id = bought(payments, world)
    before = payments.fetch_subscription(subscription_id)
    world.api("POST", "payment_methods/pm_card_chargeCustomerFail/attach", customer=before.customer_id)
    failing = world.api("GET", "payment_methods", customer=before.customer_id)["data"][0]["id"]
    world.api("POST", f"subscriptions/{subscription_id}", default_payment_method=failing)
    with pytest.raises(PaymentsRefused, match="declined"):
        payments.change_price(subscription_id, payments.ensure_price(LARGER), at=datetime.now(UTC), key="switch:2")
    assert payments.fetch_subscription(subscription_id).price_id == before.price_id


def test_a_planned_change_waits_can_be_replaced_and_taken_back(payments: StripePayments, world: StripeWorld) -> None:
    subscription_id = bought(payments, world)
    planned = payments.schedule_price(subscription_id, payments.ensure_price(SMALLER), key="later:1")
    assert payments.schedule_price(subscription_id, payments.ensure_price(SMALLER), key="later:1") == planned
    assert payments.schedule_price(subscription_id, payments.ensure_price(LARGER), key="later:2") == planned
    held = payments.fetch_subscription(subscription_id)
    assert (held.schedule_id, held.price_id) == (planned, payments.ensure_price(PRICE))
    for _again in range(2):
        payments.release_schedule(planned, key="release:1")
    assert payments.fetch_subscription(subscription_id).schedule_id is None


def test_a_refused_card_is_told_from_a_payment_and_from_an_invoice(
    payments: StripePayments, world: StripeWorld
) -> None:
    page = payments.start_checkout(checkout(payments))
    assert page.url is not None
    world.pay(page.url, "4000000000000002")
    failed = next(one["data"]["object"] for one in world.events() if one["type"] == "payment_intent.payment_failed")
    refused = payments.fetch_payment(failed["id"])
    assert (refused.customer_id, refused.amount) == (page.customer_id, Money(2900, "eur"))
    assert (refused.refusal, refused.pays_invoice) == ("generic_decline", False)
    world.pay(page.url)
    paid = payments.fetch_payment(failed["id"])
    assert (paid.refusal, paid.pays_invoice) == (None, True)


def test_a_card_refused_for_a_trial_is_told_with_its_moment(payments: StripePayments, world: StripeWorld) -> None:
    page = payments.start_checkout(replace(checkout(payments), trial_days=14))
    assert page.url is not None
    world.pay(page.url, "4000000000000002")
    failed = next(one["data"]["object"] for one in world.events() if one["type"] == "setup_intent.setup_failed")
    refused = payments.fetch_setup(failed["id"])
    assert (refused.customer_id, refused.refusal) == (page.customer_id, "generic_decline")
    assert abs(datetime.now(UTC) - refused.created_at) < timedelta(minutes=1)
    world.pay(page.url)
    assert payments.fetch_setup(failed["id"]).refusal is None


def test_every_subscription_that_has_not_ended_is_listed_part_by_part(
    payments: StripePayments, world: StripeWorld
) -> None:
    price, held = payments.ensure_price(PRICE), customer(payments)
    world.api("POST", "payment_methods/pm_card_visa/attach", customer=held.id)
    method = world.api("GET", "payment_methods", customer=held.id)["data"][0]["id"]
    made = [
        world.api(
            "POST", "subscriptions", customer=held.id, default_payment_method=method, **{"items[0][price]": price}
        )["id"]
        for _number in range(3)
    ]
    world.api("DELETE", f"subscriptions/{made[0]}")
    first = payments.list_all_subscriptions(limit=1)
    assert [one.id for one in first.subscriptions] == [made[2]]
    second = payments.list_all_subscriptions(after=first.next_after, limit=1)
    assert ([one.id for one in second.subscriptions], second.next_after) == ([made[1]], None)


def test_payments_are_listed_by_what_happened_to_them_part_by_part(
    payments: StripePayments, world: StripeWorld
) -> None:
    began = datetime.now(UTC) - timedelta(seconds=2)
    for intent, card in (("purchase:a:1", "4242424242424242"), ("purchase:b:1", "4000000000000259")):
        page = payments.start_checkout(checkout(payments, intent=intent))
        assert page.url is not None
        world.pay(page.url, card)
    disputed, plain = (one["id"] for one in world.api("GET", "payment_intents")["data"])
    for _part in range(2):
        world.api("POST", "refunds", payment_intent=plain, amount=500)
    first = payments.list_payments_of("payment", since=began, limit=1)
    assert first.payment_ids == (disputed,)
    second = payments.list_payments_of("payment", since=began, after=first.next_after, limit=1)
    assert (second.payment_ids, second.next_after) == ((plain,), None)
    assert payments.list_payments_of("refund", since=began).payment_ids == (plain,), "each once"
    assert payments.list_payments_of("dispute", since=began).payment_ids == (disputed,)
    assert payments.list_payments_of("payment", since=datetime.now(UTC) + timedelta(hours=1)).payment_ids == ()


def test_a_price_and_a_customer_can_be_looked_at(payments: StripePayments, world: StripeWorld) -> None:
    price, held = payments.ensure_price(PRICE), customer(payments)
    found = payments.fetch_price(price)
    assert (found.amount, found.interval, found.interval_count, found.is_active) == (
        Money(2900, "eur"),
        "month",
        1,
        True,
    )
    world.api("POST", f"prices/{price}", active="false")
    assert not payments.fetch_price(price).is_active
    assert payments.fetch_customer(held.id) == held
    world.api("DELETE", f"customers/{held.id}")
    assert payments.fetch_customer(held.id).deleted


def test_an_expired_page_stays_expired(payments: StripePayments) -> None:
    page = payments.start_checkout(checkout(payments))
    assert payments.expire_checkout(page.id).status == "expired"
    with pytest.raises(PaymentsRefused):
        payments.expire_checkout(page.id)


def test_what_is_not_there_is_said_to_be_not_there(payments: StripePayments) -> None:
    known = (payments.fetch_subscription, payments.fetch_invoice, payments.fetch_checkout)
    for fetch in (*known, payments.fetch_payment, payments.fetch_setup, payments.fetch_customer, payments.fetch_price):
        with pytest.raises(NotAtProvider):
            fetch("xx_nothing")


def test_the_provider_s_own_page_opens_for_a_customer(payments: StripePayments, world: StripeWorld) -> None:
    assert payments.open_portal(customer(payments).id, return_url="http://127.0.0.1:8000/").startswith(world.url)


def test_events_come_oldest_first(payments: StripePayments, world: StripeWorld) -> None:
    began = datetime.now(UTC) - timedelta(seconds=2)
    page = payments.start_checkout(checkout(payments))
    assert page.url is not None
    world.pay(page.url)
    notices = [notice for notice, _body in payments.list_notices(began)]
    assert [notice.created_at for notice in notices] == sorted(notice.created_at for notice in notices)
    assert {"customer.created", "checkout.session.completed", "invoice.paid"} <= {notice.type for notice in notices}


@pytest.mark.parametrize("trouble", [{"kind": "error", "status": 500}, {"kind": "error", "status": 429}])
def test_an_unknown_outcome_is_called_that_and_repeating_it_is_safe(
    payments: StripePayments, world: StripeWorld, trouble: dict[str, object]
) -> None:
    wanted = checkout(payments)
    world.control(
        "faults", api=[{**trouble, "path": "/v1/checkout/sessions", "method": "POST", "count": 2, "stored": False}]
    )
    with pytest.raises(PaymentsUnavailable):
        payments.start_checkout(wanted)
    world.control("faults", method="DELETE")
    again = payments.start_checkout(wanted)
    assert again.id == payments.start_checkout(wanted).id
    assert len(world.api("GET", "checkout/sessions")["data"]) == 1


def test_an_answer_that_was_lost_on_the_way_leaves_one_page(payments: StripePayments, world: StripeWorld) -> None:
    wanted = checkout(payments)
    world.control(
        "faults", api=[{"kind": "drop_answer", "path": "/v1/checkout/sessions", "method": "POST", "count": 2}]
    )
    with suppress(PaymentsUnavailable):  # the SDK tries again by itself and may get through
        payments.start_checkout(wanted)
    payments.start_checkout(wanted)
    assert len(world.api("GET", "checkout/sessions")["data"]) == 1


def test_whom_it_bills_can_be_said_changed_and_taken_back(payments: StripePayments, world: StripeWorld) -> None:
    held = customer(payments)
    whole = BillingIdentity(
        "Tidewater Labs GmbH", "bills@tidewater.example", "Hafen 4", "", "24103", "Kiel", "", "DE",
        ("eu_vat", "DE136695976"),
    )  # fmt: skip
    for _again in range(2):
        payments.set_billing_identity(held.id, whole)
    found = world.api("GET", f"customers/{held.id}", **{"expand[]": "tax_ids"})
    assert (found["name"], found["address"]["city"], len(found["tax_ids"]["data"])) == (whole.name, "Kiel", 1)
    payments.set_billing_identity(held.id, replace(whole, tax_number=("gb_vat", "GB980780684")))
    (number,) = world.api("GET", f"customers/{held.id}/tax_ids")["data"]
    assert number["value"] == "GB980780684"
    payments.set_billing_identity(held.id, BillingIdentity("Tidewater", None))
    found = world.api("GET", f"customers/{held.id}", **{"expand[]": "tax_ids"})
    assert (found["address"], found["tax_ids"]["data"], found["email"]) == (None, [], "bills@tidewater.example")
    with pytest.raises(PaymentsRefused) as refused:
        payments.set_billing_identity(held.id, replace(whole, tax_number=("eu_vat", "nothing")))
    assert refused.value.code == "tax_id_invalid"
    with pytest.raises(NotAtProvider):
        payments.set_billing_identity("cus_nothing", whole)


@pytest.mark.parametrize(
    "discount",
    [
        Discount("once", percent_off=Decimal("12.5")),
        Discount("repeating", amount_off=Money(500, "eur"), months=3),
        Discount("forever", percent_off=Decimal(25), products=frozenset({"portal-plan-7"})),
    ],
)
def test_a_code_is_made_found_used_and_stopped(
    payments: StripePayments, world: StripeWorld, discount: Discount
) -> None:
    wanted = checkout(payments)
    made = payments.create_code(NewCode("SPRING", discount, most_uses=5), key="code:1")
    assert payments.create_code(NewCode("SPRING", discount, most_uses=5), key="code:1").id == made.id
    assert payments.find_code("spring") == made
    assert payments.find_code("SUMMER") is None
    assert (made.discount, made.is_active, made.uses, made.most_uses) == (discount, True, 0, 5)
    page = payments.start_checkout(replace(wanted, promotion_id=made.id))
    assert page.url is not None
    world.pay(page.url)
    held = payments.fetch_subscription(payments.fetch_checkout(page.id).subscription_id or "")
    (invoice,) = payments.list_invoices(held.customer_id)
    assert invoice.total == 2900 - invoice.discount < 2900
    # What is good once has been used by the first invoice; the rest goes on and says until when.
    assert (held.discount is None) == (discount.duration == "once")
    assert held.discount is None or (held.discount.code, held.discount.discount) == ("SPRING", discount)
    payments.schedule_price(held.id, payments.ensure_price(SMALLER), key="later:1")
    assert payments.fetch_subscription(held.id).discount == held.discount
    for _again in range(2):
        payments.stop_code(made.id)
    assert [(one.code, one.is_active, one.uses) for one in payments.list_codes()] == [("SPRING", False, 1)]
    with pytest.raises(PaymentsRefused):
        payments.start_checkout(replace(wanted, promotion_id=made.id, intent="purchase:b:1"))
