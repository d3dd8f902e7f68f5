"""The mails about an API that operators shut or open again: to its provider, and to whoever subscribes to it.

Each looks again before it is sent: what has changed since has its own letter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _

from portal.catalog import operating
from portal.catalog.errors import UnknownApi
from portal.catalog.labels import find_label
from portal.catalog.rules import stands_as
from portal.identity import people
from portal.identity.queries import list_members
from portal.kit.money import Money
from portal.notifications.desk import Desk
from portal.notifications.identity_letters import Facts, reader_of
from portal.notifications.rendering import day_of, moment
from portal.notifications.types import Draft, Reader
from portal.ports.mail import Letter
from portal.pricing.queries import get_offer_of_price
from portal.projects.queries import find_organisation_of
from portal.subscriptions.errors import UnknownSubscription
from portal.subscriptions.queries import get_subscription
from portal.subscriptions.telling import readers_among
from portal.subscriptions.types import SubscriptionView
from portal.web.formatting import money
from portal.web.principal import RIGHTS, Role


def blocked(facts: Facts, desk: Desk) -> Letter | None:
    """To whoever manages the provider: since when it is shut, why, what stays, what to do."""
    found = _own(facts)
    if found is None:
        return None
    reader, api = found
    since, reason = datetime.fromisoformat(facts["since"]), str(facts["reason"])
    return desk.write(
        reader,
        lambda: Draft(
            _("The marketplace has blocked %(api)s", api=api.name),
            (
                _("Since %(time)s it is not in the market and calls are refused.", time=moment(since, reader)),
                _("The reason given: “%(reason)s”.", reason=reason),
                _(
                    "Put right what the reason names, then write to the marketplace; only its operators can open it again."
                ),
            ),
            (_("See your API"), desk.link("provider.show", api_id=str(api.id))),
            (
                _("Subscriptions and keys are kept: they work again when it is back."),
                _(
                    "Whoever subscribes to it is told that it is blocked, and that they can cancel. They are not told the reason."
                ),
            ),
        ),
    )


def released(facts: Facts, desk: Desk) -> Letter | None:
    """To whoever manages the provider: it is back where it was."""
    found = _own(facts)
    if found is None:
        return None
    reader, api = found
    at, reason = datetime.fromisoformat(facts["at"]), str(facts["reason"])
    return desk.write(
        reader,
        lambda: Draft(
            _("%(api)s is back in the market", api=api.name),
            (
                _("Since %(time)s calls pass again, with the plans and keys it had before.", time=moment(at, reader)),
                _("The reason given: “%(reason)s”.", reason=reason),
            ),
            (_("See your API"), desk.link("provider.show", api_id=str(api.id))),
            (_("Whoever subscribes to it and was told of the block is told that it is back."),),
        ),
    )


def shut_to_holder(facts: Facts, desk: Desk) -> Letter | None:
    """To whoever may cancel a subscription or makes its calls: it is shut, what that costs, how to leave."""
    found = _held(facts)
    if found is None:
        return None
    since = datetime.fromisoformat(facts["since"])
    return desk.write(
        found.reader,
        lambda: Draft(
            _("Calls to %(api)s are refused", api=found.api_name),
            (
                _(
                    "The marketplace has blocked %(api)s. Since %(time)s every call is refused, and none of them is billed.",
                    api=found.api_name,
                    time=moment(since, found.reader),
                ),
                _(
                    "Nothing was done to your keys, your usage or your invoices."
                    " Keys work again if it comes back; we write to you then."
                ),
                _what_it_costs(found),
            ),
            (
                _("See or cancel it") if found.may_cancel else _("See the subscription"),
                desk.link("subscriptions.show", subscription_id=str(found.held.id)),
            ),
        ),
    )


def open_to_holder(facts: Facts, desk: Desk) -> Letter | None:
    """To whoever was told that it is shut: it is open, and the same keys work."""
    found = _held(facts)
    if found is None:
        return None
    at, ends = datetime.fromisoformat(facts["at"]), found.ends_at
    return desk.write(
        found.reader,
        lambda: Draft(
            _("%(api)s is back", api=found.api_name),
            (
                _(
                    "Since %(time)s calls pass again. Your keys and your plan are what they were.",
                    time=moment(at, found.reader),
                ),
                *(
                    (
                        _(
                            "The subscription was cancelled and ends on %(date)s. Until then it can be kept.",
                            date=day_of(ends, found.reader),
                        ),
                    )
                    if ends
                    else ()
                ),
            ),
            (_("See the subscription"), desk.link("subscriptions.show", subscription_id=str(found.held.id))),
        ),
    )


@dataclass(frozen=True, slots=True)
class _Holder:
    """Who is told about which subscription."""

    reader: Reader
    role: Role
    held: SubscriptionView
    api_name: str

    @property
    def may_cancel(self) -> bool:
        return "buy" in RIGHTS[self.role]

    @property
    def ends_at(self) -> datetime | None:
        """When it ends because somebody cancelled it; None while it goes on."""
        return self.held.cancel_at or (self.held.period.end if self.held.cancel_at_period_end else None)


def _what_it_costs(found: _Holder) -> str:
    """Say what is charged next if nobody does anything, and who can stop it."""
    held, terms = found.held, get_offer_of_price(found.held.price_id).terms
    if found.ends_at:
        ends = day_of(found.ends_at, found.reader)
        return str(_("It was cancelled and ends on %(date)s. Nothing more is charged.", date=ends))
    if held.is_free:
        return str(_("It is free, so it costs nothing to wait. You can cancel it at any time."))
    if not terms.amount:
        return str(_("It has no price of its own, and refused calls cost nothing. You can cancel it at any time."))
    values = {"amount": money(Money(terms.amount, terms.currency)), "date": day_of(held.period.end, found.reader)}
    goes_on = _(
        "The subscription goes on meanwhile, and so does its price: %(amount)s on %(date)s unless it is cancelled before.",
        **values,
    )
    whose = "" if found.may_cancel else _("Whoever pays for your organisation can cancel it.")
    return f"{goes_on} {whose}".strip()


def _own(facts: Facts) -> tuple[Reader, operating.JudgedApi] | None:
    person = people.find_person(int(facts["user_id"]))
    try:
        api = operating.get(int(facts["api_id"]))
    except UnknownApi:
        return None
    if person is None or person.is_disabled or not stands_as(facts, api.state, api.blocked_at):
        return None
    return reader_of(person), api


def _held(facts: Facts) -> _Holder | None:
    """Return who is told what, or None when there is nothing to tell: it has ended, they left, or the API changed again."""
    person = people.find_person(int(facts["user_id"]))
    try:
        held = get_subscription(int(facts["subscription_id"]))
    except UnknownSubscription:
        return None
    label, organisation_id = find_label(held.product_id), find_organisation_of(held.account_id)
    if person is None or person.is_disabled or not person.is_confirmed or held.has_ended:
        return None
    if label is None or organisation_id is None or not stands_as(facts, label.state, label.blocked_at):
        return None
    member = next((one for one in readers_among(list_members(organisation_id)) if one.user_id == person.id), None)
    return None if member is None else _Holder(reader_of(person), member.role, held, label.api_name)
