"""The demo's past: each story happened at the simulator, arrived in signed deliveries, and shows on the pages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from portal.adapters.inline_queue import RememberingBell
from portal.app import create_app
from portal.db import SYSTEM, db, enter_scope, scoped
from portal.demo import world
from portal.demo.billing_history import PEOPLE, months_before
from portal.demo.state import State
from portal.identity.models import User
from portal.kit.clock import SystemClock
from portal.kit.periods import add_intervals
from portal.payments.models import Purchase, StripeInvoice
from portal.projects.models import Account
from portal.reconciliation.models import ReconMismatch, ReconRun
from portal.settings import Settings
from portal.subscriptions.models import Subscription
from portal.webhooks.models import WebhookEvent
from portal.wiring import plug
from tests.conftest import empty_tables
from tests.sign_in import Browser, sign_in_as
from tests.simulator.running import Running, as_process, free_port

SECRET = "whsec_test_0123456789abcdef"
pytestmark = pytest.mark.scenario


@dataclass(frozen=True)
class Seeded:
    """The seeded world: a portal that keeps the machine's time, beside the simulator it believes."""

    portal: Flask
    simulator: Running
    settings: Settings
    folder: Path
    began: datetime

    def seed(self) -> None:
        """Seed as `python -m portal.demo.world` does."""
        world.seed(self.portal, State.at(self.folder))

    def browser(self, first_name: str) -> FlaskClient:
        """The browser of one of the people, signed in."""
        email = next(one.email for one in PEOPLE if one.name.startswith(first_name))
        with scoped(SYSTEM) as session:
            person = session.scalars(select(User).where(User.email == email)).one()
        return sign_in_as(self.portal.test_client(), person)

    def page(self, first_name: str, path: str) -> str:
        """What one of them reads at an address, without the marks around the words."""
        answer = self.browser(first_name).get(path)
        assert answer.status_code == 200, path
        running_text = re.sub(r"</?(time|span)\b[^>]*>", "", answer.text)
        return " ".join(re.sub(r"<[^>]+>", " ", running_text).split())

    def subscription(self, first_name: str) -> Subscription:
        """The newest subscription of one of them."""
        with scoped(SYSTEM) as session:
            held = session.scalars(select(Subscription).where(Subscription.account_id == self.account(first_name)))
            return max(held, key=lambda one: one.id)

    def account(self, first_name: str) -> int:
        organisation = next(one.organisation for one in PEOPLE if one.name.startswith(first_name))
        with scoped(SYSTEM) as session:
            return session.scalars(select(Account.id).where(Account.name == organisation)).one()

    def invoices(self, first_name: str) -> list[tuple[str, int]]:
        """State and total of every invoice of one of them, oldest first."""
        with scoped(SYSTEM) as session:
            found = session.execute(
                select(StripeInvoice.status, StripeInvoice.total)
                .where(StripeInvoice.account_id == self.account(first_name))
                .order_by(StripeInvoice.invoiced_at)
            )
            return [(row.status, row.total) for row in found]

    def api(self, path: str) -> dict[str, Any]:
        """What the simulator says itself."""
        found: dict[str, Any] = requests.get(
            f"{self.simulator.url}/v1/{path}", headers={"Authorization": "Bearer sk_test_x"}, timeout=20
        ).json()
        return found

    def every(self, path: str) -> list[dict[str, Any]]:
        """Everything in one of the simulator's lists, page after page."""
        found: list[dict[str, Any]] = []
        while (page := self.api(path + (f"&starting_after={found[-1]['id']}" if found else "")))["data"]:
            found += page["data"]
        return found


@pytest.fixture(scope="module")
def seeded(migrated: Flask, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeded]:
    """The world, seeded once for the tests that only read it."""
    assert migrated.config["SETTINGS"] is settings
    folder, address, port = tmp_path_factory.mktemp("past"), f"http://127.0.0.1:{free_port()}", free_port()
    plugged = settings.model_copy(
        update={
            "public_url": address,
            "stripe_api_base": f"http://127.0.0.1:{port}",
            "stripe_secret_key": "sk_test_x",
            "stripe_webhook_secret": SECRET,
        }
    )
    empty_tables(settings)
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setenv("UPSTREAMS_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SIMULATOR_URL", plugged.stripe_api_base)
    portal = create_app(plugged, replace(plug(plugged), queue=RememberingBell()))
    portal.test_client_class = Browser
    flags = ("--webhook-url", f"{address}/api/webhooks/stripe", "--webhook-secret", SECRET)
    with as_process(folder / "simulator", port, *flags) as (running, _), portal.app_context():
        one = Seeded(portal, running, plugged, folder / "state", SystemClock().now())
        one.seed()
        enter_scope(SYSTEM)
        yield one
        db.session.remove()
        db.engine.dispose()
    monkeypatch.undo()
    empty_tables(settings)


def test_every_event_was_signed_stored_and_worked(seeded: Seeded) -> None:
    with scoped(SYSTEM) as session:
        states = dict(session.execute(select(WebhookEvent.state, func.count()).group_by(WebhookEvent.state)).all())
        happened = session.execute(select(func.min(WebhookEvent.event_created_at))).scalar_one()
    assert set(states) == {"done", "ignored"}
    assert happened < seeded.began - timedelta(days=150)
    at_the_simulator = requests.get(f"{seeded.simulator.url}/_simulator/state", timeout=20).json()
    assert at_the_simulator["deliveries"] == {"delivered": sum(states.values())}


def test_the_present_is_the_machine_s_again(seeded: Seeded) -> None:
    state = requests.get(f"{seeded.simulator.url}/_simulator/state", timeout=20).json()
    assert state["clock_offset"] == 0
    assert state["next_due"] > seeded.began.timestamp(), "what comes next is still to come"


def test_what_the_portal_holds_is_what_the_simulator_says(seeded: Seeded) -> None:
    with scoped(SYSTEM) as session:
        ours = {one.stripe_subscription_id: one for one in session.scalars(select(Subscription))}
        invoices = session.execute(select(StripeInvoice.stripe_invoice_id, StripeInvoice.status)).all()
    theirs = {one["id"]: one for one in seeded.every("subscriptions?status=all&limit=100")}
    assert set(theirs) == set(ours) - {None}
    for name, one in theirs.items():
        item = one["items"]["data"][0]
        assert (ours[name].status, ours[name].current_period_end) == (one["status"], _at(item["current_period_end"]))
        unheard = name == seeded.subscription("Runa").stripe_subscription_id
        assert (ours[name].cancel_at_period_end == one["cancel_at_period_end"]) is not unheard
    assert dict(invoices) == {one["id"]: one["status"] for one in seeded.every("invoices?limit=100")}


def test_greta_has_paid_for_months_and_once_had_another(seeded: Seeded) -> None:
    paid = seeded.invoices("Greta")
    assert {state for state, _total in paid} == {"paid"}
    assert [total for _state, total in paid if total].count(2_900) >= 6
    assert [total for _state, total in paid].count(900) == 1
    assert "Ended" in seeded.page("Greta", "/subscriptions")
    first = min(one["created"] for one in seeded.every("invoices?limit=100"))
    assert _at(first) < seeded.began - timedelta(days=150)
    shown = seeded.page("Greta", f"/subscriptions/{_running(seeded, 'Greta').id}/invoices")
    assert shown.count("Paid") >= 6
    assert shown.count("€29.00") >= 6


def test_greta_s_invoices_and_receipts_can_be_opened(seeded: Seeded) -> None:
    with scoped(SYSTEM) as session:
        urls = session.scalars(
            select(StripeInvoice.hosted_url).where(StripeInvoice.account_id == seeded.account("Greta"))
        ).all()
    assert len(urls) >= 7
    for url in urls:
        assert requests.get(str(url), timeout=20).status_code == 200
    charge = next(one for one in seeded.every("charges?limit=100") if one["paid"])
    assert requests.get(charge["receipt_url"], timeout=20).status_code == 200


def test_finn_owes_one_month_and_sees_how_much_and_until_when(seeded: Seeded) -> None:
    held = seeded.subscription("Finn")
    assert (held.status, held.past_due_since is not None) == ("past_due", True)
    assert held.grace_until is not None
    assert seeded.invoices("Finn") == [*[("paid", 2_900)] * (len(seeded.invoices("Finn")) - 1), ("open", 2_900)]
    until = f"{held.grace_until.day} {held.grace_until:%b %Y}"
    for path in ("/", "/marketplace/kestrel-data/rates", "/subscriptions"):
        assert f"€29.00 for Rates is overdue. Access stays until {until}." in seeded.page("Finn", path)
    owed = seeded.api("invoices?status=open&limit=10")["data"][0]
    assert owed["attempt_count"] >= 1
    assert owed["next_payment_attempt"] > seeded.began.timestamp(), "the simulator goes on asking his card"


def test_noor_s_trial_ends_in_two_days_with_a_card_on_file(seeded: Seeded) -> None:
    held = seeded.subscription("Noor")
    assert held.status == "trialing"
    assert held.trial_end is not None
    assert timedelta(days=2) < held.trial_end - seeded.began < timedelta(days=2, hours=6)
    assert f"Trial until {held.trial_end.day} {held.trial_end:%b %Y}, then €9.00 a month." in seeded.page(
        "Noor", "/subscriptions"
    )
    assert seeded.api(f"subscriptions/{held.stripe_subscription_id}")["default_payment_method"]


def test_ivo_s_card_was_declined_and_nothing_was_charged(seeded: Seeded) -> None:
    with scoped(SYSTEM) as session:
        purchases = session.scalars(
            select(Purchase).where(Purchase.account_id == seeded.account("Ivo")).order_by(Purchase.created_at)
        ).all()
    assert [one.status for one in purchases] == ["expired", "open"]
    assert seeded.invoices("Ivo") == []
    page = requests.get(str(purchases[1].checkout_url), timeout=20)
    assert page.status_code == 200, "the payment page still takes another card"
    failed = [one for one in seeded.every("charges?limit=100") if one["status"] == "failed"]
    assert "generic_decline" in json.dumps(failed)


def test_mina_s_subscription_works_until_its_period_ends(seeded: Seeded) -> None:
    held = seeded.subscription("Mina")
    assert (held.status, held.cancel_at_period_end) == ("active", True)
    until = held.current_period_end
    assert f"Works until {until.day} {until:%b %Y}, then ends." in seeded.page("Mina", f"/subscriptions/{held.id}")


def test_theo_moves_to_the_smaller_plan_when_his_period_ends(seeded: Seeded) -> None:
    held = seeded.subscription("Theo")
    waiting = seeded.page("Theo", f"/subscriptions/{held.id}/plan/waiting")
    until = held.current_period_end
    assert "Pro is planned" in waiting
    assert f"It begins on {until.day} {until:%b %Y}" in waiting
    assert seeded.api(f"subscriptions/{held.stripe_subscription_id}")["schedule"]


@pytest.mark.parametrize("name", ["Greta", "Finn", "Noor", "Mina", "Theo"])
def test_everybody_who_holds_something_has_used_it(seeded: Seeded, name: str) -> None:
    page = seeded.page(name, "/")
    used = re.search(r"([\d,]+) of [\d,]+", page)
    assert used is not None
    assert int(used[1].replace(",", "")) > 0


def test_their_keys_were_used_lately(seeded: Seeded) -> None:
    keys = seeded.page("Greta", f"/subscriptions/{_running(seeded, 'Greta').id}/keys")
    assert "Production" in keys
    assert "Never" not in keys


def test_what_was_never_heard_of_was_found_and_nothing_else(seeded: Seeded) -> None:
    with scoped(SYSTEM) as session:
        runs = session.scalars(select(ReconRun).order_by(ReconRun.id)).all()
        found = session.scalars(select(ReconMismatch).order_by(ReconMismatch.severity)).all()
    assert [(run.status, run.mismatched, run.unknown) for run in runs] == [("done", 0, 0), ("done", 2, 0)]
    assert [(one.reason_code, one.whose) for one in found] == [
        ("SUB_CANCEL_FLAG_DIFF", "Skerry Maps"),
        ("EMAIL_DIFF", "Fjordline Logistics"),
    ]


def test_a_second_seeding_changes_nothing(seeded: Seeded) -> None:
    before = _picture(seeded)
    seeded.seed()
    enter_scope(SYSTEM)
    assert _picture(seeded) == before


@pytest.mark.parametrize("day", [28, 29, 30, 31])
@pytest.mark.parametrize("month", range(1, 13))
def test_a_subscription_that_began_months_ago_renews_to_the_second(month: int, day: int) -> None:
    try:
        moment = datetime(2027, month, day, 5, tzinfo=UTC)
    except ValueError:
        pytest.skip("no such day")
    began = months_before(moment, 5)
    assert any(add_intervals(began, "month", count) == moment for count in (5, 6, 7))


def _picture(seeded: Seeded) -> tuple[Any, ...]:
    with scoped(SYSTEM) as session:
        counts = tuple(
            session.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (User, Account, Subscription, StripeInvoice, Purchase, WebhookEvent)
        )
    events = requests.get(f"{seeded.simulator.url}/_simulator/state", timeout=20).json()["deliveries"]
    return counts, events, [one["id"] for one in seeded.api("events?limit=10")["data"]]


def _running(seeded: Seeded, first_name: str) -> Subscription:
    with scoped(SYSTEM) as session:
        return session.scalars(
            select(Subscription).where(
                Subscription.account_id == seeded.account(first_name), Subscription.status == "active"
            )
        ).one()


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
