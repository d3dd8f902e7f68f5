"""Price terms for tests, written the way the worked tables write them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from portal.pricing.types import PriceTerms, Tier


def terms_from(written: dict[str, Any]) -> PriceTerms:
    """Return the terms of `{"amount": …, "tiers": [[up_to, unit, flat], …]}`; what is not said is nothing."""
    values = {"amount": 0, "currency": "eur"} | written
    if "unit_amount" in values:
        values["unit_amount"] = Decimal(values["unit_amount"])
    values["tiers"] = tuple(
        Tier(None if up_to is None else Decimal(up_to), Decimal(unit), flat)
        for up_to, unit, flat in written.get("tiers", ())
    )
    return PriceTerms(**values)
