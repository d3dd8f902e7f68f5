"""Saved APIs: a star on every card, and the page that lists what was starred."""

from __future__ import annotations

from flask import Response, abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Redirect

from portal.catalog.errors import CatalogError, UnknownApi
from portal.catalog.finding import keeping
from portal.catalog.finding.cards import list_cards
from portal.catalog.pages.marketplace import bp
from portal.catalog.pages.shelf import card_tools, shown
from portal.db import transaction
from portal.web.negotiation import wants_fragment
from portal.web.plugs import plugs
from portal.web.preferences import safe_next
from portal.web.principal import get_principal, person_required


@bp.get("/saved")
@person_required
def saved() -> str:
    """List what the person keeps, the last saved first."""
    cards = shown(list_cards(keeping.list_saved(_person())))
    return render_template("catalog/saved.html", cards=cards, **card_tools())


@bp.post("/saved/<int:api_id>")
@person_required
def save(api_id: int) -> Response | Redirect:
    """Keep an API. Doing it again is harmless."""
    if api_id >= 2**63:
        abort(404)
    try:
        with transaction():
            keeping.save(_person(), api_id, plugs().clock.now())
    except UnknownApi:
        abort(404)
    except CatalogError:
        flash(_("You keep %(n)s APIs, which is the most. Remove one first.", n=keeping.MOST_SAVED), "warning")
        return redirect(url_for("catalog.saved"), 303)
    return _answer(api_id, is_saved=True)


@bp.post("/saved/<int:api_id>/removal")
@person_required
def forget(api_id: int) -> Response | Redirect:
    """Stop keeping an API. Doing it again is harmless."""
    if api_id >= 2**63:
        abort(404)
    with transaction():
        keeping.forget(_person(), api_id)
    return _answer(api_id, is_saved=False)


def _answer(api_id: int, *, is_saved: bool) -> Response | Redirect:
    back = safe_next(request.form.get("next"), url_for("catalog.saved"))
    if not wants_fragment():
        return redirect(back, 303)
    name, row = " ".join(request.form.get("name", "").split())[:120], request.form.get("row", "")
    return make_response(
        render_template(
            "catalog/_star.html",
            api_id=api_id,
            name=name,
            is_saved=is_saved,
            announce=True,
            row=int(row) if row.isascii() and row.isdigit() and len(row) < 3 else 0,
        )
    )


def _person() -> int:
    user_id = get_principal().user_id
    if user_id is None:
        abort(403)
    return user_id
