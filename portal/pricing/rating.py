"""What a quantity costs. One pure function, used by cards, previews, invoices and reconciliation alike.

Arithmetic is exact (`Fraction`) and each line is rounded once, halves away from zero. Rules and a worked table:
docs/algorithms/pricing.md.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from math import ceil

from portal.kit.money import Money, round_half_up
from portal.pricing.types import Charge, ChargeLine, PriceTerms, Quantity, Tier, TierShare, UsageModel


def rate(terms: PriceTerms, quantity: Quantity, *, periods: int = 1) -> Charge:
    """Return what `quantity` calls within one period cost, together with `periods` recurring amounts.

    `periods` is 0 when only the usage of a past period is billed. A quantity of zero or less prices as zero and
    its line stays visible.
    """
    lines = []
    if periods and (terms.amount or terms.usage_model is None):
        lines.append(_recurring(terms, periods))
    if terms.limit != "unlimited":
        lines.append(_usage(terms, max(Fraction(quantity), Fraction(0))))
    return Charge(tuple(lines), Money(sum(line.amount for line in lines), terms.currency))


def _recurring(terms: PriceTerms, periods: int) -> ChargeLine:
    amount = terms.amount * periods
    return ChargeLine("recurring", "plan_fee", Fraction(periods), Fraction(amount), amount)


def _usage(terms: PriceTerms, quantity: Fraction) -> ChargeLine:
    included = min(quantity, Fraction(terms.included_quantity or 0))
    beyond = quantity - included
    if terms.usage_model is None:
        return ChargeLine("usage", "calls_within_quota", quantity, Fraction(0), 0, included=included, refused=beyond)
    return _MODELS[terms.usage_model](terms, quantity, included, beyond)


def _per_unit(terms: PriceTerms, quantity: Fraction, included: Fraction, billable: Fraction) -> ChargeLine:
    unit_amount = terms.unit_amount or Decimal(0)
    exact = billable * Fraction(unit_amount)
    return ChargeLine(
        "usage",
        "calls_per_unit",
        quantity,
        exact,
        round_half_up(exact),
        included=included,
        billable=billable,
        unit_amount=unit_amount,
    )


def _package(terms: PriceTerms, quantity: Fraction, included: Fraction, billable: Fraction) -> ChargeLine:
    size, unit_amount = terms.package_size or 1, terms.unit_amount or Decimal(0)
    packages = ceil(billable / size)
    exact = packages * Fraction(unit_amount)
    return ChargeLine(
        "usage",
        "calls_per_package",
        quantity,
        exact,
        round_half_up(exact),
        included=included,
        billable=billable,
        unit_amount=unit_amount,
        package_size=size,
        packages=packages,
    )


def _graduated(terms: PriceTerms, quantity: Fraction, included: Fraction, billable: Fraction) -> ChargeLine:
    shares, after = [], Decimal(0)
    for tier in terms.tiers:
        if billable <= Fraction(after):
            break
        top = billable if tier.up_to is None else min(billable, Fraction(tier.up_to))
        shares.append(_share(tier, after, top - Fraction(after)))
        after = tier.up_to if tier.up_to is not None else after
        if tier.up_to is None:
            break
    return _tiered("calls_graduated", quantity, included, billable, shares)


def _volume(terms: PriceTerms, quantity: Fraction, included: Fraction, billable: Fraction) -> ChargeLine:
    shares, after = [], Decimal(0)
    for tier in terms.tiers if billable > 0 else ():
        if tier.up_to is None or billable <= Fraction(tier.up_to):
            shares.append(_share(tier, after, billable))
            break
        after = tier.up_to
    return _tiered("calls_by_volume", quantity, included, billable, shares)


def _share(tier: Tier, after: Decimal, quantity: Fraction) -> TierShare:
    exact = quantity * Fraction(tier.unit_amount) + tier.flat_amount
    return TierShare(after, tier.up_to, quantity, tier.unit_amount, tier.flat_amount, exact)


def _tiered(
    key: str, quantity: Fraction, included: Fraction, billable: Fraction, shares: list[TierShare]
) -> ChargeLine:
    exact = sum((share.amount_exact for share in shares), Fraction(0))
    return ChargeLine(
        "usage",
        key,
        quantity,
        exact,
        round_half_up(exact),
        included=included,
        billable=billable,
        tiers=tuple(shares),
    )


_MODELS: dict[UsageModel, Callable[[PriceTerms, Fraction, Fraction, Fraction], ChargeLine]] = {
    "per_unit": _per_unit,
    "package": _package,
    "graduated": _graduated,
    "volume": _volume,
}
