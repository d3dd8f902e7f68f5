"""Which features this application serves: one line each."""

from __future__ import annotations

from importlib import import_module

from flask import Flask
from flask_wtf.csrf import CSRFProtect

from portal.analytics import pages as analytics
from portal.backoffice import offering as backoffice
from portal.catalog import api as catalog_api
from portal.catalog import pages as catalog
from portal.entitlements import api as entitlements_api
from portal.gateway import pages as gateway
from portal.gateway import palette as gateway_palette
from portal.home import pages as home
from portal.identity import credentials
from portal.identity import pages as identity
from portal.logos import pages as logos
from portal.metering import pages as metering
from portal.notifications import pages as notifications
from portal.payments import api as payments_api
from portal.payments import pages as payments
from portal.payments import sessions_api, spending_api
from portal.payments.premium import api as premium_api
from portal.payments.premium import pages as premium
from portal.payments.selling import pages as selling
from portal.pricing import api as pricing_api
from portal.pricing import words as pricing_words
from portal.projects import credentials as app_keys
from portal.projects import pages as projects
from portal.reconciliation import api as reconciliation_api
from portal.reconciliation import pages as reconciliation
from portal.subscriptions import pages as subscriptions
from portal.webhooks import api as webhooks
from portal.webhooks import explain_api, usage_api
from portal.webhooks import pages as inbox

# Every feature with tables: the metadata must be whole before it is compared or migrated.
WITH_TABLES = (
    "web",
    "outbox",
    "audit",
    "logos",
    "identity",
    "projects",
    "pricing",
    "catalog",
    "subscriptions",
    "metering",
    "entitlements",
    "gateway",
    "payments",
    "webhooks",
    "notifications",
    "reconciliation",
)


def register(app: Flask, csrf: CSRFProtect) -> None:
    """Register every feature's routes. JSON surfaces with their own credentials are exempt from the form token."""
    for feature in WITH_TABLES:
        import_module(f"portal.{feature}.models")
    credentials.register(app)
    app_keys.register(app)
    logos.register(app)
    identity.register(app)
    pricing_words.register(app)
    csrf.exempt(pricing_api.bp)
    app.register_blueprint(pricing_api.bp)
    catalog.register(app)
    app.register_blueprint(catalog_api.bp)
    home.register(app)
    subscriptions.register(app)
    payments.register(app)
    app.register_blueprint(payments_api.bp)
    csrf.exempt(payments_api.bp)
    app.register_blueprint(spending_api.bp)
    csrf.exempt(spending_api.bp)
    app.register_blueprint(sessions_api.bp)
    csrf.exempt(sessions_api.bp)
    projects.register(app)
    selling.register(app)
    premium.register(app)
    app.register_blueprint(premium_api.bp)
    csrf.exempt(premium_api.bp)
    entitlements_api.register(app)
    csrf.exempt(entitlements_api.bp)
    webhooks.register(app)
    csrf.exempt(webhooks.bp)
    app.register_blueprint(explain_api.bp)
    app.register_blueprint(usage_api.bp)
    csrf.exempt(usage_api.bp)
    inbox.register(app)
    app.register_blueprint(gateway.bp)
    gateway_palette.register(app)
    metering.register(app, csrf)
    analytics.register(app)
    backoffice.register(app)
    reconciliation.register(app)
    app.register_blueprint(reconciliation_api.bp)
    csrf.exempt(reconciliation_api.bp)
    if app.config["SETTINGS"].is_development:
        notifications.register(app)
