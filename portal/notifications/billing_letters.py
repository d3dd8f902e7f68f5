"""The mails about money: overdue, settled after all, a trial about to end, an end. Each looks again before it is sent."""

from __future__ import annotations

from flask_babel import gettext as _

from portal.catalog.labels import find_label
from portal.identity import people
from portal.kit.money import Money
from portal.notifications.desk import Desk
from portal.notifications.identity_letters import Facts, reader_of
from portal.notifications.rendering import day_of
from portal.notifications.types import Draft, Reader
from portal.payments.queries import find_invoice
from portal.ports.mail import Letter
from portal.pricing.queries import get_offer_of_price
from portal.subscriptions.errors import UnknownSubscription
from portal.subscriptions.queries import get_subscription
from portal.subscriptions.types import SubscriptionView
from portal.web.formatting import money


def overdue(facts: Facts, desk: Desk) -> Letter | None:
    """To whoever may pay: a payment failed, until when access stays, and where to settle it."""
    held, reader = held_of(facts), payer_of(facts)
    invoice = find_invoice(int(facts["invoice_id"]))
    if (
        held is None
        or reader is None
        or invoice is None
        or invoice.status != "open"
        or held.status not in ("past_due", "unpaid")
    ):
        return None
    owed, what = Money(invoice.amount_due - invoice.amount_paid, invoice.currency), name_of(held)
    return desk.write(
        reader,
        lambda: Draft(
            _("%(amount)s for %(what)s could not be charged", amount=money(owed), what=what)
            if not int(facts["step"])
            else _("Still open: %(amount)s for %(what)s", amount=money(owed), what=what),
            (
                _("The card was refused. Nothing else has changed yet."),
                _(
                    "Access stays until %(date)s. Then calls are refused until it is paid.",
                    date=day_of(held.grace_until, reader),
                )
                if held.grace_until and held.grace_until > desk.now
                else _("Access has ended; it comes back at once when it is paid."),
            ),
            (_("Settle it"), desk.link("subscriptions.show", subscription_id=str(held.id))),
            (_("The card is also tried again by itself. If you have just changed it, you need to do nothing."),),
        ),
    )


def recovered(facts: Facts, desk: Desk) -> Letter | None:
    """To whoever was reminded: it is paid, everything goes on."""
    held, reader = held_of(facts), payer_of(facts)
    invoice = find_invoice(int(facts["invoice_id"]))
    if held is None or reader is None or invoice is None or invoice.status != "paid" or held.status != "active":
        return None
    paid, what = Money(invoice.amount_paid, invoice.currency), name_of(held)
    return desk.write(
        reader,
        lambda: Draft(
            _("Paid: %(amount)s for %(what)s", amount=money(paid), what=what),
            (_("The payment that had failed has gone through. Nothing is open any more."),),
            (_("See the subscription"), desk.link("subscriptions.show", subscription_id=str(held.id))),
        ),
    )


def trial_ending(facts: Facts, desk: Desk) -> Letter | None:
    """To whoever may pay: the trial ends, what is charged then, and how not to be charged."""
    held, reader = held_of(facts), payer_of(facts)
    if (
        held is None
        or reader is None
        or held.status != "trialing"
        or held.trial_end is None
        or held.cancel_at_period_end
    ):
        return None
    offer, end = get_offer_of_price(held.price_id), held.trial_end
    amount = Money(offer.terms.amount, offer.terms.currency)
    return desk.write(
        reader,
        lambda: Draft(
            _("The trial of %(what)s ends on %(date)s", what=name_of(held), date=day_of(end, reader)),
            (
                _("Then %(amount)s are charged, and the plan goes on.", amount=money(amount)),
                _("If you do not want that, cancel before: nothing is charged, and it works to the end of the trial."),
            ),
            (_("See or cancel it"), desk.link("subscriptions.show", subscription_id=str(held.id))),
        ),
    )


def ended(facts: Facts, desk: Desk) -> Letter | None:
    """To whoever may pay: a subscription is over."""
    held, reader = held_of(facts), payer_of(facts)
    if held is None or reader is None or not held.has_ended:
        return None
    return desk.write(
        reader,
        lambda: Draft(
            _("%(what)s has ended", what=name_of(held)),
            (_("Its keys are refused from now on, and nothing more is charged. Invoices stay where they are."),),
            (_("See the subscription"), desk.link("subscriptions.show", subscription_id=str(held.id))),
        ),
    )


def held_of(facts: Facts) -> SubscriptionView | None:
    """Return the subscription that a letter is about."""
    try:
        return get_subscription(int(facts["subscription_id"]))
    except UnknownSubscription:
        return None


def payer_of(facts: Facts) -> Reader | None:
    """Return who reads a letter about money; None when they can no longer be written to."""
    person = people.find_person(int(facts["user_id"]))
    return None if person is None or person.is_disabled or not person.is_confirmed else reader_of(person)


def name_of(held: SubscriptionView) -> str:
    """Return what a subscription is called in a letter."""
    label = find_label(held.product_id)
    return label.api_name if label else get_offer_of_price(held.price_id).product_name
