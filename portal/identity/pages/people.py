"""For operators: find people, shut them out or let them in again, sign them out. Each act says why and is recorded."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.exceptions import NotFound

from portal.audit.queries import list_about
from portal.db import SYSTEM, scoped, transaction
from portal.identity import operating, organisation_forms, people, queries, second_factor
from portal.identity.errors import NoSecondFactor, NotYours, UnknownPerson
from portal.identity.forms import Entered
from portal.identity.pages.blueprint import Answer, bp
from portal.web.duties import Duty, Fact
from portal.web.formatting import number
from portal.web.plugs import plugs
from portal.web.principal import get_principal, operator_required, person_required


@bp.get("/admin/people")
@operator_required
def list_people() -> Answer:
    """People by name, address or organisation."""
    wanted = request.args.get("q", "").replace("\x00", "").strip()[:200]
    typed = request.args.get("page", "1")
    page = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 7 else 1
    with scoped(SYSTEM):
        found, total = people.search(wanted, max(1, page))
    pages = max(1, -(-total // people.PAGE))
    return render_template(
        "identity/people.html",
        people=found,
        total=total,
        wanted=wanted,
        page=min(max(1, page), pages),
        pages=pages,
        page_url=lambda number: url_for("identity.list_people", q=wanted or None, page=number),
    )


@bp.get("/admin/people/<int:user_id>")
@operator_required
def show_person(user_id: int) -> Answer:
    """One person: where they act, where they are signed in, what was done about them."""
    return _page(user_id)


@bp.post("/admin/people/<int:user_id>/disablement")
@operator_required
@person_required
def disable_person(user_id: int) -> Answer:
    """Shut a person out."""
    by, now = get_principal().user_id or 0, plugs().clock.now()
    said = _("They are shut out, and signed out of every browser.")
    return _act(user_id, said, lambda reason: operating.disable(user_id, reason=reason, by=by, now=now))


@bp.post("/admin/people/<int:user_id>/enablement")
@operator_required
@person_required
def enable_person(user_id: int) -> Answer:
    """Let a person in again."""
    by = get_principal().user_id or 0
    return _act(user_id, _("They can sign in again."), lambda reason: operating.enable(user_id, reason=reason, by=by))


@bp.post("/admin/people/<int:user_id>/sessions/revocation")
@operator_required
@person_required
def sign_person_out(user_id: int) -> Answer:
    """Sign a person out of every browser."""
    by, now = get_principal().user_id or 0, plugs().clock.now()
    said = _("They are signed out of every browser.")
    return _act(user_id, said, lambda reason: operating.end_sessions(user_id, reason=reason, by=by, now=now))


@bp.post("/admin/people/<int:user_id>/second-factor/removal")
@operator_required
@person_required
def remove_second_factor(user_id: int) -> Answer:
    """Switch a lost authenticator off."""
    by, now = get_principal().user_id or 0, plugs().clock.now()
    said = _("Their password alone signs them in again. They were told by mail.")
    return _act(user_id, said, lambda reason: operating.remove_second_factor(user_id, reason=reason, by=by, now=now))


def _act(user_id: int, said: str, act: Callable[[str], object]) -> Answer:
    reason, entered = organisation_forms.read_reason(request.form)
    if reason is None:
        return _page(user_id, 422, form=entered)
    try:
        with transaction(SYSTEM):
            act(reason)
    except UnknownPerson:
        raise NotFound from None
    except (NotYours, NoSecondFactor):
        entered.errors["reason"] = _("This cannot be done to this person: an operator is dismissed by command first.")
        return _page(user_id, 409, form=entered)
    flash(said, "success")
    return redirect(url_for("identity.show_person", user_id=user_id), 303)


def _page(user_id: int, status: int = 200, *, form: Entered | None = None) -> Response:
    now = plugs().clock.now()
    try:
        with scoped(SYSTEM):
            person = people.get_person(user_id)
            context = {
                "person": person,
                "memberships": people.list_memberships(user_id),
                "sessions": queries.list_sessions(user_id, None, now),
                "takes_code": second_factor.is_on(user_id),
                "trail": list_about(f"user:{user_id}"),
            }
    except UnknownPerson:
        raise NotFound from None
    form = form or Entered(values={"reason": ""})
    return make_response(render_template("identity/person.html", form=form, **context), status)


def duty() -> Duty:
    """What operators look after here: everybody with an account."""
    about = _("Find people, sign them out, shut them out or let them in again.")
    also = _("users accounts admin disable")
    return Duty(_("People"), url_for("identity.list_people"), about, _how_many, also=also)


def _how_many() -> list[Fact]:
    counted = people.count()
    shown = number(counted.people)
    facts = [Fact(ngettext("%(shown)s person", "%(shown)s people", counted.people, shown=shown))]
    if counted.disabled:
        out = ngettext("%(shown)s shut out", "%(shown)s shut out", counted.disabled, shown=number(counted.disabled))
        facts.append(Fact(out))
    return facts
