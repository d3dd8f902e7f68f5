"""Up to four APIs side by side: what is promised, what is measured, what it costs at a volume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from portal.catalog import facts
from portal.catalog.finding.cards import list_cards
from portal.catalog.finding.types import Card
from portal.catalog.models import LISTED
from portal.catalog.types import MeasuredFacts
from portal.db import db
from portal.pricing.queries import list_offers_for
from portal.pricing.types import Offer
from portal.pricing.volumes import Quote, cheapest_of, quote

MOST = 4


@dataclass(frozen=True, slots=True)
class Compared:
    """One column of the comparison: every plan at the volume, and the cheapest that serves it, if one does."""

    card: Card
    facts: MeasuredFacts | None
    plans: Sequence[Quote]
    cheapest: Quote | None
    auth: Sequence[str]
    version: str
    openapi: str
    operations: int
    terms: str | None
    licence: str
    updated_at: datetime


def find_ids(addresses: Sequence[tuple[str, str]]) -> list[int]:
    """Return the listed APIs at (organisation, slug) addresses, in that order, each once; unknown ones are left out."""
    statement = text(f"""
        SELECT o.slug, a.slug, a.id FROM apis a JOIN organisations o ON o.id = a.organisation_id
        WHERE a.{LISTED} AND (o.slug, a.slug) IN (SELECT * FROM unnest(CAST(:organisations AS text[]), CAST(:apis AS text[])))
    """)  # noqa: S608 - a constant
    values = {"organisations": [pair[0] for pair in addresses], "apis": [pair[1] for pair in addresses]}
    known = {(row[0], row[1]): row[2] for row in db.session.execute(statement, values)}
    return [known[pair] for pair in dict.fromkeys(addresses) if pair in known]


def compare(api_ids: Sequence[int], volume: int) -> list[Compared]:
    """Return the APIs side by side, priced at `volume` calls a month."""
    cards = list_cards(api_ids[:MOST])
    offers = list_offers_for([card.product_id for card in cards if card.product_id is not None])
    measured, versions = facts.list_facts([card.id for card in cards]), _versions([card.id for card in cards])
    return [_column(card, measured.get(card.id), offers, versions[card.id], volume) for card in cards]


def _column(
    card: Card, measured: MeasuredFacts | None, offers: Mapping[int, list[Offer]], version: Any, volume: int
) -> Compared:
    mine = offers.get(card.product_id, []) if card.product_id is not None else []
    plans = [quote(offer, volume) for offer in mine]
    overview = version.overview or {}
    return Compared(
        card=card,
        facts=measured,
        plans=plans,
        cheapest=cheapest_of(plans),
        auth=version.auth,
        version=version.version or "",
        openapi=version.openapi or "",
        operations=version.operations or 0,
        terms=overview.get("terms"),
        licence=(overview.get("licence") or {}).get("name", ""),
        updated_at=version.updated_at,
    )


def _versions(api_ids: Sequence[int]) -> dict[int, Any]:
    statement = text("""
        SELECT a.id, a.auth, a.updated_at, v.name AS version, v.openapi, v.operation_count AS operations, v.overview
        FROM apis a LEFT JOIN api_versions v ON v.api_id = a.id AND v.is_default WHERE a.id = ANY (:ids)
    """)
    return {row.id: row for row in db.session.execute(statement, {"ids": list(api_ids)})}
