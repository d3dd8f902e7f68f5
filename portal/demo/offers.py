"""What the demo's providers offer, in the words of its data: an API, its plans, how well it is run.

Prices are in euros, the currency of the market's pages, unless `sold_in` says another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from portal.pricing.types import PriceTerms, Tier


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """A plan of a demo API."""

    code: str
    name: str
    summary: str
    requests_per_minute: int
    terms: PriceTerms
    highlights: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Running:
    """How well a provider runs an API.

    `median_ms` is how long half of the answers take at most, `failures` the share of calls it fails, `bad_days` the days,
    counted back from today, on which it failed every fourth call.
    """

    median_ms: int = 30
    failures: float = 0.0004
    bad_days: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Goodbye:
    """What a provider says about something that goes: announced so many days ago, gone in so many."""

    announced: int
    gone_in: int
    note: str
    successor: str = ""


@dataclass(frozen=True, slots=True)
class DemoApi:
    """An API of the demo upstreams. `upstream` is the path below the upstream server's address.

    `published` and `updated` are days before today; None is a draft. `older` are versions that came before, by how many
    days ago, and `farewell` is about the first of them, or about the API when there are none.
    """

    organisation: str
    slug: str
    upstream: str
    category: str
    plans: tuple[DemoPlan, ...] = ()
    published: int | None = 0
    updated: int = 0
    running: Running = Running()
    older: tuple[tuple[str, int], ...] = ()
    farewell: Goodbye | None = None


def free(calls: int, per_minute: int = 60) -> DemoPlan:
    """So many calls a month for nothing; more are refused."""
    terms = PriceTerms(amount=0, currency="eur", included_quantity=calls)
    return DemoPlan("free", "Free", "For trying it and for small things", per_minute, terms)


def open_to_all(per_minute: int) -> DemoPlan:
    """Free without a limit but the pace."""
    terms = PriceTerms(amount=0, currency="eur")
    return DemoPlan("open", "Open", "For everybody, as much as they need", per_minute, terms, ("No quota",))


def included(
    code: str, name: str, summary: str, amount: int, calls: int, each: str, per_minute: int,
    trial_days: int = 0,
) -> DemoPlan:  # fmt: skip
    """A monthly fee with calls included, and a price for each beyond them."""
    terms = PriceTerms(
        amount=amount,
        currency="eur",
        trial_days=trial_days,
        included_quantity=calls,
        usage_model="per_unit",
        unit_amount=Decimal(each),
    )
    return DemoPlan(code, name, summary, per_minute, terms)


def flat(
    code: str, name: str, summary: str, amount: int, calls: int | None, per_minute: int,
    trial_days: int = 0,
) -> DemoPlan:  # fmt: skip
    """A monthly fee and nothing else: calls beyond the included ones are refused, None includes them all."""
    terms = PriceTerms(amount=amount, currency="eur", included_quantity=calls, trial_days=trial_days)
    return DemoPlan(code, name, summary, per_minute, terms, ("The bill never grows",))


def yearly(code: str, name: str, summary: str, amount: int, calls: int, each: str, per_minute: int) -> DemoPlan:
    """A yearly fee with calls included in the year."""
    terms = PriceTerms(
        amount=amount,
        currency="eur",
        interval="year",
        included_quantity=calls,
        usage_model="per_unit",
        unit_amount=Decimal(each),
    )
    return DemoPlan(code, name, summary, per_minute, terms, ("Two months less than by the month",))


def per_call(each: str, per_minute: int) -> DemoPlan:
    """No fee: every call has its price."""
    terms = PriceTerms(amount=0, currency="eur", usage_model="per_unit", unit_amount=Decimal(each))
    return DemoPlan("usage", "Pay per use", "Nothing when you call nothing", per_minute, terms)


def package(amount: int, calls: int, price: int, size: int, per_minute: int) -> DemoPlan:
    """A monthly fee with calls included, then packages of calls."""
    terms = PriceTerms(
        amount=amount,
        currency="eur",
        included_quantity=calls,
        usage_model="package",
        unit_amount=Decimal(price),
        package_size=size,
    )
    return DemoPlan("packs", "Packs", "More calls by the pack", per_minute, terms)


def stepped(
    code: str, name: str, summary: str, steps: tuple[tuple[int | None, str], ...], per_minute: int,
    amount: int = 0, all_at_last_price: bool = False,
) -> DemoPlan:  # fmt: skip
    """A price per call that falls with volume: step by step, or for all calls at the price of the last step."""
    terms = PriceTerms(
        amount=amount,
        currency="eur",
        usage_model="volume" if all_at_last_price else "graduated",
        tiers=tuple(Tier(None if up_to is None else Decimal(up_to), Decimal(each)) for up_to, each in steps),
    )
    return DemoPlan(code, name, summary, per_minute, terms, ("The more, the cheaper",))


def sold_in(currency: str, *plans: DemoPlan) -> tuple[DemoPlan, ...]:
    """The same figures in another currency."""
    return tuple(replace(plan, terms=replace(plan.terms, currency=currency)) for plan in plans)
