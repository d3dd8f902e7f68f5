"""People and things for tests. Rows are written directly: a test says only what it is about."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from portal.catalog.models import Api
from portal.db import SYSTEM, db, transaction
from portal.entitlements.models import Entitlement
from portal.gateway.models import ApiKey
from portal.identity.models import Membership, Organisation, User
from portal.kit.tokens import keyed_hash, new_token
from portal.pricing.models import Plan, Price, PriceTier, Product
from portal.pricing.types import Tier
from portal.projects.models import Account, App, AppKey, Feature, Project
from portal.subscriptions.models import Subscription

_numbers = itertools.count(1)


def _save(row: Any) -> Any:
    with transaction(SYSTEM) as session:
        session.add(row)
    return row


def make_organisation(name: str = "", slug: str = "") -> Organisation:
    n = next(_numbers)
    return _save(Organisation(name=name or f"Organisation {n}", slug=slug or f"org-{n}"))


def make_user(
    name: str = "Cleo", *, organisation: Organisation | None = None, role: str = "owner", **values: Any
) -> User:
    n = next(_numbers)
    values.setdefault("email_confirmed_at", datetime(2026, 1, 1, tzinfo=UTC))
    user = _save(User(name=name, email=values.pop("email", f"{name.lower()}{n}@example.com"), **values))
    if organisation is not None:
        _save(Membership(organisation_id=organisation.id, user_id=user.id, role=role))
    return user


def make_account(organisation: Organisation, **values: Any) -> Account:
    return _save(
        Account(
            project_id=1,
            organisation_id=organisation.id,
            external_id=str(organisation.id),
            kind="org",
            name=organisation.name,
            **values,
        )
    )


def make_api(provider: Organisation, name: str = "Rates", *, state: str = "published", **values: Any) -> Api:
    """An API with its product and feature, as publishing leaves them."""
    n = next(_numbers)
    slug = values.pop("slug", f"{name.lower().replace(' ', '-')}-{n}")
    feature = _save(Feature(project_id=1, code=f"api.{slug}", name=name))
    product = _save(Product(project_id=1, organisation_id=provider.id, feature_id=feature.id, name=name))
    values.setdefault("upstream_url", "http://127.0.0.1:9/upstream")
    return _save(Api(organisation_id=provider.id, product_id=product.id, slug=slug, name=name, state=state, **values))


def make_plan(
    api: Api,
    code: str = "pro",
    *,
    amount: int = 2900,
    rpm: int | None = 600,
    tiers: Sequence[Tier] = (),
    **price: Any,
) -> tuple[Plan, Price]:
    plan = _save(Plan(product_id=api.product_id, code=code, name=code.title(), requests_per_minute=rpm))
    price.setdefault("included_quantity", 10_000)
    if price.get("usage_model") == "per_unit":
        price.setdefault("unit_amount", Decimal("0.4"))
    made = Price(plan_id=plan.id, currency=price.pop("currency", "eur"), amount=amount, **price)
    made.tiers = [
        PriceTier(ordinal=n, up_to=tier.up_to, unit_amount=tier.unit_amount, flat_amount=tier.flat_amount)
        for n, tier in enumerate(tiers, start=1)
    ]
    return plan, _save(made)


def make_subscription(
    account: Account, plan: Plan, price: Price, now: datetime, *, status: str = "active", **values: Any
) -> Subscription:
    """A subscription in its first month; a terminal status gets an end."""
    start = values.pop("current_period_start", now)
    if status in ("canceled", "incomplete_expired"):
        values.setdefault("ended_at", now)
    if status == "past_due":
        values.setdefault("past_due_since", now)
    return _save(
        Subscription(
            account_id=account.id,
            product_id=plan.product_id,
            plan_id=plan.id,
            price_id=price.id,
            status=status,
            anchor_at=start,
            current_period_start=start,
            current_period_end=values.pop("current_period_end", start + timedelta(days=31)),
            source_fetched_at=now,
            **values,
        )
    )


def make_entitlement(account: Account, api: Api, subscription: Subscription, **values: Any) -> Entitlement:
    product = db.session.get(Product, api.product_id)
    assert product is not None
    assert product.feature_id is not None
    return _save(
        Entitlement(
            account_id=account.id,
            feature_id=product.feature_id,
            source="subscription",
            source_id=subscription.id,
            valid_from=values.pop("valid_from", subscription.current_period_start),
            valid_to=values.pop("valid_to", subscription.current_period_end),
            **values,
        )
    )


def make_api_key(subscription: Subscription, pepper: bytes, now: datetime, **values: Any) -> tuple[ApiKey, str]:
    """A key and its text."""
    token = new_token("mk_test")
    key = ApiKey(
        account_id=subscription.account_id,
        subscription_id=subscription.id,
        name=values.pop("name", "Default"),
        public_id=token.public_id,
        key_hash=keyed_hash(token.text, pepper),
        last_four=token.last_four,
        created_at=now,
        **values,
    )
    return _save(key), token.text


def make_project(name: str = "", organisation: Organisation | None = None) -> Project:
    """A product that bills through us."""
    return _save(
        Project(name=name or f"Project {next(_numbers)}", organisation_id=organisation.id if organisation else None)
    )


def make_app_key(project: Project, pepper: bytes, now: datetime, **values: Any) -> tuple[App, str]:
    """An app of a project, and the text of its key."""
    token = new_token("sk_app")
    values.setdefault("redirect_origins", ["https://app.local"])
    app = _save(App(project_id=project.id, name=values.pop("name", f"App {next(_numbers)}"), **values))
    _save(
        AppKey(
            app_id=app.id,
            project_id=project.id,
            public_id=token.public_id,
            key_hash=keyed_hash(token.text, pepper),
            last_four=token.last_four,
            created_by="user:1",
            created_at=now,
        )
    )
    return app, token.text


def make_feature(project: Project, code: str = "pro") -> Feature:
    return _save(Feature(project_id=project.id, code=code, name=code.title()))


def make_sold(
    project: Project, feature: Feature, stripe_price_id: str, *, amount: int = 1499, **price: Any
) -> tuple[Plan, Price]:
    """A product of an integrator's, sold under a price of the payment provider; it gives a feature."""
    product = _save(Product(project_id=project.id, feature_id=feature.id, name=f"{project.name} {feature.name}"))
    plan = _save(Plan(product_id=product.id, code=f"plan-{next(_numbers)}", name=feature.name))
    price.setdefault("currency", "usd")
    return plan, _save(Price(plan_id=plan.id, amount=amount, stripe_price_id=stripe_price_id, **price))
