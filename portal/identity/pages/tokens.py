"""Bearer tokens of an organisation: make one, show it once, end it."""

from __future__ import annotations

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.exceptions import NotFound

from portal.db import transaction
from portal.identity import forms, queries, service
from portal.identity.errors import UnknownToken
from portal.identity.forms import Entered
from portal.identity.pages.blueprint import Answer, bp, organisation_of
from portal.identity.types import IssuedToken
from portal.web.limits import rate
from portal.web.plugs import plugs
from portal.web.principal import get_principal, person_required, right_required


@bp.route("/settings/tokens", methods=["GET", "POST"])
@rate("60 per hour")
@right_required("manage")
@person_required
def tokens() -> Answer:
    """The organisation's bearer tokens; a new one is shown once, in the answer that made it."""
    if request.method == "GET":
        return _tokens_page(Entered())
    wanted, entered = forms.read_token(request.form)
    if wanted is None:
        return _tokens_page(entered, 422)
    person = get_principal()
    with transaction():
        issued = service.create_token(
            organisation_of(person),
            wanted.name,
            wanted.role,
            created_by=person.user_id,
            now=plugs().clock.now(),
            pepper=plugs().settings.pepper,
        )
    return _tokens_page(Entered(), 201, issued=issued)


@bp.post("/settings/tokens/<int:token_id>/revocation")
@right_required("manage")
@person_required
def revoke_token(token_id: int) -> Answer:
    """End a token at once."""
    person = get_principal()
    try:
        with transaction():
            service.revoke_token(organisation_of(person), token_id, now=plugs().clock.now(), actor=person.actor)
    except UnknownToken:
        raise NotFound from None
    flash(_("The token is revoked. Calls that carry it are refused from now on."), "success")
    return redirect(url_for("identity.tokens"), 303)


def _tokens_page(entered: Entered, status: int = 200, *, issued: IssuedToken | None = None) -> Response:
    page = render_template(
        "identity/tokens.html",
        form=entered,
        issued=issued,
        tokens=queries.list_tokens(organisation_of(get_principal())),
        origin=plugs().settings.public_url.rstrip("/"),
    )
    return make_response(page, status)
