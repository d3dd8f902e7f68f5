"""Whom invoices are made out to: a page of the settings, and edited in place where somebody is about to pay."""

from __future__ import annotations

from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _

from portal.db import transaction
from portal.identity.billing import LINES, change_billing, get_billing
from portal.identity.billing_forms import countries, read_billing
from portal.identity.forms import Entered
from portal.identity.pages.blueprint import Answer, bp, organisation_of
from portal.identity.types import Billing
from portal.web.negotiation import page_or_fragment, wants_fragment
from portal.web.plugs import plugs
from portal.web.preferences import safe_next
from portal.web.principal import get_principal, person_required, right_required


@bp.route("/settings/billing", methods=["GET", "POST"])
@right_required("buy")
@person_required
def billing() -> Answer:
    """Company, address, tax number and mail of invoices. `next` leads back to where somebody came from."""
    person, ports = get_principal(), plugs()
    number = organisation_of(person)
    now_said = get_billing(number)
    if request.method == "GET":
        if request.args.get("shown"):
            return _shown(now_said)
        values = {name: getattr(now_said, name) for name in (*LINES, "email")}
        values["name"] = now_said.shown_name
        return _form(Entered(values=values))
    wanted, entered = read_billing(request.form, now_said.organisation_name)
    if wanted is None:
        return _form(entered, status=422)
    with transaction() as session:
        if change_billing(session, number, wanted, actor=person.actor, now=ports.clock.now()):
            ports.queue.ring("outbox")
    if wants_fragment():
        return _shown(get_billing(number))
    flash(_("Saved. The next invoice says it; finished ones stay as they are."), "success")
    return redirect(safe_next(_next(), url_for("identity.billing")), 303)


def _form(form: Entered, *, status: int = 200) -> Answer:
    facts: dict[str, Any] = {"form": form, "countries": countries(), "next": _next()}
    return page_or_fragment("identity/billing.html", "identity/_billing_form.html", status=status, **facts)


def _shown(billing: Billing) -> Answer:
    answer = make_response(render_template("identity/_billed_to.html", billing=billing, next=_next(), may_buy=True))
    answer.vary.add("HX-Request")
    return answer


def _next() -> str:
    return safe_next(request.values.get("next"), "")
