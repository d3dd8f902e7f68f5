"""For operators: the inbox of payment events, one event, and putting what failed back into the queue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from flask import Blueprint, Flask, Response, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.exceptions import NotFound

from portal.audit.queries import list_about
from portal.db import SYSTEM, scoped, transaction
from portal.web import duties, health
from portal.web.duties import Duty, Fact
from portal.web.formatting import number
from portal.web.palette import Asked, Entry, Group, offer
from portal.web.plugs import plugs
from portal.web.principal import get_principal, operator_required
from portal.webhooks import queries, readings, replaying, words
from portal.webhooks.errors import NothingToReplay
from portal.webhooks.forms import Reason, read_reason
from portal.webhooks.known import find_known
from portal.webhooks.looking import read_look
from portal.webhooks.redaction import shown

bp = Blueprint("inbox", __name__)
PAGE = 50


def register(app: Flask) -> None:
    """Serve the pages, name them to operators, and add the inbox to probes and metrics."""
    app.register_blueprint(bp)
    duties.contribute(app, 32, _duty)
    offer(app, _entries)
    health.contribute(app, lambda: readings.warnings(plugs().clock.now()), readings.Gauges(lambda: plugs().clock.now()))


def _duty() -> Duty:
    about = _("What the payment provider told us, and what became of it.")
    also = _("webhooks inbox deliveries dead letters replay Stripe")
    return Duty(_("Payment events"), url_for("inbox.index"), about, _how_it_stands, also=also)


def _how_it_stands() -> list[Fact]:
    lag = queries.read_lag()
    facts = []
    if lag.dead:
        facts.append(
            Fact(ngettext("%(shown)s given up", "%(shown)s given up", lag.dead, shown=number(lag.dead)), "danger")
        )
    if lag.quarantined:
        said = ngettext("%(shown)s set aside", "%(shown)s set aside", lag.quarantined, shown=number(lag.quarantined))
        facts.append(Fact(said, "warning"))
    if lag.due:
        facts.append(Fact(ngettext("%(shown)s due", "%(shown)s due", lag.due, shown=number(lag.due))))
    return facts or [Fact(_("Everything is worked"), "success")]


def _entries(asked: Asked) -> Iterator[Entry]:
    if asked.reader is None or not asked.reader.is_operator:
        return
    also = _("webhooks inbox deliveries dead letters replay Stripe")
    given_up = url_for("inbox.index", state="dead")
    yield Entry(_("Payment events that were given up"), given_up, Group.OPERATIONS, also=also)


@bp.get("/admin/webhooks")
@operator_required
def index() -> Response:
    """List events by state, type, object and text, with how far behind the inbox is and what the gap filler found."""
    return _index()


@bp.get("/admin/webhooks/<int:event_id>")
@operator_required
def show(event_id: int) -> Response:
    """Show one event: what it said, what became of it, and why."""
    return _show(event_id)


@bp.post("/admin/webhooks/<int:event_id>/replay")
@operator_required
def replay(event_id: int) -> ResponseReturnValue:
    """Put one event back into the queue."""
    reason = read_reason(request.form)
    if reason.error:
        return _show(event_id, 422, reason)
    if not _put_back(lambda: replaying.replay(event_id, actor=_actor(), reason=reason.typed, queue=plugs().queue)):
        return _show(event_id, 409, replace(reason, error=_("It is in the queue already.")))
    flash(_("It is in the queue again and will be worked within seconds."), "success")
    return redirect(url_for("inbox.show", event_id=event_id), 303)


@bp.post("/admin/webhooks/replay")
@operator_required
def replay_dead() -> ResponseReturnValue:
    """Put every event that was given up back into the queue."""
    reason = read_reason(request.form)
    if reason.error:
        return _index(422, reason)
    count = _put_back(lambda: replaying.replay_dead(actor=_actor(), reason=reason.typed, queue=plugs().queue))
    if not count:
        return _index(409, replace(reason, error=_("There is none left: somebody was quicker.")))
    flash(ngettext("%(num)s event is in the queue again.", "%(num)s events are in the queue again.", count), "success")
    return redirect(url_for("inbox.index"), 303)


def _put_back(act: Callable[[], int | None]) -> int:
    """Return how many were put back; none when there was nothing to put back."""
    try:
        with transaction(SYSTEM):
            return act() or 1
    except NothingToReplay:
        return 0


def _actor() -> str:
    return f"user:{get_principal().user_id}"


def _index(status: int = 200, reason: Reason | None = None) -> Response:
    look = read_look(request.args)
    with scoped(SYSTEM):
        found = list(queries.list_deliveries(look.wanted, limit=PAGE + 1))
        context = {
            "counts": queries.count_by_state(),
            "lag": queries.read_lag(),
            "types": look.types(queries.list_types()),
            "runs": queries.list_gap_runs(),
        }
    older = url_for("inbox.index", **look.link(), before=found[PAGE - 1].id) if len(found) > PAGE else None  # type: ignore[arg-type]
    return _page("index", status, deliveries=found[:PAGE], older=older, look=look, reason=reason or Reason(), **context)


def _show(event_id: int, status: int = 200, reason: Reason | None = None) -> Response:
    with scoped(SYSTEM):
        delivery = queries.find_delivery(event_id) if event_id < 2**63 else None
        if delivery is None:
            raise NotFound
        known = find_known(delivery.object_type, delivery.object_id)
        acts = [*list_about(f"webhook_event:{event_id}"), *list_about(f"event:{event_id}")]
        trail = sorted(acts, key=lambda act: act.at, reverse=True)  # the reconciliation names it in its own way
    return _page("show", status, delivery=delivery, known=known, trail=trail, body=shown(delivery.raw),
                 reason=reason or Reason(), may_replay=delivery.state in replaying.ENDED)  # fmt: skip


def _page(name: str, status: int, **context: object) -> Response:
    page = render_template(f"webhooks/{name}.html", names=words.state_names(), story=words.story, tones=words.TONES,
                           **context)  # fmt: skip
    return make_response(page, status)
