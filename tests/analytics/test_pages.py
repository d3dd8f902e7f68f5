"""The figures on operators' screens: each leads to its rows, and the rows add up to it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.analytics import documents
from portal.db import SYSTEM, transaction
from portal.identity.models import User
from portal.payments.models import Payment, PlanChange, Refund, StripeInvoice, SubscriptionDiscount
from portal.projects.models import Account
from portal.settings import Settings
from portal.subscriptions.models import Subscription
from tests.factories import (
    make_account,
    make_api,
    make_app_key,
    make_feature,
    make_organisation,
    make_plan,
    make_project,
    make_sold,
    make_subscription,
    make_user,
)
from tests.sign_in import sign_in_as
from tests.worked_tables import instant

NOW = instant("2026-03-10T09:00")
Hold = Callable[..., Subscription]


def save(*rows: Any) -> None:
    with transaction(SYSTEM) as session:
        session.add_all(rows)


@pytest.fixture
def desk(app: Flask) -> FlaskClient:
    olive = make_user("Olive", organisation=make_organisation("Market Office"), is_operator=True)
    return sign_in_as(app.test_client(), olive)


@pytest.fixture
def hold(app: Flask) -> Hold:
    """Let an account, a new one each time, hold a plan since an instant."""
    provider = make_organisation("Kestrel")

    def make(amount: int, since: str, *, currency: str = "eur", interval: str = "month", **facts: Any) -> Subscription:
        plan, price = make_plan(make_api(provider), amount=amount, currency=currency, interval=interval)
        account = make_account(make_organisation())
        begun = instant(since)
        facts.setdefault("current_period_start", begun)
        return make_subscription(account, plan, price, begun, **facts)

    return make


@pytest.fixture
def business(hold: Hold) -> dict[str, Subscription]:
    """A small business: every state, two currencies, discounts, a plan change, somebody who left."""
    held = {
        "monthly": hold(2900, "2025-06-01"),
        "yearly": hold(10000, "2025-11-05", interval="year"),
        "weekly": hold(700, "2026-01-07", interval="week"),
        "dollars": hold(1900, "2026-02-20", currency="usd"),
        "trial": hold(4900, "2026-03-01", status="trialing", trial_end=instant("2026-03-15")),
        "overdue": hold(900, "2025-09-01", status="past_due", past_due_since=instant("2026-03-03")),
        "unpaid": hold(900, "2025-09-01", status="unpaid"),
        "left": hold(5900, "2025-08-01", status="canceled", ended_at=instant("2026-02-25")),
        "halved": hold(2000, "2025-12-01", cancel_at_period_end=True),
        "free": hold(0, "2025-10-01"),
    }
    halved = held["halved"]
    save(
        SubscriptionDiscount(
            subscription_id=halved.id, account_id=halved.account_id, percent_off=Decimal(50), is_once=False
        ),
        SubscriptionDiscount(
            subscription_id=held["weekly"].id,
            account_id=held["weekly"].account_id,
            percent_off=Decimal(50),
            is_once=True,
        ),
    )
    save(_change(held["monthly"], "2026-02-28", 900))
    return held


def _change(subscription: Subscription, at: str, from_amount: int) -> PlanChange:
    provider = make_organisation()
    _plan, price = make_plan(make_api(provider), amount=from_amount)
    return PlanChange(
        account_id=subscription.account_id,
        subscription_id=subscription.id,
        from_price_id=price.id,
        to_price_id=subscription.price_id,
        to_plan_id=subscription.plan_id,
        kind="now",
        state="done",
        effective_at=instant(at),
        created_at=instant(at),
        updated_at=instant(at),
    )


def pay(subscription: Subscription, amount: int, at: datetime, *, currency: str = "eur", **facts: Any) -> Payment:
    facts.setdefault("amount_refunded", 0)
    row = Payment(
        account_id=subscription.account_id,
        livemode=False,
        stripe_payment_id=f"pi_{subscription.id}_{at:%Y%m%d%H%M%S%f}",
        subscription_id=subscription.id,
        status="succeeded",
        currency=currency,
        amount=amount,
        amount_received=amount,
        paid_at=at,
        begun_at=at,
        source_fetched_at=at,
        **facts,
    )
    save(row)
    return row


def invoice(subscription: Subscription, number: str, amount: int, at: str, **facts: Any) -> None:
    facts.setdefault("amount_paid", amount)
    save(
        StripeInvoice(
            account_id=subscription.account_id,
            subscription_id=subscription.id,
            stripe_invoice_id=f"in_{number}",
            number=number,
            currency="eur",
            total=amount,
            amount_due=amount,
            period_start=instant(at),
            period_end=instant(at) + timedelta(days=30),
            invoiced_at=instant(at),
            source_fetched_at=instant(at),
            **facts,
        )
    )


def rows(answer: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer)))


def total(lines: list[dict[str, str]], column: str, **such: str) -> Fraction:
    return sum((Fraction(one[column]) for one in lines if such.items() <= one.items()), Fraction(0))


class TestFigures:
    def test_recurring_revenue_is_exact_and_rounded_once(self, desk: FlaskClient, business: Any) -> None:
        """2900 + 10000/12 + 700 * 52/12 + 2000/2 = 7766.67: no discount for one charge, no trial, nothing overdue."""
        page = desk.get("/admin/metrics").text
        assert re.search(r"Recurring a month.*?€77\.67", page, re.S)
        lines = rows(desk.get("/admin/metrics/subscriptions.csv?state=active&currency=eur").text)
        assert total(lines, "per month") == Fraction(2900) + Fraction(10000, 12) + Fraction(700 * 52, 12) + 1000
        shown = desk.get("/admin/metrics/subscriptions?state=active&currency=eur").text
        assert "5 subscriptions." in shown
        assert "Together €77.67 a month." in shown

    def test_every_state_leads_to_its_rows(self, desk: FlaskClient, business: Any) -> None:
        page = desk.get("/admin/metrics").text
        states = re.findall(r'href="(/admin/metrics/subscriptions\?state=(\w+))">.*?class="n"[^>]*>(\d+)<', page, re.S)
        assert {state: int(count) for _url, state, count in states if state != "active"} == {
            "trialing": 1,
            "past_due": 1,
            "unpaid": 1,
            "canceled": 1,
        }
        for url, state, count in states:
            lines = rows(desk.get(url.replace("subscriptions?", "subscriptions.csv?")).text)
            assert {one["state"] for one in lines} == {state}
            if state != "active":  # the first link of the page is the card's, which is about money
                assert len(lines) == int(count)

    def test_who_left_and_what_moved_adds_up(self, desk: FlaskClient, business: Any) -> None:
        """In thirty days: 59.00 left, 9.00 is not paid for any more, 20.00 more by a change of plan, 19.00 dollars are new."""
        page = desk.get("/admin/metrics").text
        assert "2 of 7 customers left: 28.6%." in page
        moves = rows(desk.get("/admin/metrics/moves.csv").text)
        assert [(one["kind"], one["currency"], one["before per month"], one["after per month"]) for one in moves] == [
            ("lost", "eur", "5900", "0"),
            ("more", "eur", "900", "2900"),
            ("lost", "eur", "900", "0"),
            ("new", "usd", "0", "1900"),
        ]
        assert "Together −€48.00 a month." in desk.get("/admin/metrics/moves?currency=eur").text
        assert "Together −€68.00 a month." in desk.get("/admin/metrics/moves?kind=lost").text
        assert "1 of 7 customers left: 14.3%." in desk.get("/admin/metrics?range=month").text

    def test_money_is_counted_once(self, desk: FlaskClient, business: dict[str, Subscription]) -> None:
        monthly, left = business["monthly"], business["left"]
        paid = pay(monthly, 2900, NOW - timedelta(days=9), stripe_invoice_id="in_A-1", amount_refunded=900)
        invoice(monthly, "A-1", 2900, "2026-03-01", status="paid")
        invoice(left, "A-0", 5900, "2026-02-20", status="paid")
        invoice(business["overdue"], "A-2", 900, "2026-03-03", status="open", amount_paid=0)
        pay(business["dollars"], 1900, NOW - timedelta(days=18), currency="usd")
        pay(monthly, 999, NOW - timedelta(days=31))
        save(_refund(paid, 900, "succeeded"), _refund(paid, 100, "failed"))
        page = desk.get("/admin/metrics").text
        assert re.search(r"Net revenue.*?€79\.00", page, re.S)
        assert re.search(r">EUR<.*?€88\.00.*?€9\.00.*?€79\.00.*?€9\.00", page, re.S)
        lines = rows(desk.get("/admin/metrics/money.csv").text)
        assert total(lines, "amount", currency="eur") == 7900
        assert [one["kind"] for one in lines if one["currency"] == "eur"] == ["refund", "payment", "invoice"]
        assert "Received €88.00, refunded €9.00, net €79.00." in desk.get("/admin/metrics/money?currency=eur").text
        assert "€19" not in desk.get("/admin/metrics/money?currency=eur").text

    def test_trials(self, desk: FlaskClient, hold: Hold) -> None:
        hold(900, "2026-02-20", status="trialing", trial_end=instant("2026-03-20"))
        kept = hold(900, "2026-02-01", trial_end=instant("2026-02-15"))
        pay(kept, 900, instant("2026-02-15"))
        hold(900, "2026-02-15", status="canceled", trial_end=instant("2026-03-15"), ended_at=instant("2026-03-01"))
        page = " ".join(re.sub(r"<[^>]+>", " ", desk.get("/admin/metrics").text).split())
        assert "Running now 1 Begun 2 Over 2 of them paid 1 (50.0%) of them left 1 of them undecided 0" in page

    def test_twelve_months_show_how_it_went(self, desk: FlaskClient, business: Any) -> None:
        page = desk.get("/admin/metrics?currency=eur").text
        months = re.findall(r'data-label="Month">([^<]+)</th><td class="n" data-label="Recurring">([^<]+)<', page)
        assert months[0] == ("March 2026", "€77.67")
        assert months[-1] == ("April 2025", "€0.00")
        assert dict(months)["August 2025"] == "€68.00"
        assert desk.get("/admin/metrics?currency=usd").text.count("$19.00") > 1

    def test_nothing_at_all_is_said(self, desk: FlaskClient) -> None:
        page = desk.get("/admin/metrics").text
        assert "No subscriptions yet" in page
        assert "Nobody paid when the period began." in page
        for name in ("subscriptions", "moves", "money"):
            assert desk.get(f"/admin/metrics/{name}").status_code == 200
            assert desk.get(f"/admin/metrics/{name}.csv").text.count("\r\n") == 1

    @pytest.mark.parametrize("wanted", ["30d", "month", "last-month", "90d", "year", "x", ""])
    def test_every_range_shows_something(self, desk: FlaskClient, business: Any, wanted: str) -> None:
        for name in ("", "/moves", "/money"):
            assert desk.get(f"/admin/metrics{name}", query_string={"range": wanted}).status_code == 200

    def test_it_is_for_operators(self, app: Flask, client: FlaskClient, cleo: User) -> None:
        sign_in_as(client, cleo)
        for name in ("", "/subscriptions", "/moves", "/money", "/subscriptions.csv", "/moves.csv", "/money.csv"):
            assert client.get(f"/admin/metrics{name}").status_code == 403


class TestForPrograms:
    def test_a_projects_own_figures_alone(
        self, app: Flask, client: FlaskClient, settings: Settings, business: Any
    ) -> None:
        project = make_project("space_journal")
        _app, key = make_app_key(project, settings.pepper, NOW)
        plan, price = make_sold(project, make_feature(project), "price_123")
        account = _account(project.id)
        held = make_subscription(account, plan, price, instant("2026-02-20"))
        pay(held, 1499, instant("2026-02-20T00:01"), currency="usd")
        base = f"/api/v1/metrics/project/{project.id}"
        found = client.get(f"{base}/subscriptions", headers={"X-API-Key": key}).json
        assert shape(found) == shape(documents.SUBSCRIPTIONS)
        assert found["project_id"] == project.id
        assert found["subscriptions"]["by_status"]["active"] == found["subscriptions"]["live"] == 1
        assert found["mrr"] == [{"currency": "usd", "amount": 1499, "trialing": 0, "past_due": 0}]
        assert found["churn"]["customers"] == {"before": 0, "lost": 0, "rate": None}
        assert found["churn"]["revenue"][0]["new"] == 1499
        assert found["period"] == {"since": "2026-02-08T09:00:00Z", "until": "2026-03-10T09:00:00Z"}
        money = client.get(f"{base}/revenue?since=2026-02-20T00:00:00Z", headers={"X-API-Key": key}).json
        assert shape(money) == shape(documents.REVENUE)
        assert money["revenue"] == [
            {
                "currency": "usd", "received": 1499, "payments": 1, "refunded": 0, "refunds": 0, "net": 1499,
                "open": 0, "open_invoices": 0,
            }
        ]  # fmt: skip
        narrow = "since=2026-02-20T00:00:00Z&until=2026-02-20T00:01:00Z"
        assert client.get(f"{base}/revenue?{narrow}", headers={"X-API-Key": key}).json["revenue"] == []

    def test_keys_open_their_own_project_with_the_scope(
        self, app: Flask, client: FlaskClient, settings: Settings
    ) -> None:
        ours, theirs = make_project(), make_project()
        _app, key = make_app_key(ours, settings.pepper, NOW)
        _app, narrow = make_app_key(ours, settings.pepper, NOW, scopes=["checkout"])
        for name in ("subscriptions", "revenue"):
            path = f"/api/v1/metrics/project/{ours.id}/{name}"
            assert client.get(path).status_code == 401
            assert client.get(path, headers={"X-API-Key": "sk_app_wrong"}).status_code == 401
            assert client.get(path, headers={"X-API-Key": narrow}).status_code == 403
            other = client.get(f"/api/v1/metrics/project/{theirs.id}/{name}", headers={"X-API-Key": key})
            assert (other.status_code, other.json["title"]) == (403, "Project ID does not match")

    @pytest.mark.parametrize(
        "query",
        [
            "since=2026-03-01",
            "since=1",
            "since=2026-03-09T00:00:00Z&until=2026-03-09T00:00:00Z",
            "from=x",
            "since=x&since=y",
            "until=0001-01-01T00:00:00Z",
        ],
    )
    def test_unreadable_periods_are_refused(
        self, app: Flask, client: FlaskClient, settings: Settings, query: str
    ) -> None:
        project = make_project()
        _app, key = make_app_key(project, settings.pepper, NOW)
        answer = client.get(f"/api/v1/metrics/project/{project.id}/revenue?{query}", headers={"X-API-Key": key})
        assert answer.status_code == 422
        assert answer.mimetype == "application/problem+json"


@pytest.fixture
def cleo(app: Flask) -> User:
    return make_user("Cleo", organisation=make_organisation())


def shape(value: Any) -> Any:
    """What a document is made of, whatever its values."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else "…"


def _refund(payment: Payment, amount: int, status: str) -> Refund:
    return Refund(
        account_id=payment.account_id,
        payment_id=payment.id,
        stripe_refund_id=f"re_{amount}",
        status=status,
        currency=payment.currency,
        amount=amount,
        refunded_at=NOW - timedelta(days=1),
        source_fetched_at=NOW,
    )


def _account(project_id: int) -> Any:
    row = Account(project_id=project_id, external_id="user_42", kind="user")
    save(row)
    return row
