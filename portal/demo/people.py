"""Who lives in the demo: five people in four organisations, what they sell and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from portal.pricing.types import PriceTerms
from portal.web.principal import Role

PASSWORD = "a-fine-day-at-the-market"  # noqa: S105 - printed at every start; the demo's data is nobody's


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can sign in."""

    name: str
    email: str
    organisation: str
    role: Role = "owner"
    is_operator: bool = False


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
class DemoApi:
    """An API of the demo upstreams. `upstream` is the path below the upstream server's address."""

    organisation: str
    slug: str
    upstream: str
    category: str
    plans: tuple[DemoPlan, ...]


PEOPLE = (
    Person("Ada Lindqvist", "ada@kestrel.example", "Kestrel Data"),
    Person("Ben Okafor", "ben@kestrel.example", "Kestrel Data", role="developer"),
    Person("Cleo Marsh", "cleo@tidewater.example", "Tidewater Labs"),
    Person("Dan Reyes", "dan@northlight.example", "Northlight"),
    Person("Olive Tan", "olive@mercato.example", "Market Office", is_operator=True),
)


def _free(calls: int, per_minute: int = 60) -> DemoPlan:
    terms = PriceTerms(amount=0, currency="eur", included_quantity=calls)
    return DemoPlan("free", "Free", "For trying it and for small things", per_minute, terms, ("No card needed",))


def _paid(
    code: str, name: str, summary: str, amount: int, calls: int, each: str, per_minute: int, trial_days: int = 0
) -> DemoPlan:
    terms = PriceTerms(
        amount=amount,
        currency="eur",
        trial_days=trial_days,
        included_quantity=calls,
        usage_model="per_unit",
        unit_amount=Decimal(each),
    )
    return DemoPlan(code, name, summary, per_minute, terms, ("Only successful calls count", "Cancel any time"))


APIS = (
    DemoApi(
        "Kestrel Data",
        "rates",
        "rates",
        "finance",
        (
            _free(1_000),
            _paid("pro", "Pro", "For a product in production", 2_900, 100_000, "0.03", 600),
            _paid("scale", "Scale", "For many products", 19_900, 2_000_000, "0.01", 6_000, trial_days=14),
        ),
    ),
    DemoApi(
        "Kestrel Data",
        "almanac",
        "almanac",
        "science",
        (
            _free(2_000),
            _paid("plus", "Plus", "For apps people open every day", 900, 50_000, "0.02", 300, trial_days=14),
        ),
    ),
    DemoApi("Market Office", "httpbin", "httpbin", "developer", (_free(10_000, per_minute=300),)),
)
