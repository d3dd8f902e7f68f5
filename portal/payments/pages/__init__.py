"""The pages of buying and paying."""

from __future__ import annotations

from flask import Blueprint, Flask

from portal.payments import palette
from portal.payments.pages import (
    overdue,
    plan_change,
    purchases,
    review,
    spending,
    standing,
    subscription,
    terms,
    unfinished,
)
from portal.web import nav


def register(app: Flask) -> None:
    """Serve the pages."""
    bp = Blueprint("payments", __name__)
    review.routes(bp)
    purchases.routes(bp)
    overdue.routes(bp)
    terms.routes(bp)
    standing.routes(bp)
    subscription.routes(bp)
    plan_change.routes(bp)
    unfinished.routes(bp)
    spending.routes(bp)
    app.register_blueprint(bp)
    palette.register(app)
    nav.warn_by(app, overdue.ribbons)
    nav.warn_by(app, spending.ribbons)
