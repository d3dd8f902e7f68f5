"""The field for a spending limit: read, checked and said in words, the same on the review page and on a subscription's."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import gettext as _
from flask_babel import ngettext

from portal.payments.spending import Spent
from portal.pricing.asked import read_sum, write_sum
from portal.pricing.spending import suggested_limit
from portal.pricing.types import PriceTerms
from portal.subscriptions.errors import LimitOutOfRange
from portal.subscriptions.spending import check_limit, limit_on
from portal.subscriptions.types import SpendingLimit
from portal.web.formatting import money, number
from portal.web.plugs import plugs


@dataclass(frozen=True, slots=True)
class LimitField:
    """What stands in the field and what it means.

    `amount` is minor units; None for no limit and for what cannot be meant, which `error` tells. `stops_now` when more
    calls were made in the running period than the limit pays for.
    """

    typed: str
    amount: int | None
    words: str
    error: str = ""
    stops_now: bool = False


def is_offered(terms: PriceTerms) -> bool:
    """True where a limit can stop something: the plan bills calls, and the gateway stops at a number of them."""
    return terms.usage_model is not None and plugs().holds_limits


def suggested_field(terms: PriceTerms) -> LimitField:
    """Return the field as a buyer first sees it."""
    return shown_field(suggested_limit(terms), terms)


def shown_field(amount: int | None, terms: PriceTerms) -> LimitField:
    """Return the field with a limit that is set already, or with none."""
    return read_field("" if amount is None else write_sum(amount, terms.currency), terms)


def read_field(typed: str, terms: PriceTerms, spent: Spent | None = None) -> LimitField:
    """Read what somebody typed. `spent` is what the running period of a subscription has used, if there is one."""
    found = read_sum(typed, terms.currency)
    if found.error:
        return LimitField(found.typed, None, "", found.error)
    if found.amount is None:
        return LimitField("", None, str(_("No limit: every call is served, and billed as the plan says.")))
    try:
        check_limit(terms, found.amount)
    except LimitOutOfRange as bounds:
        return LimitField(found.typed, None, "", _out_of_range(found.amount, bounds, terms))
    limit = limit_on(terms, found.amount)
    stops_now = spent is not None and limit.calls is not None and limit.calls <= spent.calls
    words = _stops_now(spent, found.amount, terms) if spent and stops_now else enough_for(limit)
    return LimitField(found.typed, found.amount, words, stops_now=stops_now)


def enough_for(limit: SpendingLimit) -> str:
    """Return what a limit means: how many calls, and what happens to the next one."""
    if limit.calls is None:
        return str(_("No number of calls costs that much on this plan, so none is ever refused for it."))
    return str(
        ngettext(
            "Enough for %(calls)s call a period; then calls are refused until you raise it or the next period begins.",
            "Enough for %(calls)s calls a period; then calls are refused until you raise it or the next period begins.",
            limit.calls,
            calls=number(limit.calls),
        )
    )


def on_other_plan(own: SpendingLimit, terms: PriceTerms, plan: str, used: int) -> str:
    """Return what becomes of a subscription's limit on another plan; `used` calls of the period count there, too."""
    amount, there = money(own.amount, terms.currency), limit_on(terms, own.amount)
    if terms.usage_model is None:
        return str(
            _("%(plan)s bills no calls beyond its fee, so your spending limit of %(limit)s has nothing to stop.",
              plan=plan, limit=amount)
        )  # fmt: skip
    if there.calls is None:
        return str(
            _("Your spending limit of %(limit)s stays. No number of calls reaches it on %(plan)s.",
              limit=amount, plan=plan)
        )  # fmt: skip
    calls = number(there.calls)
    if own.amount < terms.amount:
        words = _("Your spending limit of %(limit)s stays and is below the fee of %(plan)s: the first %(calls)s calls of a"
                  " period, which cost nothing more, are served, then calls are refused until you raise it.",
                  limit=amount, plan=plan, calls=calls)  # fmt: skip
    else:
        words = _("Your spending limit of %(limit)s stays. On %(plan)s it is enough for %(calls)s calls a period.",
                  limit=amount, plan=plan, calls=calls)  # fmt: skip
    if used < there.calls:
        return str(words)
    stops = _("You have made %(used)s calls in this period, so calls stop at once.", used=number(used))
    return f"{words} {stops}"


def _out_of_range(amount: int, bounds: LimitOutOfRange, terms: PriceTerms) -> str:
    if amount > bounds.most:
        return str(_("Set at most %(most)s, or leave it empty for no limit.", most=money(bounds.most, terms.currency)))
    return str(
        _("The plan itself costs %(fee)s a period. Set at least that, or leave it empty for no limit.",
          fee=money(bounds.least, terms.currency))
    )  # fmt: skip


def _stops_now(spent: Spent, amount: int, terms: PriceTerms) -> str:
    return str(
        _("You have made %(used)s calls in this period, and %(limit)s pay for no more than that: calls stop at once,"
          " until you raise the limit or the next period begins.",
          used=number(spent.calls), limit=money(amount, terms.currency))
    )  # fmt: skip
