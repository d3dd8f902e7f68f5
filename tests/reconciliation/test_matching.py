"""The rules, by the worked tables of docs/algorithms/reconciliation.md."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from portal.entitlements.types import Grant
from portal.kit.money import Money
from portal.kit.periods import Period
from portal.payments.types import Paid
from portal.ports.billing import (
    Customer,
    DisputeSnapshot,
    InvoiceSnapshot,
    PaymentSnapshot,
    PriceSnapshot,
    RefundSnapshot,
    SubscriptionSnapshot,
)
from portal.ports.gateway import KnownKey
from portal.reconciliation import others
from portal.reconciliation.matching import compare
from portal.reconciliation.mending import cap
from portal.reconciliation.paying import OurPayment, Standing, compare_payment, list_of, moved_at
from portal.reconciliation.types import SEVERITY, Code, EventFact, Mismatch, Ours, Reading
from portal.subscriptions.types import SubscriptionView
from tests.worked_tables import instant, worked_rows

PAGE = "reconciliation.md"
NOW = instant("2026-03-10")
START, END = instant("2026-03-01"), instant("2026-04-01")
NAMES = {"price_pro": "Pro", "price_scale": "Scale"}


def view(status: str) -> SubscriptionView:
    ended = instant("2026-03-04") if status == "canceled" else None
    return SubscriptionView(
        id=12, account_id=7, product_id=3, plan_id=4, price_id=5, stripe_subscription_id="sub_1", status=status,  # type: ignore[arg-type]
        quantity=1, period=Period(START, END), anchor_at=START, trial_end=None, cancel_at=None,
        cancel_at_period_end=False, canceled_at=ended, ended_at=ended, past_due_since=None, grace_until=None,
        read_at=instant("2026-03-05"),
    )  # fmt: skip


def ours(status: str = "active", right: str | None = "2026-04-01T01:00", event: Any = None) -> Ours:
    grant = () if right is None else (Grant(1, 9, "subscription", 12, START, instant(right)),)
    return Ours(
        held=view(status), organisation_id=2, external_id="2", email="cleo@example.com", account_name="Tidewater",
        customer_id="cus_1", plan_code="pro", plan_name="Pro", product_name="Rates", stripe_price_id="price_pro",
        price=Money(2900, "eur"), features={9: None}, grants=grant,
        event=EventFact(event[0], instant(event[1])) if event else None, price_names=NAMES,
    )  # fmt: skip


def theirs(
    status: str = "active", price: str = "price_pro", quantity: int = 1, start: str = "2026-03-01",
    end: str = "2026-04-01", cancel_at_period_end: bool = False, livemode: bool = False,
) -> SubscriptionSnapshot:  # fmt: skip
    return SubscriptionSnapshot(
        id="sub_1", customer_id="cus_1", status=status, price_id=price, quantity=quantity,
        current_period_start=instant(start), current_period_end=instant(end), trial_end=None, cancel_at=None,
        cancel_at_period_end=cancel_at_period_end, canceled_at=None, ended_at=None, latest_invoice_id=None,
        livemode=livemode,
    )  # fmt: skip


def reading(said: Any) -> Reading:
    return Reading(said) if isinstance(said, str) else Reading("read", theirs(**said))


@pytest.mark.parametrize(
    ("case", "mine", "said", "codes", "cause", "repairs"), worked_rows(PAGE, "A subscription"), ids=lambda value: None
)
def test_a_subscription(
    case: str, mine: Any, said: Any, codes: list[str], cause: str | None, repairs: list[str]
) -> None:
    found = compare(ours(**mine), reading(said), NOW, livemode=False)
    assert [one.code for one in found] == codes, case
    assert (found[0].cause if found else None) == cause, case
    assert (list(found[0].repairs) if found else []) == repairs, case
    assert all(one.subject == "subscription:12" and one.differences for one in found), case


@pytest.mark.parametrize(
    ("case", "status", "account", "product", "rival", "codes", "repairs"),
    worked_rows(PAGE, "A subscription that only the provider has"),
    ids=lambda value: None,
)
def test_a_stranger(
    case: str, status: str, account: int | None, product: int | None, rival: str | None, codes: list[str], repairs: Any
) -> None:
    known = others.Stranger(account, Money(2900, "eur"), product, rival)
    found = list(others.compare_stranger(theirs(status), known))
    assert [one.code for one in found] == codes, case
    assert [action for one in found for action in one.repairs] == repairs, case
    assert all(one.at_risk == Money(2900, "eur") for one in found), case


@pytest.mark.parametrize(
    ("case", "records", "most"), worked_rows(PAGE, "How many repairs a run makes by itself"), ids=lambda value: None
)
def test_repairs_of_a_run_are_few(case: str, records: int, most: int) -> None:
    assert cap(records) == most, case


def test_every_code_is_explained_with_its_severity() -> None:
    said: dict[str, int] = {}
    for codes, _means, severity, _by_itself in worked_rows_of_words("Codes"):
        for code in codes.replace("`", " ").split():
            said[code] = int(severity)
    assert said == dict(SEVERITY)


def test_what_is_at_risk_is_a_period_s_price_when_access_and_payment_part() -> None:
    (cancelled,) = compare(ours(), reading({"status": "canceled"}), NOW, livemode=False)
    assert cancelled.at_risk == Money(2900, "eur")
    (overdue,) = compare(ours(), reading({"status": "past_due"}), NOW, livemode=False)
    assert overdue.at_risk is None, "it is still theirs to pay and ours to serve"


def test_a_free_subscription_is_held_to_its_rights_alone() -> None:
    free = replace(ours(), held=replace(view("active"), stripe_subscription_id=None), grants=())
    assert codes_of(compare(free, Reading("not_asked"), NOW, livemode=False)) == ["ENT_MISSING"]
    assert codes_of(compare(free, Reading("not_asked"), NOW, livemode=True)) == ["ENT_MISSING"]


def test_each_feature_of_a_plan_is_held_to_its_own_right() -> None:
    seats = Grant(2, 10, "subscription", 12, START, instant("2026-04-01T01:00"), quantity=Decimal(5))
    whole = replace(ours(), features={9: None, 10: Decimal(5)})
    assert codes_of(compare(whole, reading({}), NOW, livemode=False)) == ["ENT_MISSING"]
    with_seats = replace(whole, grants=(*whole.grants, seats))
    assert not compare(with_seats, reading({}), NOW, livemode=False)
    given_up = replace(with_seats, features={9: None})
    assert codes_of(compare(given_up, reading({}), NOW, livemode=False)) == ["ENT_WITHOUT_SOURCE"]


def our_payment(
    status: str = "succeeded", received: int = 2900, refunded: int = 0, refunds: Any = None, disputes: Any = None,
    standing: Any = "free",
) -> OurPayment:  # fmt: skip
    held = None if standing is None else Standing(None if standing == "free" else standing)
    return OurPayment(
        7, status, Money(2900, "eur"), received, refunded, instant("2026-03-05"), refunds or {}, disputes or {}, held
    )


def their_payment(
    status: str = "succeeded", received: int = 2900, refunded: int = 0, refunds: Any = None, disputes: Any = None,
) -> PaymentSnapshot:  # fmt: skip
    return PaymentSnapshot(
        id="pi_1", customer_id="cus_1", amount=Money(2900, "eur"), refusal=None, invoice_id="in_1", status=status,
        amount_received=received, amount_refunded=refunded, paid_at=START if status == "succeeded" else None,
        created_at=START, livemode=False,
        refunds=tuple(RefundSnapshot(key, 2900, said, None, START) for key, said in (refunds or {}).items()),
        disputes=tuple(DisputeSnapshot(key, 2900, said, None, START) for key, said in (disputes or {}).items()),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("case", "mine", "said", "codes", "cause", "repairs"), worked_rows(PAGE, "A payment"), ids=lambda value: None
)
def test_a_payment(case: str, mine: Any, said: Any, codes: list[str], cause: str | None, repairs: list[str]) -> None:
    told = None if said is None else {name: value for name, value in said.items() if name != "event"}
    event = EventFact(said["event"][0], instant(said["event"][1])) if said and "event" in said else None
    held, there = None if mine is None else our_payment(**mine), None if told is None else their_payment(**told)
    found = list(compare_payment("pi_1", held, there, event))
    assert [one.code for one in found] == codes, case
    assert (found[0].cause if found else None) == cause, case
    assert (list(found[0].repairs) if found else []) == repairs, case
    assert all(one.subject == "payment:pi_1" and one.differences and one.at_risk for one in found), case


def test_a_hold_rests_on_every_payment_of_the_period() -> None:
    disputed = Paid("succeeded", 900, 0, ("needs_response",))
    held = replace(our_payment(), standing=Standing("disputed", (disputed,)))
    assert not list(compare_payment("pi_1", held, their_payment(), None)), "another payment of the period is why"
    free = replace(held, standing=Standing(None, (disputed,)))
    assert codes_of(compare_payment("pi_1", free, their_payment(), None)) == ["DISPUTE_NOT_APPLIED"]


def test_each_payment_is_led_to_by_one_list() -> None:
    old = replace(their_payment(), created_at=instant("2026-01-01"), paid_at=instant("2026-01-01"))
    back = RefundSnapshot("re_1", 900, "succeeded", None, NOW)
    claim = DisputeSnapshot("dp_1", 900, "needs_response", None, NOW)
    since = instant("2026-03-03")
    assert list_of(replace(old, created_at=NOW, refunds=(back,), disputes=(claim,)), since) == "payment"
    assert list_of(replace(old, refunds=(back,), disputes=(claim,)), since) == "refund"
    assert list_of(replace(old, disputes=(claim,)), since) == "dispute"
    assert list_of(old, since) == "ours"
    assert moved_at(replace(old, disputes=(claim,))) == NOW


def customer(**values: Any) -> others.OurCustomer:
    held = others.OurCustomer(7, "cus_1", "cleo@example.com", is_told=True, has_live=True, is_organisation=True)
    return replace(held, **values)


def test_customers() -> None:
    there = Customer("cus_1", "7", "Cleo@Example.com")
    assert not list(others.compare_customer(customer(), there)), "letter case is no difference"
    assert codes_of(others.compare_customer(customer(), None)) == ["CUSTOMER_DELETED"]
    assert codes_of(others.compare_customer(customer(), replace(there, deleted=True))) == ["CUSTOMER_DELETED"]
    assert not list(others.compare_customer(customer(has_live=False), None)), "nobody misses them"
    assert codes_of(others.compare_customer(customer(), replace(there, reference="8"))) == ["CUSTOMER_UNMAPPED"]
    (mail,) = others.compare_customer(customer(), replace(there, email="bills@example.com"))
    assert (mail.code, mail.repairs) == ("EMAIL_DIFF", ("tell_billing",))
    behind = others.compare_customer(customer(is_told=False), replace(there, email="bills@example.com"))
    assert not list(behind), "a change is on its way"


def invoice(**values: Any) -> InvoiceSnapshot:
    made = InvoiceSnapshot(
        id="in_1", number="A-1", customer_id="cus_1", subscription_id="sub_1", status="paid", currency="eur",
        subtotal=2900, total=2900, amount_due=0, amount_paid=2900, billing_reason=None, period_start=START,
        period_end=END, hosted_url=None, pdf_url=None, created_at=START, attempt_count=1, next_attempt_at=None,
        livemode=False,
    )  # fmt: skip
    return replace(made, **values)


def test_invoices() -> None:
    mirror = others.OurInvoice("in_1", "paid", 2900)
    assert not list(others.compare_invoice(mirror, invoice()))
    assert not list(others.compare_invoice(None, invoice(status="draft")))
    (missing,) = others.compare_invoice(None, invoice())
    assert (missing.code, missing.at_risk) == ("INV_MISSING", Money(2900, "eur"))
    both = list(others.compare_invoice(replace(mirror, status="open", total=2000), invoice()))
    assert codes_of(both) == ["INV_STATUS_DIFF", "INV_TOTAL_DIFF"]
    assert both[1].at_risk == Money(900, "eur")


def test_prices() -> None:
    mine = others.OurPrice(5, "price_pro", Money(2900, "eur"), "month", 1, is_used=True)
    there = PriceSnapshot("price_pro", "Rates", Money(2900, "eur"), "month", 1, is_active=True, livemode=False)
    assert not list(others.compare_price(mine, there))
    (dearer,) = others.compare_price(mine, replace(there, amount=Money(3900, "eur")))
    assert (dearer.code, dearer.at_risk, dearer.repairs) == ("PRICE_DRIFT", Money(1000, "eur"), ())
    assert codes_of(others.compare_price(mine, replace(there, interval="year"))) == ["PRICE_DRIFT"]
    assert codes_of(others.compare_price(mine, None)) == ["PRICE_DRIFT"]
    assert codes_of(others.compare_price(mine, replace(there, is_active=False))) == ["PRICE_INACTIVE_IN_USE"]
    assert not list(others.compare_price(replace(mine, is_used=False), replace(there, is_active=False)))


@pytest.mark.parametrize(
    ("state", "since", "codes"),
    [
        ("pending", "2026-03-09T23:30", []),
        ("retry", "2026-03-09T22:30", ["EVENT_STUCK"]),
        ("dead", "2026-03-09T23:59", ["EVENT_DEAD"]),
    ],
)
def test_deliveries(state: str, since: str, codes: list[Code]) -> None:
    held = others.Delivery(77, state, "invoice.paid", instant(since), None)
    assert codes_of(others.compare_delivery(held, NOW)) == codes


def test_sums() -> None:
    hour: datetime = instant("2026-03-09T10:00")
    counted = others.HourSums(10, 9, 1)
    assert not list(others.compare_hour(12, hour, counted, counted))
    (off,) = others.compare_hour(12, hour, others.HourSums(11, 9, 1), counted)
    assert [(one.field, one.ours, one.theirs) for one in off.differences] == [("calls", 11, 10)]
    assert off.subject == "usage:12:2026-03-09T10:00:00Z"


@pytest.mark.parametrize(
    ("opens", "known", "repairs"),
    [
        (True, KnownKey(9, is_let_in=True), None),
        (False, KnownKey(9, is_let_in=False), None),
        (False, None, None),
        (True, KnownKey(9, is_let_in=False), ("admit_key",)),
        (False, KnownKey(9, is_let_in=True), ("refuse_key",)),
        (True, None, ()),
    ],
)
def test_keys_in_both_directions(opens: bool, known: KnownKey | None, repairs: tuple[str, ...] | None) -> None:
    found = list(others.compare_key(others.OurKey(9, opens), known))
    assert [one.repairs for one in found] == ([] if repairs is None else [repairs])
    assert all(one.code == "API_KEY_ORPHAN" for one in found)


def codes_of(found: Any) -> list[str]:
    mismatches: list[Mismatch] = list(found)
    return [one.code for one in mismatches]


def worked_rows_of_words(section: str) -> list[list[str]]:
    from portal.app import ROOT

    text = (ROOT / "docs" / "algorithms" / PAGE).read_text()
    body = text.split(f"\n## {section}\n")[1].split("\n## ")[0]
    lines = [line for line in body.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
