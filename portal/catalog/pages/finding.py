"""Finding an API: the market's first page, how it is laid out, and the wish that is left when nothing was found."""

from __future__ import annotations

from dataclasses import replace

from flask import Response, abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Redirect

from portal.catalog.finding import gaps
from portal.catalog.finding.searching import clean_text, search
from portal.catalog.forms import read_search
from portal.catalog.pages.marketplace import bp
from portal.catalog.pages.shelf import VIEWS, market
from portal.db import transaction
from portal.kit.tokens import keyed_hash
from portal.web.limits import rate
from portal.web.negotiation import page_or_fragment, wants_fragment
from portal.web.plugs import plugs
from portal.web.preferences import remember_choice, safe_next
from portal.web.principal import find_principal, public


@bp.get("/marketplace")
@public
def index() -> Response:
    """Find APIs by words, facets and measured facts."""
    wanted = read_search(request.args)
    found = search(wanted)
    if wanted.page > 1 and not found.cards:
        wanted = replace(wanted, page=1)
        found = search(wanted)
    response = page_or_fragment("catalog/index.html", "catalog/_results.html", **market(wanted, found))
    response.vary.add("Cookie")  # layout, stars and the reader's own subscriptions
    return response


@bp.post("/marketplace/view")
@public
def set_view() -> Response:
    """Remember for a year whether APIs stand in a grid or in a list, and go back to them."""
    view = request.form.get("view", "")
    if view not in VIEWS:
        abort(400)
    back = safe_next(request.form.get("next"), url_for("catalog.index"))
    return remember_choice(redirect(back, 303), "view", view)


@bp.post("/marketplace/search-gaps")
@public
@rate("20 per hour")
def leave_gap() -> Response | Redirect:
    """Tell providers that something is missing: one wish per person, words and day, strangers included."""
    words = clean_text(request.form.get("words", ""))
    with transaction():
        is_left = gaps.leave(words, _who(), plugs().clock.now())
    if wants_fragment():
        status = 200 if is_left else 422
        return make_response(render_template("catalog/_gap.html", words=words, is_left=is_left), status)
    if is_left:
        flash(_("Noted. We tell providers what is asked for most, never who asked."), "success")
    else:
        flash(_("Write at least one word that says what you need."), "warning")
    return redirect(url_for("catalog.index", q=words or None), 303)


def _who() -> bytes:
    principal = find_principal()
    name = f"user:{principal.user_id}" if principal and principal.user_id else f"address:{request.remote_addr}"
    return keyed_hash(f"search gap {name}", plugs().settings.pepper)
