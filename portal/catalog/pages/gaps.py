"""What people asked for and nobody offers, for operators."""

from __future__ import annotations

from flask import Blueprint, render_template, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.catalog.finding.gaps import SHOWN_FOR, list_gaps
from portal.db import SYSTEM, scoped
from portal.web.duties import Duty, Fact
from portal.web.formatting import number
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


def duty() -> Duty:
    """What operators look after here: wishes for what the market lacks."""
    about = _("What people looked for in vain and asked providers for.")
    return Duty(_("Search gaps"), url_for("gaps.index"), about, _read, also=_("missing APIs wishes searches"))


def _read() -> list[Fact]:
    wished = len(list_gaps(plugs().clock.now()))
    return [Fact(ngettext("%(shown)s thing wished for", "%(shown)s things wished for", wished, shown=number(wished)))]
