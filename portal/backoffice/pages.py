"""For operators: what there is to look after, and the trail of who did what to what, with its proof."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from flask import Blueprint, Response, render_template, request, stream_with_context, url_for
from werkzeug.exceptions import NotFound

from portal.audit.verifying import verify_entry
from portal.backoffice import queries, trail
from portal.backoffice.differences import difference
from portal.backoffice.exports import trail_lines
from portal.backoffice.forms import Wish, read_wish
from portal.backoffice.naming import name_entries
from portal.backoffice.words import fault_words, job_words
from portal.db import SYSTEM, scoped
from portal.web import duties
from portal.web.plugs import plugs
from portal.web.principal import operator_required

bp = Blueprint("backoffice", __name__)


@bp.get("/admin")
@operator_required
def index() -> str:
    """Gather what operators look after, and how each stands now."""
    with scoped(SYSTEM):
        found = [(duty, duty.read()) for duty in duties.list_duties()]
        runs = queries.list_runs()
    return render_template("backoffice/index.html", duties=found, runs=runs, job_words=job_words)


@bp.get("/admin/audit")
@operator_required
def audit() -> str:
    """List what was done, newest first, by the filters in the address; the state of the chain stands above."""
    wish = read_wish(request.args)
    with scoped(SYSTEM):
        entries, total = trail.search(wish)
        context = {
            "lines": name_entries(entries),
            "actions": [(one, one) for one in trail.list_actions()],
            "standing": queries.read_standing(),
        }
    pages = max(1, -(-total // trail.PAGE))
    first = (wish.page - 1) * trail.PAGE
    return render_template(
        "backoffice/audit.html",
        **context,
        wish=wish,
        total=total,
        pages=pages,
        page=min(wish.page, pages),
        shown=(first + 1, first + len(entries)),
        page_url=lambda number: url_for("backoffice.audit", **wish.link(page=number)),
        fault_words=fault_words,
    )


@bp.get("/admin/audit.csv")
@operator_required
def audit_csv() -> Response:
    """Download everything the filters let through."""
    wish = read_wish(request.args)
    return Response(
        stream_with_context(_as_the_system(wish)),
        content_type="text/csv; charset=utf-8; header=present",
        headers={"Content-Disposition": f'attachment; filename="audit-{_today()}.csv"'},
    )


@bp.get("/admin/audit/<int:entry_id>")
@operator_required
def entry(entry_id: int) -> str:
    """Show one act whole: who, what, why, before and after, and its seal, checked now."""
    with scoped(SYSTEM):
        found = trail.find_entry(entry_id)
        if found is None:
            raise NotFound
        (line,) = name_entries([found])
        checked = verify_entry(entry_id)
    rows = difference(found.before, found.after)
    return render_template("backoffice/entry.html", line=line, rows=rows, checked=checked, fault_words=fault_words)


def _as_the_system(wish: Wish) -> Iterator[str]:
    """Read while streaming: the request's own transaction has ended when the server pulls the first line."""
    with scoped(SYSTEM):
        yield from trail_lines(trail.each(wish))


def _today() -> str:
    now: datetime = plugs().clock.now()
    return f"{now.astimezone(UTC):%Y-%m-%d}"
