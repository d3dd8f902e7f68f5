"""Where operators see that everything agrees, or what does not; and where customers check what they bought."""

from __future__ import annotations

from flask import Flask, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.reconciliation import metrics, queries, wording
from portal.reconciliation.pages import check, mending, overview
from portal.reconciliation.pages.blueprint import bp
from portal.web import duties
from portal.web.duties import Duty, Fact
from portal.web.formatting import number
from portal.web.plugs import plugs

__all__ = ["check", "mending", "overview", "register"]


def register(app: Flask) -> None:
    """Serve the pages, name them among the operators' duties, and let figures and warnings be read."""
    app.register_blueprint(bp)
    wording.register(app)
    metrics.register(app)
    duties.contribute(app, 52, _duty)


def _duty() -> Duty:
    return Duty(
        _("Billing agreement"),
        url_for("reconciliation.index"),
        _("Where we, Stripe and the gateway do not say the same, and what mends it."),
        _how_it_stands,
        also=_("reconcile Stripe drift mismatch repair subscriptions entitlements"),
    )


def _how_it_stands() -> list[Fact]:
    stands, finished = queries.overview(plugs().clock.now()), queries.find_latest_run(finished=True)
    facts = []
    if stands.open:
        said = ngettext("%(shown)s open", "%(shown)s open", stands.open, shown=number(stands.open))
        facts.append(Fact(said, "danger" if min(stands.by_severity) <= 2 else "warning"))
    elif finished is not None:
        facts.append(Fact(_("Everything agrees"), "success"))
    if metrics.read_alerts():
        facts.append(Fact(_("The comparison itself needs a look."), "danger"))
    return facts
