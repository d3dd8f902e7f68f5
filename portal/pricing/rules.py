"""Which prices can be charged, and how offers compare."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from portal.kit.money import CURRENCIES
from portal.pricing.errors import Fault
from portal.pricing.rating import rate
from portal.pricing.types import Estimate, Offer, PriceTerms, Quantity, Tier

# The provider's own limits, so that a price we accept can be charged: eight digits, twelve decimals, three years.
MAX_AMOUNT = 99_999_999
MAX_UNIT_AMOUNT = Decimal(1_000_000)
MAX_DECIMALS = 12
MAX_INTERVALS = {"day": 36, "week": 36, "month": 36, "year": 3}
MAX_QUANTITY = 1_000_000_000_000
MAX_TIERS = 20
HOME_CURRENCY = "eur"
"""What the market shows prices in wherever they are sold in it, and the only one it ranks and filters by."""
_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def faults_of_terms(terms: PriceTerms) -> tuple[Fault, ...]:
    """Return everything that stands in the way of charging these terms; empty when nothing does."""
    return (*_faults_of_amount(terms), *_faults_of_interval(terms), *_faults_of_usage(terms), *_faults_of_tiers(terms))


def faults_of_plan(code: str, name: str, requests_per_minute: int | None) -> tuple[Fault, ...]:
    """Return everything that stands in the way of offering such a plan."""
    faults = []
    if _CODE.fullmatch(code) is None:
        faults.append(Fault("code", "Use small letters, digits, - and _, and begin with a letter or digit."))
    if not 1 <= len(name.strip()) <= 80:
        faults.append(Fault("name", "Give the plan a name of up to 80 characters."))
    if requests_per_minute is not None and not 1 <= requests_per_minute <= 1_000_000:
        faults.append(Fault("requests_per_minute", "Allow between 1 and 1,000,000 requests a minute."))
    return tuple(faults)


def in_one_currency(offers: Sequence[Offer]) -> list[Offer]:
    """Return what a product's page shows: each plan once, in one currency, in the order given.

    That is the home currency where anything that costs money is sold in it, else the first by its code. What is free is
    free in every currency.
    """
    known = {offer.terms.currency for offer in offers}
    sold = {offer.terms.currency for offer in offers if not offer.is_free} or known
    if len(known) <= 1:
        return list(offers)
    code, shown = HOME_CURRENCY if HOME_CURRENCY in sold else min(sold), dict[int, Offer]()
    for offer in offers:
        if offer.terms.currency == code:
            shown[offer.plan_id] = offer
        elif offer.is_free:
            shown.setdefault(offer.plan_id, replace(offer, terms=replace(offer.terms, currency=code)))
    return list(shown.values())


def other_currency(offers: Sequence[Offer]) -> str | None:
    """Return the currency of a product's page when it is not the market's own, None when it is or all is free."""
    return next((o.terms.currency for o in offers if not o.is_free and o.terms.currency != HOME_CURRENCY), None)


def compare(offers: Iterable[Offer], quantity: Quantity) -> list[Estimate]:
    """Return each offer's cost at `quantity` calls a period, best first: those that serve every call, then by cost."""
    estimates = [_estimate(offer, quantity) for offer in offers]
    return sorted(estimates, key=lambda found: (found.refused, found.charge.total.amount, found.offer.plan_id))


def cheapest_unit(tiers: Sequence[Tier]) -> Decimal:
    """Return the lowest unit amount a tiered price comes down to."""
    return min(tier.unit_amount for tier in tiers)


def dearest_unit(tiers: Sequence[Tier]) -> Decimal:
    """Return the highest unit amount a tiered price asks for."""
    return max(tier.unit_amount for tier in tiers)


def _estimate(offer: Offer, quantity: Quantity) -> Estimate:
    charge = rate(offer.terms, quantity)
    return Estimate(offer, charge, sum((line.refused for line in charge.lines), Fraction(0)))


def _faults_of_amount(terms: PriceTerms) -> Iterator[Fault]:
    found = CURRENCIES.get(terms.currency)
    if found is None:
        yield Fault("currency", "This currency is not supported.")
        return
    if not 0 <= terms.amount <= MAX_AMOUNT:
        yield Fault("amount", "The amount is negative or too large.")
    elif 0 < terms.amount < found.min_charge:
        yield Fault("amount", f"The smallest amount that can be charged is {found.min_charge} minor units.")
    elif terms.amount % found.multiple:
        yield Fault("amount", f"Amounts in this currency go in steps of {found.multiple} minor units.")


def _faults_of_interval(terms: PriceTerms) -> Iterator[Fault]:
    longest = MAX_INTERVALS.get(terms.interval)
    if longest is None:
        yield Fault("interval", "The interval is day, week, month or year.")
    elif not 1 <= terms.interval_count <= longest:
        yield Fault("interval_count", f"Use 1 to {longest} for this interval.")
    if not 0 <= terms.trial_days <= 730:
        yield Fault("trial_days", "A trial lasts up to 730 days.")
    elif terms.trial_days and terms.is_free:
        yield Fault("trial_days", "A free plan needs no trial.")


def _faults_of_usage(terms: PriceTerms) -> Iterator[Fault]:
    if terms.included_quantity is not None and not 0 <= terms.included_quantity <= MAX_QUANTITY:
        yield Fault("included_quantity", "The included quantity is negative or too large.")
    if terms.usage_model not in (None, "per_unit", "package", "graduated", "volume"):
        yield Fault("usage_model", "Usage is priced per unit, per package, graduated or by volume.")
    if (terms.unit_amount is not None) != (terms.usage_model in ("per_unit", "package")):
        yield Fault("unit_amount", "A unit amount belongs to prices per unit and per package, and to no other.")
    elif terms.unit_amount is not None and not _is_chargeable(terms.unit_amount):
        yield Fault("unit_amount", "The unit amount is negative, too large or finer than 12 decimals.")
    if (terms.package_size is not None) != (terms.usage_model == "package"):
        yield Fault("package_size", "A package size belongs to prices per package, and to no other.")
    elif terms.package_size is not None and not 1 <= terms.package_size <= MAX_QUANTITY:
        yield Fault("package_size", "A package holds at least one call.")


def _faults_of_tiers(terms: PriceTerms) -> Iterator[Fault]:
    tiers = terms.tiers
    if bool(tiers) != (terms.usage_model in ("graduated", "volume")):
        yield Fault("tiers", "Tiers belong to graduated and volume prices, and to no other.")
        return
    if not tiers:
        return
    bounds = [tier.up_to for tier in tiers[:-1]]
    known = [bound for bound in bounds if bound is not None and bound.is_finite()]
    if len(tiers) > MAX_TIERS:
        yield Fault("tiers", f"Use up to {MAX_TIERS} tiers.")
    if tiers[-1].up_to is not None or len(known) != len(bounds):
        yield Fault("tiers", "Every tier but the last has an end; the last has none.")
    elif any(low >= high for low, high in zip([Decimal(0), *known], known, strict=False)):
        yield Fault("tiers", "Each tier ends after the one before it.")
    elif known and (known[-1] > MAX_QUANTITY or any(_decimals(bound) > MAX_DECIMALS for bound in known)):
        yield Fault("tiers", "A tier ends too late or between too fine fractions.")
    if not all(_is_chargeable(tier.unit_amount) and 0 <= tier.flat_amount <= MAX_AMOUNT for tier in tiers):
        yield Fault("tiers", "An amount of a tier is negative, too large or finer than 12 decimals.")


def _is_chargeable(unit_amount: Decimal) -> bool:
    return unit_amount.is_finite() and 0 <= unit_amount <= MAX_UNIT_AMOUNT and _decimals(unit_amount) <= MAX_DECIMALS


def _decimals(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else MAX_DECIMALS + 1
