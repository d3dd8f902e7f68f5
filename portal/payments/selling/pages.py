"""The pages of what a project sells and to whom."""

from __future__ import annotations

from flask import Flask

from portal.payments.selling import products, users
from portal.payments.selling.blueprint import bp


def register(app: Flask) -> None:
    """Serve the pages."""
    app.register_blueprint(bp)


__all__ = ["products", "register", "users"]
