"""What the desk registers: the operators' link, its own duty, the duties in the command palette, and a metric."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Flask, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.backoffice import pages, queries, readings
from portal.backoffice.words import fault_words
from portal.web import duties, health, nav
from portal.web.duties import Duty, Fact
from portal.web.formatting import number
from portal.web.palette import Asked, Entry, Group, offer
from portal.web.principal import Principal


def register(app: Flask) -> None:
    """Serve the desk and name it where operators look."""
    app.register_blueprint(pages.bp)
    nav.contribute(app, 90, _links)
    offer(app, _entries)
    duties.contribute(app, 90, _audit)
    health.contribute(app, readings.warnings, readings.Gauges())


def _links(principal: Principal | None) -> list[nav.NavItem]:
    if principal is None or not principal.is_operator:
        return []
    return [nav.link(_("Admin"), url_for("backoffice.index"))]


def _entries(asked: Asked) -> Iterator[Entry]:
    if asked.reader is None or not asked.reader.is_operator:
        return
    for duty in duties.list_duties():
        yield Entry(duty.label, duty.href, Group.OPERATIONS, also=duty.also)
    if asked.words:
        label = _("Search the audit trail for “%(words)s”", words=asked.words)
        yield Entry(label, url_for("backoffice.audit", q=asked.words), Group.SEARCHES, is_found=True)


def _audit() -> Duty:
    return Duty(
        _("Audit trail"),
        url_for("backoffice.audit"),
        _("Who did what to whom, and why; proven by a chain of seals."),
        _how_it_stands,
        also=_("log history acts seals proof"),
    )


def _how_it_stands() -> list[Fact]:
    standing = queries.read_standing()
    links = standing.chain.head.number if standing.chain.head else 0
    facts = [Fact(ngettext("%(shown)s entry sealed", "%(shown)s entries sealed", links, shown=number(links)))]
    if standing.fault is not None:
        facts.append(Fact(fault_words(standing.fault), "danger"))
    elif not standing.is_whole:
        facts.append(Fact(_("The last complete check failed."), "danger"))
    if standing.is_late:
        facts.append(Fact(_("Sealing is behind."), "warning"))
    return facts
