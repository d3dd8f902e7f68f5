"""Space Journal, a product that bills through us: what its makers set up, and what its users lived through before today.

| User | What support sees today |
|---|---|
| ana | Pro every month for five months |
| bo_17 | Pro for a year, since four months |
| cy-44 | Pro, the last payment given back five days ago: no access until the next one |
| dee | the trial of Pro ends in three days |
| eli | Star Atlas, paid once, for a year |
| gus | Labs, given by hand as a pilot |
| hal | Pro, the first payment after the trial failed two days ago: access within the grace |
| some more | Pro every month, begun at different times |
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from portal.db import SYSTEM, Scope, enter_scope, transaction
from portal.demo.opening import admit
from portal.demo.past import Past, refund, submit
from portal.demo.people import N_, Person
from portal.entitlements import granting
from portal.payments import buying
from portal.payments.at_provider import ensure_price
from portal.payments.queries import list_paid_for
from portal.payments.selling import adopting
from portal.payments.types import Buyer
from portal.pricing.queries import get_offer_of_plan, list_sold
from portal.pricing.types import Offer, PriceTerms
from portal.projects import apps, queries, service
from portal.projects.types import Acting
from portal.web.plugs import plugs

JUNO = Person("Juno Keller", "juno@orbit.example", "Orbit Press")
STORY = N_("sells Space Journal through us")
PROJECT = "space_journal"
ORIGINS = ("https://app.local", "http://127.0.0.1:3000")
OPENED = timedelta(days=200)
WORKS, FAILS_LATER = "4242424242424242", "4000000000000341"
MORE = 6  # readers who subscribed at different times and have nothing special about them


@dataclass(frozen=True, slots=True)
class Reader:
    """A user of Space Journal, by the id that Space Journal gives them."""

    external_id: str

    def buy(self, plan: str, card: str = WORKS) -> None:
        """Be sent to checkout by Space Journal, type a card in, press the button."""
        offer, ports = _offer(plan), plugs()
        with transaction(SYSTEM):
            email = f"{self.external_id}@reader.example"
            account_id = service.ensure_project_account(_project_id(), self.external_id, email=email)
        enter_scope(Scope(project_id=_project_id(), account_id=account_id))
        try:
            begun = buying.begin_checkout(
                Buyer(None, self.external_id, account_id, None, email, app_id=None),
                offer,
                payments=ports.payments,
                now=ports.clock.now(),
                locale="auto",
                livemode=ports.settings.livemode,
                wishes=buying.Wishes(success_url=f"{ORIGINS[0]}/success", cancel_url=f"{ORIGINS[0]}/cancel"),
            )
        finally:
            enter_scope(SYSTEM)
        assert begun.checkout_url is not None
        submit(begun.checkout_url, email=email, name=self.external_id, number=card, expiry="12 / 34", cvc="123")

    def get_money_back(self) -> None:
        """Have the newest payment given back whole, by somebody at Space Journal's payment provider."""
        account_id = queries.find_account_in(_project_id(), self.external_id)
        assert account_id is not None
        refund(os.environ["SIMULATOR_URL"], list_paid_for(account_id)[0].stripe_payment_id)

    def be_given(self, code: str, reason: str) -> None:
        """Be given a feature by hand."""
        feature, now = queries.find_feature(_project_id(), code), plugs().clock.now()
        assert feature is not None
        with transaction(SYSTEM):
            account_id = service.ensure_project_account(_project_id(), self.external_id)
            granting.grant(
                account_id,
                feature.id,
                granted_by="Juno Keller",
                reason=reason,
                valid_from=now,
                valid_to=now + timedelta(days=90),
                quantity=None,
                actor="demo",
                organisation_id=None,
                now=now,
            )


def open_project(now: datetime) -> None:
    """Open the project with its features, products, prices and one app."""
    by = Acting("demo", admit(JUNO, now))
    ports = plugs()
    with transaction(SYSTEM):
        project_id = service.create_project(PROJECT, by=by)
        pro, atlas, _labs = (
            service.add_feature(project_id, code, name, by=by)
            for code, name in (("pro", "Pro writing tools"), ("atlas", "Star Atlas"), ("labs", "Labs"))
        )
        journal = adopting.add_product(project_id, "Space Journal Pro", feature_id=pro, description=None, by=by)
        charts = adopting.add_product(project_id, "Star Atlas", feature_id=atlas, description=None, by=by)
        sell = partial(adopting.add_price, stripe_price_id=None, features={}, by=by, project_id=project_id)
        plans = [
            sell(journal, "Monthly", PriceTerms(1499, "usd", trial_days=7)),
            sell(journal, "Yearly", PriceTerms(14_900, "usd", "year")),
            sell(charts, "A year of charts", PriceTerms(9900, "usd", one_time=True, access_days=365)),
        ]
        apps.create_app(project_id, "backend", pepper=ports.settings.pepper, now=now, by=by, redirect_origins=ORIGINS)
    for plan_id in plans:
        offer = get_offer_of_plan(plan_id)
        assert offer is not None
        ensure_price(offer, ports.payments)


def acts(past: Past, today: datetime) -> list[tuple[datetime, Callable[[], object]]]:
    """Return what happened to Space Journal's users, each with its moment."""

    def ago(days: float) -> datetime:
        return today - timedelta(days=days)

    def told(act: Callable[[], object]) -> Callable[[], object]:
        return lambda: (act(), past.settle())

    readers: list[tuple[datetime, Callable[[], object]]] = [
        (ago(150), lambda: Reader("ana").buy("Monthly")),
        (ago(120), lambda: Reader("bo_17").buy("Yearly")),
        (ago(100), lambda: Reader("cy-44").buy("Monthly")),
        (ago(5), lambda: Reader("cy-44").get_money_back()),
        (ago(4), lambda: Reader("dee").buy("Monthly")),
        (ago(40), lambda: Reader("eli").buy("A year of charts")),
        (ago(30), lambda: Reader("gus").be_given("labs", "Pilot of the new editor")),
        (ago(9.1), lambda: Reader("hal").buy("Monthly", FAILS_LATER)),
        *((ago(8 + 17 * n), partial(Reader(f"reader-{n:03}").buy, "Monthly")) for n in range(1, MORE + 1)),
    ]
    opening = (today - OPENED, lambda: open_project(past.clock.now()))
    return [opening, *((at, told(act)) for at, act in readers)]


def _project_id() -> int:
    return next(one.id for one in queries.list_projects(None) if one.name == PROJECT)


def _offer(plan: str) -> Offer:
    return next(one.offer for product in list_sold(_project_id()) for one in product.plans if one.offer.name == plan)
