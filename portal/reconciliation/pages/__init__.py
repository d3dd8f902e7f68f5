"""Where operators see that everything agrees, or what does not; and where customers check what they bought."""

from __future__ import annotations

from flask import Flask

from portal.reconciliation import metrics, palette, wording
from portal.reconciliation.pages import check, mending, overview
from portal.reconciliation.pages.blueprint import bp

__all__ = ["check", "mending", "overview", "register"]


def register(app: Flask) -> None:
    """Serve the pages, offer them to the palette, and let figures and warnings be read."""
    app.register_blueprint(bp)
    wording.register(app)
    palette.register(app)
    metrics.register(app)
