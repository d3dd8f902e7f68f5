"""An application plugged into a running simulator, and a consumer in front of a paid plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from jobs import drain
from portal.adapters.inline_queue import RememberingBell
from portal.adapters.stripe_payments import StripePayments
from portal.catalog.models import Api
from portal.db import SYSTEM, Scope, db, enter_scope, scoped
from portal.identity.models import Organisation
from portal.kit.clock import ManualClock, SystemClock
from portal.payments import buying
from portal.payments.models import Purchase
from portal.payments.settling import settle_one
from portal.payments.syncing import Syncing
from portal.payments.types import Buyer
from portal.pricing.models import Plan, Price
from portal.projects.models import Account
from portal.settings import Settings
from portal.subscriptions.models import Subscription
from portal.wiring import plug
from tests.conftest import plugged
from tests.factories import make_account, make_api, make_organisation, make_plan, make_user
from tests.sign_in import sign_in_as
from tests.stripe_world import SECRET, StripeWorld, start_stripe_world


@pytest.fixture(scope="session")
def stripe_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeWorld]:
    world = start_stripe_world(tmp_path_factory.mktemp("simulator"))
    yield world
    world.process.terminate()
    world.process.wait(10)


@pytest.fixture
def clock() -> ManualClock:
    """Now, as the simulator sees it, until the test moves it."""
    return ManualClock(SystemClock().now())


@pytest.fixture
def app(
    migrated: Flask, settings: Settings, clock: ManualClock, queue: RememberingBell, stripe_world: StripeWorld
) -> Iterator[Flask]:
    stripe_world.control("reset")
    payments = StripePayments("sk_test_x", (SECRET,), stripe_world.url)
    with plugged(migrated, replace(plug(settings), clock=clock, queue=queue, payments=payments)) as app:
        yield app


@pytest.fixture
def syncing(app: Flask) -> Syncing:
    assert app.config["SETTINGS"].livemode is False
    return drain.syncing()


@dataclass(frozen=True)
class Shop:
    """Cleo's organisation in front of an API with a free, a paid and a trial plan."""

    buyer: Buyer
    account: Account
    api: Api
    free: tuple[Plan, Price]
    pro: tuple[Plan, Price]
    trial: tuple[Plan, Price]

    @property
    def scope(self) -> Scope:
        return Scope(organisation_id=self.buyer.organisation_id, account_id=self.account.id)

    def begin(self, plan: tuple[Plan, Price], syncing: Syncing) -> buying.Begun:
        """Press the button of the review page."""
        enter_scope(self.scope)
        try:
            return buying.begin(
                self.buyer,
                plan[0].id,
                payments=syncing.payments,
                now=syncing.clock.now(),
                locale="en",
                livemode=False,
                return_url="http://127.0.0.1:8000/purchases/{purchase}",
            )
        finally:
            enter_scope(SYSTEM)


@pytest.fixture
def shop(app: Flask) -> Shop:
    assert app is not None
    provider, consumer = make_organisation("Kestrel Data"), make_organisation("Tidewater Labs")
    api, account = make_api(provider, "Rates"), make_account(consumer)
    return Shop(
        buyer=Buyer(consumer.id, consumer.name, account.id, None, "cleo@example.com"),
        account=account,
        api=api,
        free=make_plan(api, "free", amount=0, included_quantity=1000),
        pro=make_plan(api, "pro", amount=2900, usage_model="per_unit"),
        trial=make_plan(api, "scale", amount=19_900, trial_days=14),
    )


@pytest.fixture
def owner(app: Flask, shop: Shop) -> FlaskClient:
    """The browser of the organisation's owner."""
    return colleague(app, shop, "owner")


def colleague(app: Flask, shop: Shop, role: str) -> FlaskClient:
    """Return the browser of somebody in the shop's organisation."""
    organisation = db.session.get(Organisation, shop.account.organisation_id)
    return sign_in_as(app.test_client(), make_user(role.title(), organisation=organisation, role=role))


def held(shop: Shop) -> Subscription:
    """Return the shop's one subscription."""
    with scoped(SYSTEM) as session:
        return session.scalars(select(Subscription).where(Subscription.account_id == shop.account.id)).one()


@pytest.fixture
def bought(shop: Shop, syncing: Syncing, stripe_world: StripeWorld) -> int:
    """A paid Pro subscription, as its id."""
    begun = shop.begin(shop.pro, syncing)
    assert begun.checkout_url is not None
    stripe_world.pay(begun.checkout_url)
    with scoped(SYSTEM) as session:
        purchase_id = session.scalars(select(Purchase.id).where(Purchase.account_id == shop.account.id)).one()
    assert settle_one(purchase_id, syncing)
    return held(shop).id
