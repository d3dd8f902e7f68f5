"""One disagreement with both sides, the preview of a repair, and applying it; several at once; leaving one out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.exceptions import NotFound

from portal.db import SYSTEM, scoped, transaction
from portal.ports.payments import PaymentsRefused, PaymentsUnavailable
from portal.reconciliation import queries, repairing
from portal.reconciliation.errors import ChangedMeanwhile, NotPossible, UnknownRecord
from portal.reconciliation.forms import SPANS, Entered, read_action, read_chosen, read_reason, read_seen
from portal.reconciliation.pages.blueprint import asking, bp, request_id, syncing
from portal.reconciliation.repair_wording import outcome_sentence, refusal
from portal.reconciliation.repairing import Order, Preview
from portal.reconciliation.types import Repair
from portal.reconciliation.views import MismatchView
from portal.web.plugs import plugs
from portal.web.principal import get_principal, operator_required


@dataclass(frozen=True, slots=True)
class Proposal:
    """One line of a repair of several: its preview, or why there is none."""

    mismatch: MismatchView
    preview: Preview | None
    why: str = ""


@bp.get("/admin/billing/mismatches/<int:mismatch_id>")
@operator_required
def show(mismatch_id: int) -> ResponseReturnValue:
    """Show both sides, the cause and the trail; with `repair`, what that repair would do."""
    return _page(mismatch_id, action=read_action(request.args.get("repair", "")), force=bool(request.args.get("force")))


@bp.post("/admin/billing/mismatches/<int:mismatch_id>/repair")
@operator_required
def repair(mismatch_id: int) -> ResponseReturnValue:
    """Apply a repair that was looked at, and say what looking again found."""
    action, force = read_action(request.form.get("action", "")), bool(request.form.get("force"))
    reason, entered = read_reason(request.form)
    if action is None:
        raise NotFound
    if reason is None:
        return _page(mismatch_id, action=action, force=force, entered=entered, status=422)
    one = _get(mismatch_id)
    order = _order(one, action, reason, force)
    try:
        done = repairing.apply(order, request.form.get("seen", ""), asking(), syncing())
    except ChangedMeanwhile:
        entered.errors["reason"] = refusal("changed")
        return _page(mismatch_id, action=action, force=force, entered=entered, status=409)
    except NotPossible as problem:
        entered.errors["reason"] = refusal(problem.why)
        return _page(mismatch_id, action=action, force=force, entered=entered, status=409)
    except (PaymentsUnavailable, PaymentsRefused):
        entered.errors["reason"] = refusal("provider_unreachable")
        return _page(mismatch_id, action=action, force=force, entered=entered, status=409)
    except UnknownRecord:
        raise NotFound from None
    flash(outcome_sentence(done.outcome), "success" if done.outcome == "agrees" else "warning")
    return redirect(url_for("reconciliation.show", mismatch_id=mismatch_id), 303)


@bp.post("/admin/billing/mismatches/<int:mismatch_id>/suppression")
@operator_required
def suppress(mismatch_id: int) -> ResponseReturnValue:
    """Leave a disagreement out of the list for some days."""
    reason, entered = read_reason(request.form)
    days = SPANS.get(request.form.get("days", ""))
    if reason is None or days is None:
        return _page(mismatch_id, entered=entered, status=422)
    now = plugs().clock.now()
    try:
        with transaction(SYSTEM):
            actor = get_principal().actor
            repairing.suppress(mismatch_id, now + timedelta(days=days), actor=actor, reason=reason, now=now)
    except UnknownRecord:
        raise NotFound from None
    flash(_("Left out of the list. It comes back by itself."), "success")
    return redirect(url_for("reconciliation.index"), 303)


@bp.get("/admin/billing/repairs")
@operator_required
def propose() -> ResponseReturnValue:
    """Show what the first repair of each of several disagreements would do."""
    return _proposals(read_chosen(request.args))


@bp.post("/admin/billing/repairs")
@operator_required
def repair_several() -> ResponseReturnValue:
    """Apply repairs that were looked at; each for itself, so one that is refused stops no other."""
    seen = read_seen(request.form)
    reason, entered = read_reason(request.form)
    if reason is None:
        return _proposals([number for number, _action, _hash in seen], entered=entered, status=422)
    with scoped(SYSTEM):
        chosen = {one.id: one for one in queries.list_chosen([number for number, _action, _hash in seen])}
    outcomes = [_try(chosen[number], action, digest, reason) for number, action, digest in seen if number in chosen]
    agreed = outcomes.count("agrees")
    said = ngettext("%(num)d repair applied and agreed.", "%(num)d repairs applied and agreed.", agreed)
    refused = len(seen) - agreed
    if refused:
        left = ngettext("%(num)d needs another look.", "%(num)d need another look.", refused)
        said = f"{said} {left}"
    flash(said, "warning" if refused else "success")
    return redirect(url_for("reconciliation.index"), 303)


def _try(one: MismatchView, action: Repair, seen: str, reason: str) -> str:
    try:
        return repairing.apply(_order(one, action, reason), seen, asking(), syncing()).outcome
    except (ChangedMeanwhile, NotPossible, UnknownRecord, PaymentsUnavailable, PaymentsRefused):
        return "refused"


def _proposals(ids: list[int], *, entered: Entered | None = None, status: int = 200) -> Response:
    with scoped(SYSTEM):
        chosen = queries.list_chosen(ids)
    lines: dict[tuple[str, str], Proposal] = {}
    for one in chosen:
        key = (one.subject, one.repairs[0] if one.repairs else str(one.id))
        lines.setdefault(key, _proposal(one))  # several differences of one thing are mended by one repair
    return make_response(
        render_template(
            "reconciliation/several.html", proposals=list(lines.values()), form=entered or Entered({"reason": ""})
        ),
        status,
    )


def _proposal(one: MismatchView) -> Proposal:
    if not one.repairs:
        return Proposal(one, None, _("No repair by a button: the cause says what to do."))
    try:
        return Proposal(one, repairing.preview(_order(one, one.repairs[0]), asking(), syncing()))
    except NotPossible as problem:
        return Proposal(one, None, refusal(problem.why))
    except UnknownRecord:
        return Proposal(one, None, refusal("gone_there"))


def _page(
    mismatch_id: int,
    *,
    action: Repair | None = None,
    force: bool = False,
    entered: Entered | None = None,
    status: int = 200,
) -> Response:
    one = _get(mismatch_id)
    with scoped(SYSTEM):
        trail = queries.list_actions(one.subject)
    preview, why = _preview(one, action, force) if action and one.is_open else (None, "")
    context: dict[str, Any] = {
        "one": one,
        "trail": trail,
        "action": action if one.is_open else None,
        "preview": preview,
        "why": why,
        "may_force": why in ("live_at_provider", "provider_unreachable") and action == "reset_to_free",
        "force": force,
        "form": entered or Entered({"reason": ""}),
        "now": plugs().clock.now(),
        "spans": list(SPANS),
    }
    return make_response(render_template("reconciliation/show.html", **context), status)


def _preview(one: MismatchView, action: Repair, force: bool) -> tuple[Preview | None, str]:
    try:
        return repairing.preview(_order(one, action, force=force), asking(), syncing()), ""
    except NotPossible as problem:
        return None, problem.why
    except UnknownRecord:
        return None, "gone_there"


def _order(one: MismatchView, action: Repair, reason: str = "", force: bool = False) -> Order:
    return Order(
        one.subject,
        action,
        actor=get_principal().actor,
        reason=reason,
        force=force,
        mismatch_id=one.id,
        request_id=request_id(),
    )


def _get(mismatch_id: int) -> MismatchView:
    try:
        with scoped(SYSTEM):
            return queries.get_mismatch(mismatch_id)
    except UnknownRecord:
        raise NotFound from None
