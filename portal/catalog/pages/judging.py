"""For operators: find an API, block it, let it in again. Each act says why and is recorded."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as Redirect

from portal.audit.queries import list_about
from portal.catalog import operating, wording
from portal.catalog.errors import CatalogError, UnknownApi
from portal.catalog.forms import Judgement, read_judgement
from portal.db import SYSTEM, scoped, transaction
from portal.web.duties import Duty, Fact
from portal.web.formatting import number
from portal.web.plugs import plugs
from portal.web.principal import get_principal, operator_required, person_required

bp = Blueprint("judging", __name__)


@bp.get("/admin/apis")
@operator_required
def index() -> str:
    """APIs by name, address or provider, those that are blocked first."""
    wanted = request.args.get("q", "").replace("\x00", "").strip()[:200]
    typed = request.args.get("page", "1")
    page = max(1, int(typed)) if typed.isascii() and typed.isdigit() and len(typed) < 7 else 1
    with scoped(SYSTEM):
        found, total = operating.search(wanted, page)
    pages = max(1, -(-total // operating.PAGE))
    return render_template(
        "catalog/judging/index.html",
        apis=found,
        total=total,
        wanted=wanted,
        page=min(page, pages),
        pages=pages,
        page_url=lambda n: url_for("judging.index", q=wanted or None, page=n),
        wording=wording,
    )


@bp.get("/admin/apis/<int:api_id>")
@operator_required
def show(api_id: int) -> Response:
    """One API: where it stands, what can be done about it, what was done."""
    return _page(api_id, Judgement())


@bp.post("/admin/apis/<int:api_id>/block")
@operator_required
@person_required
def block(api_id: int) -> Response | Redirect:
    """Take an API out of the market."""
    actor, now = get_principal().actor, plugs().clock.now()
    said = _("The API is blocked. Calls are refused within a second.")
    return _act(api_id, said, lambda reason: operating.block(api_id, reason=reason, actor=actor, now=now))


@bp.post("/admin/apis/<int:api_id>/release")
@operator_required
@person_required
def release(api_id: int) -> Response | Redirect:
    """Let an API in again."""
    actor, now = get_principal().actor, plugs().clock.now()
    said = _("The API is back where it was in the market.")
    return _act(api_id, said, lambda reason: operating.release(api_id, reason=reason, actor=actor, now=now))


def _act(api_id: int, said: str, act: Callable[[str], None]) -> Response | Redirect:
    said_why = read_judgement(request.form)
    if said_why.problem:
        return _page(api_id, said_why, 422)
    try:
        with transaction(SYSTEM):
            act(said_why.reason)
    except UnknownApi:
        abort(404)
    except CatalogError:
        said_why.problem = _("Only an API that is in the market can be blocked.")
        return _page(api_id, said_why, 409)
    flash(said, "success")
    return redirect(url_for("judging.show", api_id=api_id), 303)


def _page(api_id: int, form: Judgement, status: int = 200) -> Response:
    try:
        with scoped(SYSTEM):
            api, trail = operating.get(api_id), list_about(f"api:{api_id}")
    except UnknownApi:
        abort(404)
    page = render_template("catalog/judging/show.html", api=api, trail=trail, form=form, wording=wording)
    return make_response(page, status)


def duty() -> Duty:
    """What operators look after here: whether what is in the market may stay there."""
    about = _("Every API in every state; block one that must not be called, with a reason its provider reads.")
    return Duty(_("All APIs"), url_for("judging.index"), about, _read, also=_("block release take down"))


def _read() -> list[Fact]:
    blocked = operating.count_blocked()
    if not blocked:
        return [Fact(_("Nothing is blocked"))]
    return [Fact(ngettext("%(shown)s blocked", "%(shown)s blocked", blocked, shown=number(blocked)), "warning")]
