"""The mails about a spending limit: nearly used up, reached. Neither is sent once the limit or the period is another."""

from __future__ import annotations

from flask_babel import gettext as _

from portal.kit.clock import isoformat_z
from portal.kit.money import Money
from portal.notifications.billing_letters import held_of, name_of, payer_of
from portal.notifications.desk import Desk
from portal.notifications.identity_letters import Facts
from portal.notifications.rendering import day_of
from portal.notifications.types import Draft
from portal.payments.spending import spent_by
from portal.ports.mail import Letter
from portal.pricing.queries import get_offer_of_price
from portal.subscriptions.types import SubscriptionView
from portal.web.formatting import money, number


def near(facts: Facts, desk: Desk) -> Letter | None:
    """To whoever may pay: most of the limit is used, and what happens at its end."""
    held, reader = _still_meant(facts), payer_of(facts)
    if held is None or reader is None:
        return None
    calls, spent = (held.spending.calls if held.spending else None) or 0, spent_by(held)
    limit = Money(int(facts["limit"]), get_offer_of_price(held.price_id).terms.currency)
    return desk.write(
        reader,
        lambda: Draft(
            _("Over 80%% of the spending limit for %(what)s is used", what=name_of(held)),
            (
                _(
                    "%(used)s of the %(calls)s calls that %(limit)s pay for are made. This period costs %(cost)s so far.",
                    used=number(spent.calls),
                    calls=number(calls),
                    limit=money(limit),
                    cost=money(spent.cost),
                ),
                _(
                    "At the limit, calls are refused until somebody raises it or the next period begins on %(date)s.",
                    date=day_of(held.period.end, reader),
                ),
            ),
            (_("See or raise the limit"), _address(desk, held)),
        ),
    )


def reached(facts: Facts, desk: Desk) -> Letter | None:
    """To whoever may pay: calls are refused from now on, until when, and how that changes."""
    held, reader = _still_meant(facts), payer_of(facts)
    if held is None or reader is None:
        return None
    calls = (held.spending.calls if held.spending else None) or 0
    limit = Money(int(facts["limit"]), get_offer_of_price(held.price_id).terms.currency)
    return desk.write(
        reader,
        lambda: Draft(
            _(
                "Calls to %(what)s are refused: your limit of %(limit)s is reached",
                what=name_of(held),
                limit=money(limit),
            ),
            (
                _(
                    "All %(calls)s calls that the limit pays for are used. Refused calls cost nothing.",
                    calls=number(calls),
                ),
                _(
                    "Calls are served again about a second after somebody raises the limit, or by themselves when the"
                    " next period begins on %(date)s.",
                    date=day_of(held.period.end, reader),
                ),
            ),
            (_("Raise the limit"), _address(desk, held)),
        ),
    )


def _still_meant(facts: Facts) -> SubscriptionView | None:
    """Return the subscription while the limit and the period are those that the mail was announced for."""
    held = held_of(facts)
    if held is None or held.has_ended or held.spending is None:
        return None
    is_same = (held.spending.amount, isoformat_z(held.period.start)) == (int(facts["limit"]), facts["period"])
    return held if is_same else None


def _address(desk: Desk, held: SubscriptionView) -> str:
    return desk.link("payments.spending", subscription_id=str(held.id))
