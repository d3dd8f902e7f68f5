"""APIs of the demo's providers: each a table of operations over a library or plain arithmetic, never over the network."""

from __future__ import annotations

from portal.upstreams.apis import (
    bank_accounts,
    countries,
    developing,
    distances,
    measures,
    messages,
    phone_numbers,
    pictures,
    public_holidays,
    registers,
    science,
    sums,
    text,
    time_zones,
)
from portal.upstreams.describing import Api


def _versions(*apis: Api) -> dict[str, tuple[Api, ...]]:
    """Return the versions of each API by its name, in the order given: the oldest first."""
    found: dict[str, tuple[Api, ...]] = {}
    for api in apis:
        found[api.name] = (*found.get(api.name, ()), api)
    return found


APIS = _versions(
    bank_accounts.V1,
    bank_accounts.V2,
    countries.API,
    developing.JSON_SCHEMA,
    developing.TEST_DATA,
    distances.API,
    measures.MEASURES,
    measures.UNITS,
    messages.API,
    phone_numbers.API,
    pictures.COLOURS,
    pictures.PLACEHOLDERS,
    pictures.QR,
    public_holidays.API,
    registers.COMPANIES,
    registers.GOODS,
    registers.PAYEES,
    registers.SECURITIES,
    registers.VAT,
    science.INTEGERS,
    science.MOON,
    science.TIDES,
    sums.LOANS,
    sums.STATISTICS,
    text.DIFF,
    text.MARKDOWN,
    text.READABILITY,
    text.SLUGS,
    time_zones.API,
)
