"""Reading rights. The account comes first: nothing is found outside it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select, text

from portal.db import among, db
from portal.entitlements.models import Entitlement
from portal.entitlements.rules import DERIVED, union
from portal.entitlements.types import Cause, Explanation, Grant, Proof, Right, Source
from portal.pricing.queries import list_products_of
from portal.projects.queries import name_features
from portal.subscriptions.queries import list_for_account
from portal.subscriptions.rules import access_of


def has_feature(account_id: int, feature_id: int, at: datetime) -> bool:
    """True when any live row gives the account the feature at an instant."""
    live = exists().where(*_of(account_id), Entitlement.feature_id == feature_id, _live_at(at))
    return bool(db.session.scalar(select(live)))


def list_live(account_id: int, at: datetime) -> list[Right]:
    """Return what the account may use at an instant, one entry per feature."""
    query = _all(account_id).where(or_(Entitlement.valid_to.is_(None), Entitlement.valid_to > at))
    grants = [grant_of(row) for row in db.session.scalars(query)]
    return union(grants, name_features({grant.feature_id for grant in grants}), at)


def find_bought(account_id: int, feature_ids: Collection[int], at: datetime) -> Grant | None:
    """Return a right to one of some features that was paid for once and is live at an instant, the longest first."""
    row = db.session.scalars(
        select(Entitlement)
        .where(
            *_of(account_id), among(Entitlement.feature_id, feature_ids), Entitlement.source == "purchase", _live_at(at)
        )
        .order_by(Entitlement.valid_to.desc().nulls_first())
        .limit(1)
    ).one_or_none()
    return None if row is None else grant_of(row)


@dataclass(frozen=True, slots=True)
class Held:
    """An account's rights at one version, read in one statement. Without an account there are none."""

    account_id: int | None
    version: int
    grants: tuple[Grant, ...]
    names: Mapping[int, tuple[str, str]]


def read_rights(project_id: int, external_id: str) -> Held:
    """Return every unrevoked row of somebody a project knows by this id, with the version they belong to."""
    rows = db.session.execute(
        text(
            "SELECT a.id AS account_id, a.entitlement_version, e.id, e.feature_id, e.source, e.source_id, e.valid_from,"
            " e.valid_to, e.quantity, f.code, f.name FROM accounts a"
            " LEFT JOIN entitlements e ON e.account_id = a.id AND e.revoked_at IS NULL"
            " LEFT JOIN features f ON f.id = e.feature_id"
            " WHERE a.project_id = :project AND a.external_id = :who ORDER BY f.code, e.valid_from, e.id"
        ),
        {"project": project_id, "who": external_id},
    ).all()
    if not rows:
        return Held(None, 0, (), {})
    grants = tuple(
        Grant(row.id, row.feature_id, row.source, row.source_id, row.valid_from, row.valid_to, row.quantity)
        for row in rows
        if row.id is not None
    )
    names = {row.feature_id: (row.code, row.name) for row in rows if row.id is not None}
    return Held(rows[0].account_id, rows[0].entitlement_version, grants, names)


def explain(account_id: int, feature_id: int, at: datetime) -> Explanation:
    """Return why the account may or may not use a feature at an instant: rows, and the subscriptions behind them."""
    query = select(Entitlement).where(Entitlement.account_id == account_id, Entitlement.feature_id == feature_id)
    grants = [grant_of(row) for row in db.session.scalars(query.order_by(Entitlement.valid_from.desc()))]
    causes = _causes(account_id, feature_id, at)
    proofs = [
        Proof(grant, grant.state(at), causes.get(grant.source_id) if grant.source in DERIVED else None)
        for grant in grants
    ]
    proofs.sort(key=lambda proof: proof.state != "live")
    return Explanation(any(proof.state == "live" for proof in proofs), at, tuple(proofs), tuple(causes.values()))


def grant_of(row: Entitlement) -> Grant:
    """Return a row as a value."""
    return Grant(
        id=row.id,
        feature_id=row.feature_id,
        source=cast(Source, row.source),
        source_id=row.source_id,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        quantity=row.quantity,
        revoked_at=row.revoked_at,
        revoke_reason=row.revoke_reason,
        granted_by=row.granted_by,
        reason=row.reason,
        written_at=row.created_at,
    )


def _of(account_id: int) -> tuple[ColumnElement[bool], ...]:
    return Entitlement.account_id == account_id, Entitlement.revoked_at.is_(None)


def _all(account_id: int) -> Select[Entitlement]:
    return select(Entitlement).where(*_of(account_id)).execution_options(populate_existing=True)


def _live_at(at: datetime) -> ColumnElement[bool]:
    return and_(
        Entitlement.valid_from <= at,
        or_(Entitlement.valid_to.is_(None), Entitlement.valid_to > at),
    )


def _causes(account_id: int, feature_id: int, at: datetime) -> dict[int, Cause]:
    products = list_products_of(feature_id)
    causes = {}
    for held in list_for_account(account_id):
        if held.product_id in products:
            access = access_of(held, at)
            causes[held.id] = Cause(
                subscription_id=held.id,
                plan_id=held.plan_id,
                status=held.status,
                stripe_subscription_id=held.stripe_subscription_id,
                read_at=held.read_at,
                allowed=access.allowed,
                reason=access.reason,
            )
    return causes
