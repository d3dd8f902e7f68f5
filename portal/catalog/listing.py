"""What changes about a listing without its provider: it stops being new, and the least it can cost is worked out again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, text, update

from portal.catalog.finding.costs import price_points
from portal.catalog.models import LISTED, Api
from portal.db import db
from portal.pricing.queries import list_offers_for

NEW_FOR = timedelta(days=30)
_BATCH = 200
_STORE = text("""
    UPDATE apis SET price_points = CAST(new.points AS bigint[])
    FROM unnest(CAST(:apis AS bigint[]), CAST(:points AS text[])) AS new (api, points) WHERE id = new.api
""")


def reprice(listed: Sequence[tuple[int, int | None]]) -> int:
    """Work out the least that APIs, given with their products, can cost per range of volume."""
    offers = list_offers_for([product_id for _api_id, product_id in listed if product_id is not None])
    points = [
        price_points(offers.get(product_id, []) if product_id is not None else []) for _api_id, product_id in listed
    ]
    if points:
        # One statement, and arrays as text because SQL has no arrays of arrays of different rows.
        texts = ["{" + ",".join(map(str, each)) + "}" for each in points]
        db.session.execute(_STORE, {"apis": [api_id for api_id, _product_id in listed], "points": texts})
    return len(points)


def reprice_changed() -> int:
    """Do so for the next few whose prices changed; return how many. Until then they rank by their exact price alone."""
    waiting = select(Api.id, Api.product_id).where(text(LISTED), text("price_points[1] = -1")).order_by(Api.id)
    rows = db.session.execute(waiting.limit(_BATCH).with_for_update(skip_locked=True))
    return reprice([(api_id, product_id) for api_id, product_id in rows])


def age(now: datetime) -> int:
    """Let listings older than thirty days stop being new; return how many. Those published ahead of a clock wait."""
    aged = update(Api).where(Api.is_new, Api.published_at <= now - NEW_FOR).values(is_new=False)
    return db.session.execute(aged).rowcount  # type: ignore[attr-defined,no-any-return]
