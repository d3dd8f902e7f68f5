"""What people asked for and nobody offers, for operators."""

from __future__ import annotations

from flask import Blueprint, render_template

from portal.catalog.finding.gaps import SHOWN_FOR, list_gaps
from portal.db import SYSTEM, scoped
from portal.web.plugs import plugs
from portal.web.principal import operator_required

bp = Blueprint("gaps", __name__)


@bp.get("/admin/search-gaps")
@operator_required
def index() -> str:
    """List wishes of the last 90 days, those of most people first."""
    with scoped(SYSTEM):
        found = list_gaps(plugs().clock.now())
    return render_template("catalog/gaps.html", gaps=found, days=SHOWN_FOR.days)
