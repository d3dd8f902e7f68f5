"""The logo of one API: the same as for an organisation, with the provider's logo to fall back to."""

from __future__ import annotations

from flask import Response, abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Redirect

from portal.catalog import appearance, queries
from portal.catalog.errors import UnknownApi
from portal.catalog.pages.provider import bp
from portal.catalog.types import OwnApi
from portal.db import transaction
from portal.logos import desk, service
from portal.logos.types import UnknownLogo
from portal.web.limits import rate
from portal.web.plugs import plugs
from portal.web.principal import get_principal, right_required


@bp.url_value_preprocessor
def _allow_pictures(endpoint: str | None, _values: object) -> None:
    if endpoint == "provider.upload_logo":
        request.max_content_length = desk.MOST_SENT


@bp.get("/<int:api_id>/logo")
@right_required("publish")
def logo(api_id: int) -> str:
    """Show the logo, and perhaps one that may take its place."""
    return _page(_own(api_id))


@bp.post("/<int:api_id>/logo")
@rate("60 per hour")
@right_required("publish")
def upload_logo(api_id: int) -> Response | Redirect:
    """Take in a picture and show it beside the one in use."""
    own = _own(api_id)
    drawn, problem = desk.read_upload()
    if drawn is None:
        return make_response(_page(own, problem), 422)
    with transaction():
        service.keep(_organisation_id(), drawn, actor=get_principal().actor, now=plugs().clock.now())
    return redirect(url_for("provider.logo", api_id=api_id, new=drawn.digest), 303)


@bp.post("/<int:api_id>/logo/choice")
@right_required("publish")
def choose_logo(api_id: int) -> Response | Redirect:
    """Use a picture for this API, or its provider's again."""
    digest = desk.read_choice()
    try:
        with transaction():
            appearance.choose_logo(_organisation_id(), api_id, digest, actor=get_principal().actor)
    except (UnknownApi, UnknownLogo):
        abort(404)
    flash(
        _("The logo is in use.") if digest else _("The logo is gone. You find it below if you want it back."), "success"
    )
    return redirect(url_for("provider.logo", api_id=api_id), 303)


def _page(own: OwnApi, problem: str = "") -> str:
    editing = desk.editing(_organisation_id(), own.name, own.own_logo, instead=own.provider_logo, problem=problem)
    return render_template("catalog/provider/logo.html", editing=editing, own=own)


def _own(api_id: int) -> OwnApi:
    own = queries.find_own(_organisation_id(), api_id)
    if own is None:
        abort(404)
    return own


def _organisation_id() -> int:
    organisation_id = get_principal().organisation_id
    if organisation_id is None:
        abort(404)
    return organisation_id
