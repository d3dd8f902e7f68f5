"""The logo of an organisation: upload one, look at it, use it; go back to an earlier one or to none."""

from __future__ import annotations

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _

from portal.db import transaction
from portal.identity import members, queries
from portal.identity.pages.blueprint import Answer, bp, organisation_of
from portal.logos import desk, service
from portal.logos.types import UnknownLogo
from portal.web.limits import rate
from portal.web.plugs import plugs
from portal.web.principal import get_principal, person_required, right_required


@bp.url_value_preprocessor
def _allow_pictures(endpoint: str | None, _values: object) -> None:
    # Before anything reads the form: a picture may be larger than what other pages accept.
    if endpoint == "identity.upload_logo":
        request.max_content_length = desk.MOST_SENT


@bp.get("/settings/organisation/logo")
@right_required("manage")
@person_required
def logo() -> Answer:
    """Show the logo, and perhaps one that may take its place."""
    return _page()


@bp.post("/settings/organisation/logo")
@rate("60 per hour")
@right_required("manage")
@person_required
def upload_logo() -> Answer:
    """Take in a picture and show it beside the one in use."""
    person = get_principal()
    drawn, problem = desk.read_upload()
    if drawn is None:
        return make_response(_page(problem), 422)
    with transaction():
        service.keep(organisation_of(person), drawn, actor=person.actor, now=plugs().clock.now())
    return redirect(url_for("identity.logo", new=drawn.digest), 303)


@bp.post("/settings/organisation/logo/choice")
@right_required("manage")
@person_required
def choose_logo() -> Answer:
    """Use a picture as the logo, or none."""
    person, digest = get_principal(), desk.read_choice()
    try:
        with transaction():
            members.choose_logo(organisation_of(person), digest, actor=person.actor)
    except UnknownLogo:
        abort(404)
    flash(
        _("The logo is in use.") if digest else _("The logo is gone. You find it below if you want it back."), "success"
    )
    return redirect(url_for("identity.logo"), 303)


def _page(problem: str = "") -> str:
    found = queries.get_organisation(organisation_of(get_principal()))
    editing = desk.editing(found.id, found.name, found.logo, problem=problem)
    return render_template("identity/logo.html", editing=editing, organisation=found)
