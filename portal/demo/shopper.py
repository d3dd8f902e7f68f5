"""Somebody of the demo who buys: what they do on the portal's pages and on those of the payment provider.

Each act is the function behind the page's button, under the rights of the person's own organisation, at the time of
the story; cards are typed into the provider's hosted pages. Repeating the last act after an interruption does no harm.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.catalog.queries import get_api
from portal.catalog.types import ApiView
from portal.db import SYSTEM, Scope, enter_scope, scoped, transaction
from portal.demo.past import submit
from portal.demo.usage import believable_calls
from portal.gateway.queries import list_keys
from portal.gateway.service import issue_key
from portal.identity.people import find_confirmed
from portal.identity.queries import find_organisation_by_name
from portal.metering.partitions import ensure_ahead
from portal.metering.service import take_in
from portal.payments import buying, changing, switching
from portal.payments.errors import NotSwitchable
from portal.payments.types import Buyer
from portal.pricing.queries import list_offers
from portal.pricing.types import Offer
from portal.projects.service import ensure_account
from portal.subscriptions.errors import AlreadySubscribed
from portal.subscriptions.queries import list_for_account
from portal.subscriptions.types import SubscriptionView
from portal.web.plugs import plugs

KEY_NAME = "Production"


@dataclass(frozen=True, slots=True)
class Shopper:
    """Who acts. Make one with `Shopper.named` once the person has signed up."""

    buyer: Buyer
    name: str

    @classmethod
    def named(cls, email: str, organisation: str) -> Shopper:
        """Return the person with this address as a buyer for their organisation, opening its account."""
        with transaction(SYSTEM):
            person, organisation_id = find_confirmed(email), find_organisation_by_name(organisation)
            assert person is not None
            assert organisation_id is not None
            account_id = ensure_account(organisation_id, name=organisation, email=email)
        return cls(Buyer(organisation_id, organisation, account_id, person.id, email), person.name)

    def order(self, api: str, plan: str, *, limit: int | None = None) -> str | None:
        """Press "Subscribe" of a plan; return the address of the checkout page, None where they have the API already.

        `limit` is what a period may cost them at most, minor units.
        """
        ports = plugs()
        with self._acting():
            try:
                begun = buying.begin(
                    self.buyer,
                    _offer(api, plan).plan_id,
                    payments=ports.payments,
                    now=ports.clock.now(),
                    locale="en",
                    livemode=ports.settings.livemode,
                    return_url=ports.settings.public_url.rstrip("/") + "/purchases/{purchase}",
                    wishes=buying.Wishes(spending_limit=limit),
                )
            except AlreadySubscribed:
                return None
        return begun.checkout_url

    def pay(self, checkout_url: str, card: str) -> int:
        """Type a card into the checkout page and press its button; return the page's status."""
        return submit(checkout_url, email=self.buyer.email or "", name=self.name, **_typed(card))

    def make_key(self, api: str) -> None:
        """Make a key for what they hold of an API, unless there is one."""
        ports, held = plugs(), self.held(api)
        with self._acting():
            if list_keys(held.account_id, held.id, ports.clock.now()):
                return
            with transaction():
                issue_key(
                    held.account_id,
                    held.id,
                    KEY_NAME,
                    created_by=self.buyer.user_id,
                    now=ports.clock.now(),
                    pepper=ports.settings.pepper,
                    keep_sealed=ports.settings.enable_kong,
                )

    def change_card(self, card: str) -> int:
        """Replace the card on the payment provider's own page; return the page's status."""
        ports = plugs()
        with self._acting():
            page = changing.open_portal(
                self.buyer.account_id,
                payments=ports.payments,
                livemode=ports.settings.livemode,
                return_url=ports.settings.public_url,
            )
        return submit(f"{page}/card", name=self.name, **_typed(card))

    def cancel_there(self, api: str) -> int:
        """Cancel on the payment provider's own page; return the page's status."""
        ports, held = plugs(), self.held(api)
        with self._acting():
            page = changing.open_portal(
                self.buyer.account_id,
                payments=ports.payments,
                livemode=ports.settings.livemode,
                return_url=ports.settings.public_url,
            )
        return submit(f"{page}/subscriptions/{held.stripe_subscription_id}/cancellation")

    def cancel(self, api: str) -> None:
        """Let a subscription end with its period."""
        ports, held = plugs(), self.held(api)
        with self._acting():
            changing.set_cancellation(
                held.account_id,
                held.id,
                cancel=True,
                syncing=changing.syncing_from(ports.payments, ports.clock, ports.settings),
                actor=self._actor.name,
                organisation_id=self.buyer.organisation_id,
            )

    def switch(self, api: str, plan: str) -> None:
        """Look at another plan and confirm what the page says."""
        ports, held, secret = plugs(), self.held(api), plugs().settings.secret_key
        syncing = changing.syncing_from(ports.payments, ports.clock, ports.settings)
        plan_id = _offer(api, plan).plan_id
        with self._acting(), suppress(NotSwitchable):
            shown = switching.preview(held.account_id, held.id, plan_id, syncing=syncing)
            seen = switching.token_of(shown, held.id, secret)
            switching.confirm(
                held.account_id, held.id, plan_id, seen, syncing=syncing, actor=self._actor, secret_key=secret
            )

    def call(self, api: str, paths: Sequence[str], *, per_day: int, until: datetime) -> dict[int, datetime]:
        """Have used an API since the day after the subscription began, about `per_day` calls on a weekday.

        Returns the key they called with and when it was used last.
        """
        held, listed = self.held(api), _listed(api)
        with transaction(SYSTEM):
            ensure_ahead(held.anchor_at, months=(until - held.anchor_at) // timedelta(days=28) + 2)
            key_id = list_keys(held.account_id, held.id, until)[0].id
            calls = list(
                believable_calls(
                    subscription_id=held.id,
                    account_id=held.account_id,
                    api_id=listed.id,
                    api_key_id=key_id,
                    until=until,
                    days=(until - held.anchor_at).days - 1,
                    per_day=per_day,
                    prefix=f"/{api}",
                    paths=paths,
                )
            )
            take_in(calls)
        return {key_id: max(datetime.fromisoformat(call.started_at) for call in calls)}

    def held(self, api: str) -> SubscriptionView:
        """Return what they hold of an API, the newest first, ended or not."""
        product_id = _listed(api).product_id
        with scoped(SYSTEM):
            return next(one for one in list_for_account(self.buyer.account_id) if one.product_id == product_id)

    @property
    def _actor(self) -> switching.Actor:
        return switching.Actor(f"user:{self.buyer.user_id}", self.buyer.user_id, self.buyer.organisation_id)

    @contextmanager
    def _acting(self) -> Iterator[None]:
        buyer = self.buyer
        enter_scope(Scope(organisation_id=buyer.organisation_id, account_id=buyer.account_id, user_id=buyer.user_id))
        try:
            yield
        finally:
            enter_scope(SYSTEM)


def _typed(card: str) -> dict[str, str]:
    return {"number": card, "expiry": "12 / 34", "cvc": "123"}


def _listed(api: str) -> ApiView:
    organisation, _, slug = api.partition("/")
    with scoped(SYSTEM):
        return get_api(None, organisation, slug)


def _offer(api: str, plan: str) -> Offer:
    product_id = _listed(api).product_id
    assert product_id is not None
    with scoped(SYSTEM):
        return next(offer for offer in list_offers(product_id) if offer.code == plan)
