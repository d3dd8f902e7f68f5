"""APIs that a person keeps for later."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from portal.catalog.errors import CatalogError, UnknownApi
from portal.catalog.models import LISTED, Api, SavedApi
from portal.db import among, db

MOST_SAVED = 500


def save(user_id: int, api_id: int, now: datetime) -> None:
    """Keep a listed API; keeping it again changes nothing. Raises UnknownApi, and CatalogError when the shelf is full."""
    if db.session.scalar(select(Api.id).where(Api.id == api_id, text(LISTED))) is None:
        raise UnknownApi("There is no such API in the market.")
    kept = select(func.count()).select_from(SavedApi).where(SavedApi.user_id == user_id)
    if (db.session.scalar(kept) or 0) >= MOST_SAVED:
        raise CatalogError(f"You keep {MOST_SAVED} APIs, which is the most. Remove one first.")
    db.session.execute(insert(SavedApi).values(user_id=user_id, api_id=api_id, saved_at=now).on_conflict_do_nothing())


def forget(user_id: int, api_id: int) -> None:
    """Stop keeping an API, whatever became of it; doing it again changes nothing."""
    db.session.execute(delete(SavedApi).where(SavedApi.user_id == user_id, SavedApi.api_id == api_id))


def list_saved(user_id: int) -> list[int]:
    """Return the APIs a person keeps, the last saved first. Ones that are not listed any more stay away until they are."""
    statement = select(SavedApi.api_id).join(Api, Api.id == SavedApi.api_id)
    mine = statement.where(SavedApi.user_id == user_id, text(f"apis.{LISTED}"))
    return list(db.session.scalars(mine.order_by(SavedApi.saved_at.desc(), SavedApi.api_id.desc())))


def saved_of(user_id: int | None, api_ids: Collection[int]) -> set[int]:
    """Return which of some APIs a person keeps."""
    if user_id is None or not api_ids:
        return set()
    statement = select(SavedApi.api_id).where(SavedApi.user_id == user_id, among(SavedApi.api_id, api_ids))
    return set(db.session.scalars(statement))
