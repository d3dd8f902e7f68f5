"""Greta of Fjordline decides what an API may cost her at most, and the door keeps to it.

day 0        she subscribes to Pro: €29.00 a month, 10,000 calls included, then €0.003 each. The page suggests €58.00
             and says that this is enough for 19,666 calls
day 9        80 % are used: one mail. The last call is served, call 19,667 is refused, and one mail says so
             she raises the limit to €100.00: calls are served again
             she tries €40.00, below what she has used: the page says that calls stop before she presses the button
day 10       she moves to Scale, €99.00 and €0.002 a call: the limit stays, and stands for other calls
month 2      counted from zero
"""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from jobs import recurring
from jobs.drain import outbox
from portal.audit.models import AuditEntry
from portal.dataplane.admission import Admission
from portal.dataplane.cache import Proof
from portal.dataplane.call import Call
from portal.dataplane.changes import Knowledge
from portal.dataplane.config import Config
from portal.dataplane.limits import MinuteWindows, Quotas
from portal.dataplane.refusals import Refusal
from portal.dataplane.truth import Truth
from portal.db import SYSTEM, db, scoped, transaction
from portal.gateway.models import QuotaCounter
from portal.identity.models import Organisation
from portal.kit.clock import ManualClock
from portal.kit.tokens import public_id_of
from portal.payments.models import Purchase
from portal.payments.settling import settle_one
from portal.payments.syncing import Syncing, sync_checkout, sync_subscription
from portal.settings import Settings
from portal.subscriptions.models import Subscription
from tests.factories import make_api_key, make_plan, make_user
from tests.mailbox import subjects_to
from tests.payments.conftest import Shop
from tests.sign_in import sign_in_as
from tests.stripe_world import StripeWorld

pytestmark = pytest.mark.scenario
MAILS = [
    "Over 80% of the spending limit for Rates is used",
    "Calls to Rates are refused: your limit of €58.00 is reached",
]


class Greta:
    """What she does in her browser, and what her programs meet at the door."""

    def __init__(self, app: Flask, shop: Shop, world: StripeWorld, syncing: Syncing, settings: Settings) -> None:
        organisation = db.session.get(Organisation, shop.account.organisation_id)
        self.person = make_user("Greta", organisation=organisation, role="owner")
        self.email = self.person.email
        self.app, self.browser = app, app.test_client()
        self.shop, self.world, self.syncing, self.settings = shop, world, syncing, settings
        self.key = ""
        self.signs_in()

    def signs_in(self) -> None:
        """A session does not last nine days without a visit."""
        self.browser: FlaskClient = sign_in_as(self.app.test_client(), self.person)

    @property
    def held(self) -> Subscription:
        with scoped(SYSTEM) as session:
            return session.scalars(select(Subscription).where(Subscription.account_id == self.shop.account.id)).one()

    @property
    def page(self) -> str:
        return f"/subscriptions/{self.held.id}/spending-limit"

    def sets(self, amount: str, **more: str) -> Any:
        return self.browser.post(self.page, data={"spending_limit": amount, **more})

    def buys(self, plan_id: int, **form: str) -> None:
        paying = self.browser.post(f"/subscribe/{plan_id}", data={"terms": "1", **form})
        assert paying.status_code == 303
        self.world.pay(paying.location)
        with scoped(SYSTEM) as session:
            purchase = session.scalars(select(Purchase.id)).one()
        settle_one(purchase, self.syncing)
        _row, self.key = make_api_key(self.held, self.settings.pepper, self.syncing.clock.now())

    def has_called(self, times: int) -> None:
        """So many calls of the running period were made, at this gateway or at another."""
        held = self.held
        with transaction(SYSTEM) as session:
            session.merge(QuotaCounter(subscription_id=held.id, period_start=held.current_period_start, used=times))

    def calls(self, times: int = 1) -> list[Refusal | int]:
        """What the door says to each call: the calls left under the limit, or why it is refused."""
        return asyncio.run(_at_the_door(self.settings, self.key, self.syncing.clock.now(), times))

    def mails(self) -> list[str]:
        recurring.tell_of_spending_limits()
        recurring.tell_of_spending_limits()
        outbox()
        return [subject for subject in subjects_to(self.email) if "limit" in subject]


async def _at_the_door(settings: Settings, key: str, now: Any, times: int) -> list[Refusal | int]:
    proof = Proof(lease=0.9)
    truth = Truth(settings.database_url.replace("+psycopg", ""), proof)
    await truth.open()
    quotas = Quotas(truth)
    config = Config(
        host="", port=0, state=Path("."), database_url=settings.database_url, redis_url="", pepper=settings.pepper,
        log_url="", log_token="", portal_url="https://market.example",
    )  # fmt: skip
    admission = Admission(config, Knowledge(truth, proof, outage=0), MinuteWindows(), quotas)
    found: list[Refusal | int] = []
    try:
        credential = await truth.find_credential(public_id_of(key) or "")
        assert credential is not None
        for number in range(times):
            call = Call(f"{number:032x}", now, 0.0, "127.0.0.1")
            try:
                await admission.use_quota(call, credential)
                found.append(int(call.headers["X-Quota-Remaining"]))
            except Refusal as refusal:
                found.append(refusal)
        await quotas.settle(everything=True)
    finally:
        await truth.close()
    return found


@pytest.fixture
def greta(app: Flask, shop: Shop, stripe_world: StripeWorld, syncing: Syncing, settings: Settings) -> Greta:
    return Greta(app, shop, stripe_world, syncing, settings)


def test_a_limit_of_money(greta: Greta, shop: Shop, stripe_world: StripeWorld, clock: ManualClock) -> None:
    pro, _price = make_plan(shop.api, "cheap-pro", amount=2900, usage_model="per_unit", unit_amount="0.3")
    large, _price = make_plan(
        shop.api, "large", amount=9900, usage_model="per_unit", unit_amount="0.2", included_quantity=50_000
    )

    review = greta.browser.get(f"/subscribe/{pro.id}").text
    assert re.search(r'name="spending_limit"[^>]* value="58.00"', review)
    assert "Enough for 19,666 calls a period; then calls are refused until you raise it" in review
    meaning = greta.browser.get(f"/subscribe/{pro.id}/spending-limit?spending_limit=100").text
    assert "Enough for 33,666 calls a period" in meaning
    without_scripts = greta.browser.post(f"/subscribe/{pro.id}", data={"act": "check", "spending_limit": "100"}).text
    assert "Enough for 33,666 calls a period" in without_scripts
    low = greta.browser.post(f"/subscribe/{pro.id}", data={"terms": "1", "spending_limit": "20"})
    assert low.status_code == 422
    assert "The plan itself costs €29.00 a period." in low.text

    greta.buys(pro.id, spending_limit="58.00")
    assert (greta.held.spending_limit, greta.held.spending_calls) == (5800, 19_666)
    assert greta.mails() == []

    # Day 9: most of it is used, then all of it.
    clock.advance(timedelta(days=9))
    greta.signs_in()
    greta.has_called(15_732)
    assert greta.mails() == []
    greta.has_called(15_733)
    assert greta.mails() == MAILS[:1]
    greta.has_called(19_664)
    last_two = greta.calls(3)
    assert last_two[:2] == [1, 0]
    refused = last_two[2]
    assert isinstance(refused, Refusal)
    assert (refused.status, refused.kind) == (429, "spending-limit-reached")
    assert refused.extra["limit"] == 19_666
    assert refused.extra["help"] == f"https://market.example/subscriptions/{greta.held.id}"
    assert greta.mails() == MAILS
    for page in ("/", "/usage", f"/subscriptions/{greta.held.id}"):
        assert "your spending limit of €58.00 is reached" in greta.browser.get(page).text
        assert "Raise the limit" in greta.browser.get(page).text

    # She raises it, looks at what less would do, and leaves it.
    assert greta.sets("100").status_code == 303
    assert greta.calls()[0] == 33_666 - 19_667
    assert "is reached" not in greta.browser.get("/usage").text
    told = greta.browser.get(f"{greta.page}/meaning?spending_limit=40").text
    assert "calls stop at once" in told
    unpressed = greta.sets("40.00")
    assert unpressed.status_code == 200
    assert "Set it and stop calls" in unpressed.text
    assert greta.held.spending_limit == 10_000
    assert greta.sets("40.00", told="4000").status_code == 303
    assert isinstance(greta.calls()[0], Refusal)
    assert greta.sets("100").status_code == 303

    # Another plan: the same money, other calls.
    preview = greta.browser.get(f"/subscriptions/{greta.held.id}/plan/{large.id}").text
    assert "Your spending limit of €100.00 stays. On Large it is enough for 50,500 calls a period." in preview
    seen = re.search(r'name="seen" value="([^"]+)"', preview)
    assert seen
    moved = greta.browser.post(f"/subscriptions/{greta.held.id}/plan/{large.id}", data={"seen": seen[1]})
    assert moved.status_code == 303
    assert (greta.held.spending_limit, greta.held.spending_calls) == (10_000, 50_500)
    assert greta.calls()[0] == 50_500 - 19_668
    assert greta.mails() == MAILS

    # The next month counts from zero, and its mails are its own.
    clock.advance(timedelta(days=23))
    stripe_world.control("clock", advance=int(timedelta(days=32).total_seconds()))
    stripe_id = greta.held.stripe_subscription_id
    assert stripe_id is not None
    sync_subscription(stripe_id, greta.syncing)
    assert greta.calls()[0] == 50_499
    greta.signs_in()
    assert greta.browser.get(greta.page).text.count("1 of the 50,500 calls it pays for are made") == 1
    greta.has_called(50_500)
    assert greta.mails() == [*MAILS, "Calls to Rates are refused: your limit of €100.00 is reached"]

    with scoped(SYSTEM) as session:
        trail = session.execute(
            select(AuditEntry.actor, AuditEntry.after)
            .where(AuditEntry.action == "subscription.spending_limit")
            .order_by(AuditEntry.id)
        ).all()
    assert [entry.after["spending_limit"] for entry in trail] == [5800, 10_000, 4000, 10_000]
    assert {entry.actor for entry in trail} == {f"user:{greta.person.id}"}


def test_events_that_come_twice_or_late_do_not_bring_an_old_limit_back(greta: Greta, shop: Shop) -> None:
    greta.buys(shop.pro[0].id, spending_limit="58")
    with scoped(SYSTEM) as session:
        checkout = session.scalars(select(Purchase.stripe_checkout_id)).one()
    assert checkout is not None
    greta.sets("")
    assert greta.held.spending_limit is None
    for _ in range(2):
        sync_checkout(checkout, greta.syncing)
        sync_subscription(greta.held.stripe_subscription_id or "", greta.syncing)
    assert (greta.held.spending_limit, greta.held.spending_calls) == (None, None)
    greta.sets("60")
    sync_checkout(checkout, greta.syncing)
    assert greta.held.spending_limit == 6000


def test_money_and_calls_stand_together_or_not_at_all(greta: Greta, shop: Shop) -> None:
    greta.buys(shop.pro[0].id, spending_limit="")
    halves: list[dict[str, int]] = [
        {"spending_limit": 5800},
        {"spending_calls": 3},
        {"spending_limit": -1, "spending_calls": 3},
    ]
    for half in halves:
        with pytest.raises(Exception, match="subscriptions_spending"), transaction(SYSTEM) as session:
            session.execute(update(Subscription).values(**half))
