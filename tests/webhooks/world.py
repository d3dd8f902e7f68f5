"""A small world to shake: two buyers, Stripe, a mail carrier who loses letters, workers that die."""

# ruff: noqa: S608 - names of our own tables

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import psycopg
from flask import Flask
from psycopg.rows import TupleRow
from sqlalchemy import event

from jobs import drain
from portal.adapters.stripe_payments import StripePayments
from portal.db import SYSTEM, Scope, db, enter_scope
from portal.kit.clock import ManualClock, SystemClock
from portal.payments.at_provider import ensure_price
from portal.payments.buying import Begun, begin
from portal.payments.syncing import Syncing
from portal.payments.types import Buyer
from portal.pricing.queries import get_offer
from portal.pricing.types import Offer
from portal.subscriptions.errors import AlreadySubscribed
from portal.webhooks.filling import fill_gaps
from portal.webhooks.processing import work_due
from tests.conftest import empty_tables
from tests.factories import make_account, make_api, make_organisation, make_plan
from tests.sign_in import Machine
from tests.stripe_world import SECRET, StripeWorld, deliver
from tests.webhooks.model import Books, Provider

GOOD, DISPUTED, FAILING = "4242424242424242", "4000000000000259", "4000000000000341"
UNDONE = "state IN ('pending', 'retry')"


class Killed(BaseException):
    """`kill -9`: no handler of ours sees it, nothing is tidied up."""


class Mortal(StripePayments):
    """Stripe, asked by a process that may die right before or right after an answer. `steps` counts both."""

    def __init__(self, url: str) -> None:
        super().__init__("sk_test_x", (SECRET,), url)
        self.dies_at: int | None = None
        self.steps = 0
        self.meanwhile: Callable[[], None] | None = None
        self.poisoned = ""

    def step(self) -> None:
        """Take one step, or die."""
        self.steps += 1
        if self.dies_at is not None and self.steps >= self.dies_at:
            self.dies_at = None
            raise Killed

    def _asked(self, question: Callable[[], Any]) -> Any:
        self.step()
        answer = question()
        if self.meanwhile is not None:
            happens, self.meanwhile = self.meanwhile, None
            happens()
        self.step()
        return answer

    def fetch_subscription(self, subscription_id: str) -> Any:
        return self._asked(lambda: super(Mortal, self).fetch_subscription(subscription_id))

    def fetch_checkout(self, checkout_id: str) -> Any:
        return self._asked(lambda: super(Mortal, self).fetch_checkout(checkout_id))

    def fetch_invoice(self, invoice_id: str) -> Any:
        if invoice_id == self.poisoned:
            raise RuntimeError("poisoned")
        return self._asked(lambda: super(Mortal, self).fetch_invoice(invoice_id))

    def fetch_payment(self, payment_id: str) -> Any:
        return self._asked(lambda: super(Mortal, self).fetch_payment(payment_id))


@dataclass(frozen=True)
class Shop:
    """An organisation in front of the two plans."""

    buyer: Buyer
    account_id: int
    scope: Scope


@dataclass
class World:
    """Everything, with the acts that change it and the books that show it."""

    app: Flask
    stripe: StripeWorld
    clock: ManualClock
    link: psycopg.Connection[TupleRow]
    shops: list[Shop] = field(default_factory=list)
    heard: dict[str, tuple[datetime, bool]] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)

    # ---------------------------------------------------------------- beginning

    def begin(self) -> World:
        """Forget everything; two organisations stand in front of one API with two paid plans."""
        db.session.remove()
        empty_tables(self.app.config["SETTINGS"])
        enter_scope(SYSTEM)
        self.stripe.control("reset")
        self.clock.set(SystemClock().now())
        self.payments = Mortal(self.stripe.url)
        self.heard, self.accepted = {}, set()
        self.mail_carrier = Machine(self.app, self.app.response_class)
        api = make_api(make_organisation("Kestrel Data"), "Rates")
        self.plans = [make_plan(api, code, amount=amount)[0].id for code, amount in (("pro", 2900), ("large", 4900))]
        self.shops = [self._shop(name) for name in ("Tidewater Labs", "Heron Post")]
        self.dearer = ensure_price(self._offer(self.plans[1]), self.payments)
        db.session.remove()
        return self

    @staticmethod
    def _shop(name: str) -> Shop:
        consumer = make_organisation(name)
        account_id = make_account(consumer).id
        buyer = Buyer(consumer.id, name, account_id, None, "cleo@example.com")
        return Shop(buyer, account_id, Scope(organisation_id=consumer.id, account_id=account_id))

    @staticmethod
    def _offer(plan_id: int) -> Offer:
        found = get_offer(plan_id)
        assert found is not None
        return found

    def checkout(self, shop: Shop) -> Begun:
        """Press the button of the review page."""
        enter_scope(shop.scope)
        try:
            return begin(
                shop.buyer,
                self.plans[0],
                payments=self.payments,
                now=self.clock.now(),
                locale="en",
                livemode=False,
                return_url="http://127.0.0.1:8000/purchases/{purchase}",
            )
        finally:
            enter_scope(SYSTEM)

    @property
    def syncing(self) -> Syncing:
        return replace(drain.syncing(), payments=self.payments, clock=self.clock)

    # ---------------------------------------------------------------- what people and banks do

    def act(self, what: str, who: int) -> None:
        """Do something at Stripe; what makes no sense now is not done."""
        acts: dict[str, Callable[[Shop], None]] = {
            "buy": lambda shop: self._buy(shop, GOOD),
            "buy, to dispute": lambda shop: self._buy(shop, DISPUTED),
            "try a failing card": lambda shop: self._buy(shop, FAILING),
            "cancel later": lambda shop: self._change(shop, cancel_at_period_end="true"),
            "go on": lambda shop: self._change(shop, cancel_at_period_end="false"),
            "cancel now": self._cancel,
            "upgrade": self._upgrade,
            "refund": lambda shop: self._refund(shop, None),
            "refund a part": lambda shop: self._refund(shop, 700),
            "the refund fails": self._fail_refund,
            "win": lambda shop: self._decide(shop, "won"),
            "lose": lambda shop: self._decide(shop, "lost"),
            "the card stops working": self._spoil_card,
        }
        acts[what](self.shops[who])

    def a_month_passes(self) -> None:
        """Move both clocks on: renewals fall due. Everything that was sent before has arrived by then."""
        self.settle()
        self.stripe.control("clock", advance=31 * 86_400 + 7200)
        self.clock.advance(timedelta(days=31, hours=2))

    def _buy(self, shop: Shop, card: str) -> None:
        try:
            begun = self.checkout(shop)
        except AlreadySubscribed:
            return
        if begun.checkout_url is not None:
            self.stripe.pay(begun.checkout_url, card)

    def _held(self, shop: Shop) -> dict[str, Any] | None:
        found = self._listed("subscriptions", status="all", customer=self.customer(shop))
        return next((one for one in found if one["status"] in ("active", "past_due", "trialing")), None)

    def _change(self, shop: Shop, **params: str) -> None:
        if (held := self._held(shop)) is not None:
            self.stripe.api("POST", f"subscriptions/{held['id']}", **params)

    def _cancel(self, shop: Shop) -> None:
        if (held := self._held(shop)) is not None:
            self.stripe.api("DELETE", f"subscriptions/{held['id']}")

    def _upgrade(self, shop: Shop) -> None:
        if (held := self._held(shop)) is not None and held["status"] == "active":
            item = {"items[0][id]": held["items"]["data"][0]["id"], "items[0][price]": self.dearer}
            self.stripe.api("POST", f"subscriptions/{held['id']}", **item, proration_behavior="always_invoice")

    def _last_charge(self, shop: Shop) -> dict[str, Any] | None:
        found = self._listed("charges", customer=self.customer(shop))
        return next((one for one in found if one["status"] == "succeeded"), None)

    def _refund(self, shop: Shop, amount: int | None) -> None:
        charge = self._last_charge(shop)
        if charge and not charge["disputed"] and charge["amount"] - charge["amount_refunded"] >= (amount or 1):
            self.stripe.api("POST", "refunds", charge=charge["id"], **({"amount": amount} if amount else {}))

    def _fail_refund(self, shop: Shop) -> None:
        mine = {one["id"] for one in self._listed("charges", customer=self.customer(shop))}
        for refund in self._listed("refunds"):
            if refund["charge"] in mine and refund["status"] == "succeeded":
                self.stripe.control(f"refunds/{refund['id']}/fail")
                return

    def _decide(self, shop: Shop, verdict: str) -> None:
        mine = {one["id"] for one in self._listed("charges", customer=self.customer(shop))}
        for dispute in self._listed("disputes"):
            if dispute["charge"] in mine and dispute["status"] == "needs_response":
                self.stripe.control(f"disputes/{dispute['id']}/close", verdict=verdict)

    def _spoil_card(self, shop: Shop) -> None:
        if (held := self._held(shop)) is not None:
            card = self.stripe.api(
                "POST", "payment_methods/pm_card_chargeCustomerFail/attach", customer=held["customer"]
            )
            self.stripe.api("POST", f"subscriptions/{held['id']}", default_payment_method=card["id"])

    # ---------------------------------------------------------------- the post

    def told(self) -> list[dict[str, Any]]:
        """Every event Stripe ever made, oldest first."""
        return list(reversed(self._listed("events")))

    def hand_over(self, told: dict[str, Any]) -> None:
        """Deliver one event; what is acknowledged is remembered."""
        answer = deliver(self.mail_carrier, told, self.clock.now().timestamp())
        assert answer.status_code == 200, answer.text
        self.accepted.add(told["id"])

    def carry(self, luck: Random) -> None:
        """Deliver what Stripe said: in any order, each event not at all, once or up to three times, some of it late."""
        told = [one for one in self.told() if one["id"] not in self.accepted or luck.random() < 0.15]
        letters = [one for one in told for _copy in range(luck.choice((0, 1, 1, 2, 3)))]
        luck.shuffle(letters)
        for letter in letters:
            self.hand_over(letter)
            if luck.random() < 0.1:
                self.work(luck)

    def work(self, luck: Random) -> None:
        """Let a worker work a few deliveries; it may die anywhere on the way."""
        self.payments.steps, self.payments.dies_at = 0, luck.choice((None, luck.randint(1, 60)))
        with self.mortality():
            try:
                work_due(self.syncing, limit=luck.randint(1, 6))
            except Killed:
                self.after_a_death()
        self.payments.dies_at = None
        self.look_around()

    @contextmanager
    def mortality(self) -> Iterator[None]:
        """Make every statement and every commit a step at which the process may die."""

        def before_statement(*_: Any) -> None:
            self.payments.step()

        event.listen(db.engine, "before_cursor_execute", before_statement)
        event.listen(db.engine, "commit", before_statement)
        try:
            yield
        finally:
            event.remove(db.engine, "before_cursor_execute", before_statement)
            event.remove(db.engine, "commit", before_statement)

    def after_a_death(self) -> None:
        """Be the next process, half a minute later: the connection is gone and the lease has ended."""
        db.session.remove()
        enter_scope(SYSTEM)
        self.let_time_pass()

    def let_time_pass(self) -> None:
        """End every lease and every pause, as waiting would."""
        self.link.execute(f"UPDATE webhook_events SET next_attempt_at = '-infinity', lease_until = NULL WHERE {UNDONE}")

    def forgive_attempts(self) -> None:
        """Count from the beginning again: not this event is at fault that so many processes died."""
        self.link.execute(f"UPDATE webhook_events SET attempts = 0 WHERE {UNDONE}")

    def let_time_pass_for_others(self, external_id: str) -> None:
        """As `let_time_pass`, but the lease of one delivery goes on."""
        statement = f"UPDATE webhook_events SET next_attempt_at = '-infinity' WHERE {UNDONE} AND external_id <> %s"
        self.link.execute(statement, (external_id,))

    def settle(self) -> None:
        """Let the gap filler look and the worker work until nothing is left to do."""
        fill_gaps(
            payments=self.payments, queue=self.app.extensions["portal"].queue, now=self.clock.now(), livemode=False
        )
        self.accepted |= {told["id"] for told in self.told()}
        for _round in range(20):
            self.let_time_pass()
            work_due(self.syncing, limit=500)
            self.look_around()
            if not self.rows(f"SELECT 1 FROM webhook_events WHERE {UNDONE}"):
                return
        raise AssertionError(self.rows(f"SELECT type, state, attempts, last_error FROM webhook_events WHERE {UNDONE}"))

    def many_workers(self, number: int) -> None:
        """Let several workers work at once until nothing is due."""
        start = threading.Barrier(number)
        failures: list[BaseException] = []

        def run() -> None:
            with self.app.app_context():
                enter_scope(SYSTEM)
                start.wait(10)
                try:
                    while work_due(self.syncing, limit=3):
                        pass
                except BaseException as problem:
                    failures.append(problem)
                finally:
                    db.session.remove()

        threads = [threading.Thread(target=run) for _each in range(number)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert failures == []

    # ---------------------------------------------------------------- what always holds

    def look_around(self) -> None:
        """Check what must hold at every moment: W3, W4, W5 and W6."""
        stored = {row[0] for row in self.rows("SELECT external_id FROM webhook_events")}
        assert self.accepted <= stored, "W3: an acknowledged event is not stored"
        assert self.rows(_DONE_WITHOUT_EFFECT) == [], "W4: done, and its effect is absent"
        for name, fetched_at, is_over in self.rows(_FETCHED):
            before, was_over = self.heard.get(name, (fetched_at, is_over))
            assert fetched_at >= before, f"W5: {name} went back"
            assert is_over >= was_over, f"W5: {name} rose again"
            self.heard[name] = (fetched_at, is_over)
        unproven = self.rows(_UNPROVEN, now=self.clock.now())
        assert unproven == [], "W6: access without proof"

    def rows(self, statement: str, **values: Any) -> list[Any]:
        """Read beside the product, on a connection of our own."""
        return self.link.execute(statement, values).fetchall()

    # ---------------------------------------------------------------- the books

    def books(self) -> Books:
        """Return what our rows say."""
        return read_books(self.link, self.clock.now())

    def provider(self) -> Provider:
        """Return everything Stripe says."""
        return read_provider(self.stripe)

    def customers(self) -> dict[str, str]:
        """Return whose each of our customers is."""
        return {self.customer(shop): shop.buyer.name for shop in self.shops if self.customer(shop) != "-"}

    def customer(self, shop: Shop) -> str:
        found = self.rows(
            "SELECT stripe_customer_id FROM stripe_customers WHERE account_id = %(id)s", id=shop.account_id
        )
        return str(found[0][0]) if found else "-"

    def now(self) -> int:
        return int(self.clock.now().timestamp())

    def _listed(self, what: str, **params: Any) -> list[dict[str, Any]]:
        return [] if params.get("customer") == "-" else listed(self.stripe, what, **params)


def listed(stripe: StripeWorld, what: str, **params: Any) -> list[dict[str, Any]]:
    """Return a list of Stripe's to its end, newest first."""
    found: list[dict[str, Any]] = []
    while True:
        after = {"starting_after": found[-1]["id"]} if found else {}
        page = stripe.api("GET", what, limit=100, **params, **after)
        found += page["data"]
        if not page["has_more"]:
            return found


def read_provider(stripe: StripeWorld) -> Provider:
    """Return everything Stripe says."""
    return Provider(
        subscriptions=listed(stripe, "subscriptions", status="all"),
        invoices=listed(stripe, "invoices", **{"expand[]": "data.payments"}),
        sessions=listed(stripe, "checkout/sessions"),
        payments=listed(stripe, "payment_intents"),
        charges=listed(stripe, "charges"),
        refunds=listed(stripe, "refunds"),
        disputes=listed(stripe, "disputes"),
    )


def read_books(link: psycopg.Connection[TupleRow], now: datetime, whose: str = "%") -> Books:
    """Return what the rows of the organisations with such names say."""

    def rows(statement: str) -> list[TupleRow]:
        return link.execute(statement, {"now": now, "whose": whose}).fetchall()

    return Books(
        subscriptions={r[0]: (r[1], r[2], r[3], _seconds(r[4]), _seconds(r[5]), r[6]) for r in rows(_HELD)},
        invoices={r[0]: tuple(r[1:]) for r in rows(_INVOICES)},
        purchases={r[0]: r[1] for r in rows(_PURCHASES)},
        payments={r[0]: tuple(r[1:]) for r in rows(_PAYMENTS)},
        refunds={r[0]: tuple(r[1:]) for r in rows(_REFUNDS)},
        disputes={r[0]: r[1] for r in rows(_DISPUTES)},
        rights={r[0]: (r[1], None if r[1] == "grace" else _seconds(r[2])) for r in rows(_RIGHTS)},
    )


def _seconds(instant: datetime | None) -> int | None:
    return None if instant is None else int(instant.timestamp())


_OWNED = """
    JOIN accounts a ON a.id = x.account_id JOIN organisations o ON o.id = a.organisation_id AND o.name LIKE %(whose)s"""
_HELD = f"""
    SELECT x.stripe_subscription_id, o.name, x.status, p.stripe_price_id, x.current_period_start, x.current_period_end,
        x.cancel_at_period_end
    FROM subscriptions x {_OWNED} JOIN prices p ON p.id = x.price_id"""
_INVOICES = f"SELECT x.stripe_invoice_id, x.status, x.total, x.amount_paid FROM stripe_invoices x {_OWNED}"
_PURCHASES = f"SELECT x.stripe_checkout_id, x.status FROM purchases x {_OWNED} WHERE x.stripe_checkout_id IS NOT NULL"
_PAYMENTS = f"""
    SELECT x.stripe_payment_id, o.name, x.amount_received, x.amount_refunded
    FROM payments x {_OWNED} WHERE x.status = 'succeeded'"""
_REFUNDS = f"""
    SELECT x.stripe_refund_id, p.stripe_payment_id, x.status, x.amount
    FROM refunds x {_OWNED} JOIN payments p ON p.id = x.payment_id"""
_DISPUTES = f"SELECT x.stripe_dispute_id, x.status FROM disputes x {_OWNED}"
_RIGHTS = f"""
    SELECT s.stripe_subscription_id, x.source, x.valid_to
    FROM entitlements x {_OWNED} JOIN subscriptions s ON s.id = x.source_id AND s.account_id = x.account_id
    WHERE x.revoked_at IS NULL AND x.valid_from <= %(now)s AND (x.valid_to IS NULL OR x.valid_to > %(now)s)"""
_FETCHED = """
    SELECT stripe_subscription_id, source_fetched_at, status IN ('canceled', 'incomplete_expired') FROM subscriptions
    UNION ALL SELECT stripe_invoice_id, source_fetched_at, status IN ('paid', 'void') FROM stripe_invoices
    UNION ALL SELECT stripe_payment_id, source_fetched_at, status IN ('succeeded', 'canceled') FROM payments"""
_DONE_WITHOUT_EFFECT = """
    SELECT e.type, e.object_id FROM webhook_events e WHERE e.state = 'done' AND NOT EXISTS (
        SELECT 1 FROM subscriptions WHERE stripe_subscription_id = e.object_id
        UNION ALL SELECT 1 FROM stripe_invoices WHERE stripe_invoice_id = e.object_id
        UNION ALL SELECT 1 FROM purchases WHERE stripe_checkout_id = e.object_id
        UNION ALL SELECT 1 FROM payments WHERE stripe_payment_id = e.object_id
        UNION ALL SELECT 1 FROM refunds WHERE stripe_refund_id = e.object_id
        UNION ALL SELECT 1 FROM disputes WHERE stripe_dispute_id = e.object_id
    ) AND e.object_type <> 'charge'"""
_UNPROVEN = """
    SELECT e.id, s.status, s.hold FROM entitlements e
    LEFT JOIN subscriptions s ON s.id = e.source_id AND s.account_id = e.account_id
    WHERE e.source IN ('subscription', 'trial', 'grace') AND e.revoked_at IS NULL AND e.valid_from <= %(now)s
      AND e.valid_to > %(now)s AND (s.id IS NULL OR s.hold IS NOT NULL OR s.status NOT IN ('active', 'trialing', 'past_due')
        OR e.valid_to > CASE WHEN s.status = 'past_due' THEN s.grace_until
            ELSE LEAST(s.cancel_at, s.current_period_end + interval '1 hour') END)"""
