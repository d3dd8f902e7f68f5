"""What changes about a listing without its provider: it stops being new, and what it can cost is worked out again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, text, update

from portal.catalog.finding.costs import price_lines, price_points
from portal.catalog.models import UNPRICED, Api
from portal.db import db
from portal.pricing.queries import list_offers_for

NEW_FOR = timedelta(days=30)
_BATCH = 200
_STORE = text("""
    UPDATE apis SET price_points = ARRAY(SELECT jsonb_array_elements_text(new.points)::bigint), price_lines = new.lines
    FROM jsonb_to_recordset(CAST(:worked_out AS jsonb)) AS new (api bigint, points jsonb, lines jsonb) WHERE id = new.api
""")


def reprice(listed: Sequence[tuple[int, int | None]]) -> int:
    """Work out what APIs, given with their products, can cost: lines below it, and the least per range of volume."""
    offers = list_offers_for([product_id for _api_id, product_id in listed if product_id is not None])
    worked_out = []
    for api_id, product_id in listed:
        lines = price_lines(offers.get(product_id, []) if product_id is not None else [])
        worked_out.append({"api": api_id, "points": price_points(lines), "lines": lines})
    if worked_out:
        db.session.execute(_STORE, {"worked_out": json.dumps(worked_out)})
    return len(worked_out)


def reprice_changed() -> int:
    """Do so for the next few whose prices changed; return how many. Until then they rank by their exact price alone."""
    waiting = select(Api.id, Api.product_id).where(text(UNPRICED)).order_by(Api.id)
    rows = db.session.execute(waiting.limit(_BATCH).with_for_update(skip_locked=True))
    return reprice([(api_id, product_id) for api_id, product_id in rows])


def age(now: datetime) -> int:
    """Let listings older than thirty days stop being new; return how many. Those published ahead of a clock wait."""
    aged = update(Api).where(Api.is_new, Api.published_at <= now - NEW_FOR).values(is_new=False)
    return db.session.execute(aged).rowcount  # type: ignore[attr-defined,no-any-return]
