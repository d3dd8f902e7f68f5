"""The catalog's own words: categories, limits of a schema, what plans include."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from flask_babel import gettext as _
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that the extraction of messages looks for

from portal.kit.money import round_half_up
from portal.pricing.types import Offer, PriceTerms
from portal.pricing.volumes import Quote
from portal.pricing.words import fee, period, usage
from portal.web.formatting import number, unit_price

# Translated when shown, one at a time: a page may need hundreds.
_MOST_DECIMALS = 10  # of a minor unit; what costs less a call than this is nothing
_CATEGORIES = {
    "ai": N_("AI and language"),
    "commerce": N_("Commerce"),
    "communication": N_("Communication"),
    "data": N_("Data"),
    "developer": N_("Developer tools"),
    "finance": N_("Finance"),
    "geo": N_("Maps and weather"),
    "identity": N_("Identity"),
    "media": N_("Media"),
    "productivity": N_("Productivity"),
    "science": N_("Science and health"),
    "social": N_("Social"),
    "transport": N_("Travel and transport"),
    "other": N_("Other"),
}
_LIMITS = {
    "minimum": N_("at least %(n)s"),
    "maximum": N_("at most %(n)s"),
    "exclusiveMinimum": N_("more than %(n)s"),
    "exclusiveMaximum": N_("less than %(n)s"),
    "exclusiveMinimum, unknown": N_("more than the minimum"),
    "exclusiveMaximum, unknown": N_("less than the maximum"),
    "multipleOf": N_("a multiple of %(n)s"),
    "minLength": N_("%(n)s characters or more"),
    "maxLength": N_("up to %(n)s characters"),
    "minItems": N_("%(n)s items or more"),
    "maxItems": N_("up to %(n)s items"),
    "minProperties": N_("%(n)s fields or more"),
    "maxProperties": N_("up to %(n)s fields"),
    "uniqueItems, unknown": N_("no item twice"),
    "pattern": N_("matches %(n)s"),
}


def category(name: str) -> str:
    """Return a category in the reader's language."""
    known = _CATEGORIES.get(name)
    return str(known) if known is not None else name.replace("-", " ").capitalize()


def state(name: str) -> tuple[str, str]:
    """Return the state of an API or version in words, and the tone it is shown in."""
    known = {
        "draft": (_("Draft"), "quiet"),
        "published": (_("Published"), "success"),
        "deprecated": (_("Deprecated"), "warning"),
        "retired": (_("Retired"), "danger"),
        "blocked": (_("Blocked"), "danger"),
    }
    return known[name]


def place(pointer: str) -> str:
    """Return where a JSON pointer leads, operations as people write them: "GET /rates · responses/200"."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    if len(steps) >= 3 and steps[0] == "paths":
        return " · ".join([f"{steps[2].upper()} {steps[1]}", *(["/".join(steps[3:])] if steps[3:] else [])])
    return pointer or "/"


def limits(found: Sequence[Sequence[str]]) -> list[str]:
    """Return the constraints of a schema in words."""
    return [_limit(keyword, value) for keyword, value in found]


def _limit(keyword: str, value: str) -> str:
    known = _LIMITS.get(keyword if value else f"{keyword}, unknown")
    return str(known) % {"n": value} if known is not None else keyword


def included(terms: PriceTerms) -> str:
    """Return how many calls a period includes."""
    if terms.included_quantity is None:
        return str(_("Unlimited")) if terms.limit == "unlimited" else str(_("None"))
    return str(_("%(n)s %(period)s", n=number(terms.included_quantity), period=period(terms)))


def beyond(terms: PriceTerms) -> str:
    """Return what happens to calls beyond the included ones."""
    if terms.limit == "billed":
        return usage(terms)
    return str(_("Refused until the next period")) if terms.limit == "refused" else str(_("Nothing: no limit"))


def rate_limit(per_minute: int | None) -> str:
    """Return how many calls a minute are let through."""
    return str(_("%(n)s a minute", n=number(per_minute))) if per_minute else str(_("No limit"))


def then(terms: PriceTerms) -> str | None:
    """Return the line under a plan's price: what the calls beyond the included ones cost, or that they never do."""
    if terms.limit == "billed":
        return str(_("then %(price)s", price=usage(terms))) if terms.included_quantity else usage(terms)
    return str(_("Calls beyond are refused, never billed")) if terms.limit == "refused" else None


def features(offer: Offer) -> list[tuple[bool, str]]:
    """Return what a plan's card lists, each with whether it is included."""
    terms = offer.terms
    listed = []
    if terms.included_quantity:
        count, each = number(terms.included_quantity), period(terms)
        listed.append((True, str(_("%(n)s calls %(period)s included", n=count, period=each))))
    elif terms.limit == "unlimited":
        listed.append((True, str(_("Unlimited calls"))))
    if offer.requests_per_minute:
        listed.append((True, str(_("Up to %(n)s calls a minute", n=number(offer.requests_per_minute)))))
    return [*listed, *((True, highlight) for highlight in offer.highlights)]


def calls(count: Fraction) -> str:
    """Return a number of calls that may be the share of a longer period, to the whole call."""
    return number(round_half_up(count))


def per_call(found: Quote, volume: int) -> str:
    """Return what one served call costs on average, to four decimals of the major unit; a dash where none is served.

    What is less than that has two digits that count: never nothing for what costs something.
    """
    served = volume - found.refused
    if served <= 0:
        return "–"
    average, decimals = found.exact / served, 2
    while 0 < average * 10**decimals < 10 and decimals < _MOST_DECIMALS:
        decimals += 1
    return unit_price(Decimal(round_half_up(average * 10**decimals)).scaleb(-decimals), found.charge.total.currency)


def columns(quotes: Sequence[Quote]) -> list[dict[str, object]]:
    """Return a numeric column per offer."""
    return [{"label": found.offer.name, "number": True} for found in quotes]


def comparison(offers: Sequence[Offer]) -> list[tuple[str, str | None, list[str | bool]]]:
    """Return the rows of a table that compares offers: what is meant, a note, one cell per offer."""
    terms = [offer.terms for offer in offers]
    fees: list[str | bool] = [fee(each) if each.amount else str(_("Free")) for each in terms]
    trials: list[str | bool] = [str(_("%(n)s days", n=each.trial_days)) if each.trial_days else False for each in terms]
    return [
        (_("Price"), None, fees),
        (_("Calls included"), None, [included(each) for each in terms]),
        (_("Beyond them"), None, [beyond(each) for each in terms]),
        (_("Rate limit"), None, [rate_limit(offer.requests_per_minute) for offer in offers]),
        (_("Trial"), None, trials),
    ]
