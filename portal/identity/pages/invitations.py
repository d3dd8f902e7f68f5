"""An invitation, opened from the mail: accept it with an account, or make one on the spot."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from portal.db import SYSTEM, scoped, transaction
from portal.identity import inviting, organisation_forms, service
from portal.identity.errors import EmailTaken, LinkGone, OtherAddress
from portal.identity.forms import Entered
from portal.identity.pages.blueprint import Answer, bp, hashing
from portal.identity.pages.entering import again, enter, link_gone
from portal.identity.types import InvitationView
from portal.web.limits import rate
from portal.web.plugs import plugs
from portal.web.preferences import choose_locale
from portal.web.principal import Principal, find_principal, public


@bp.route("/invitation", methods=["GET", "POST"])
@rate("60 per hour")
@public
def invitation() -> Answer:
    """See who asks, and accept. Whoever holds the link has read the mail, so a new account's address is confirmed."""
    token, now, person = request.values.get("token", ""), plugs().clock.now(), find_principal()
    try:
        with scoped(SYSTEM):
            asked = inviting.get_by_link(token, now)
            is_known = inviting.has_account(asked.email)
        context: dict[str, Any] = {"asked": asked, "token": token, "standing": _standing(person, asked, is_known)}
        if request.method == "GET":
            return render_template("identity/invitation.html", form=Entered(), **context)
        if person is not None:
            return _accept(person, token)
        return _sign_up(token, asked, context)
    except LinkGone:
        return link_gone()
    except (OtherAddress, EmailTaken):
        return again("identity/invitation.html", 409, form=Entered(), **context)


def _standing(person: Principal | None, asked: InvitationView, is_known: bool) -> str:
    """Say which of the four ways in is open: accept, leave and come back as another, sign in, sign up."""
    if person is None or person.user_id is None:
        return "sign in" if is_known else "sign up"
    mine = (person.email or "").lower() == asked.email.lower()
    return "accept" if mine and (person.is_confirmed or not is_known) else "other"


def _accept(person: Principal, token: str) -> Answer:
    with transaction(SYSTEM):
        organisation = inviting.accept(token, person.user_id or 0, now=plugs().clock.now())
        if person.session_id:
            service.switch_organisation(person.user_id or 0, person.session_id, organisation)
    flash(_("Welcome. You act for this organisation now."), "success")
    return redirect(url_for("home.index"), 303)


def _sign_up(token: str, asked: InvitationView, context: dict[str, Any]) -> Answer:
    personal = (asked.email, asked.organisation_name, plugs().settings.product_name)
    wanted, entered = organisation_forms.read_newcomer(request.form, personal)
    if wanted is None:
        return again("identity/invitation.html", form=entered, **context)
    with transaction(SYSTEM):
        person, organisation = inviting.sign_up_by_link(
            token, wanted.name, wanted.password, now=plugs().clock.now(), hashing=hashing(), locale=choose_locale()
        )
        enter(person, organisation_id=organisation)
    flash(_("Welcome. You act for this organisation now."), "success")
    return redirect(url_for("home.index"), 303)
