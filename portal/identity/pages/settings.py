"""Who I am here: profile, address, password, signed-in browsers."""

from __future__ import annotations

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.exceptions import NotFound

from portal.db import SYSTEM, scoped, transaction
from portal.identity import confirming, forms, proving, queries, second_factor, service
from portal.identity.errors import TooManyAttempts, UnknownSession, WrongCredentials
from portal.identity.forms import Entered
from portal.identity.pages.blueprint import Answer, bp, hashing
from portal.identity.pages.entering import enter, later, prove, reserve, sealer, too_many, too_many_mails
from portal.web.limits import rate
from portal.web.plugs import plugs
from portal.web.preferences import choose_locale, remember_choice
from portal.web.principal import get_principal, person_required


@bp.get("/settings")
@person_required
def settings() -> Answer:
    """Who I am here: profile, address, password, signed-in browsers."""
    return _settings_page()


@bp.post("/settings/profile")
@person_required
def change_profile() -> Answer:
    """Change name, language and time zone."""
    wanted, entered = forms.read_profile(request.form)
    if wanted is None:
        return _settings_page(422, profile=entered)
    with transaction():
        service.change_profile(
            get_principal().user_id or 0, name=wanted.name, locale=wanted.locale, time_zone=wanted.time_zone
        )
    flash(_("Your settings are saved."), "success")
    return remember_choice(redirect(url_for("identity.settings"), 303), "locale", wanted.locale)


@bp.post("/settings/password")
@rate("20 per hour")
@person_required
def change_password() -> Answer:
    """Change the password, which ends every other session."""
    person, now = get_principal(), plugs().clock.now()
    personal = (person.email or "", person.name, person.organisation_name or "", plugs().settings.product_name)
    wanted, entered = forms.read_password_change(request.form, personal)
    if wanted is None:
        return _settings_page(422, password=entered)
    try:
        prove(person, wanted.current)
    except WrongCredentials:
        entered.errors["current_password"] = _("This is not the password you use now.")
        return _settings_page(422, password=entered)
    except TooManyAttempts as refusal:
        entered.errors["current_password"] = too_many(refusal.retry_after)
        return later(refusal, _settings_page(429, password=entered))
    with transaction(SYSTEM):
        proving.change_password(person.user_id or 0, wanted.new, hashing=hashing(), now=now)
        service.end_all_sessions(person.user_id or 0, now=now)
        enter(person.user_id or 0, organisation_id=person.organisation_id)
    flash(_("Your password is changed. Every other browser has been signed out."), "success")
    return redirect(url_for("identity.settings"), 303)


@bp.post("/settings/email")
@rate("20 per hour")
@person_required
def change_email() -> Answer:
    """Ask for another address; it counts once the mail sent there has been opened."""
    person = get_principal()
    wanted, entered = forms.read_address({"email": request.form.get("new_email", "")})
    given, proof = forms.read_proof(request.form)
    entered.values = {"new_email": entered.values["email"]}
    entered.errors = {
        **({"new_email": entered.errors["email"]} if entered.errors else {}),
        **({"email_password": proof.errors["current_password"]} if proof.errors else {}),
    }
    if wanted is None or given is None:
        return _settings_page(422, address=entered)
    try:
        prove(person, given)
        attempt = reserve("mail", wanted)
    except WrongCredentials:
        entered.errors["email_password"] = _("This is not the password you use now.")
        return _settings_page(422, address=entered)
    except TooManyAttempts as refusal:
        entered.errors["new_email"] = too_many_mails(refusal.retry_after)
        return later(refusal, _settings_page(429, address=entered))
    with transaction(SYSTEM):
        confirming.ask_to_change(person.user_id or 0, wanted, attempt)
    flash(_("A mail is on its way to %(email)s. Open its link to use this address.", email=wanted), "success")
    return redirect(url_for("identity.settings"), 303)


@bp.post("/settings/sessions/revocation")
@person_required
def sign_out_everywhere() -> Answer:
    """End every session but this one."""
    person = get_principal()
    with transaction(SYSTEM):
        ended = service.end_all_sessions(person.user_id or 0, now=plugs().clock.now(), keep=person.session_id)
    said = ngettext("%(num)d other browser was signed out.", "%(num)d other browsers were signed out.", ended)
    flash(said if ended else _("No other browser was signed in."), "success")
    return redirect(url_for("identity.settings"), 303)


@bp.post("/settings/sessions/<int:session_id>/revocation")
@person_required
def sign_out_session(session_id: int) -> Answer:
    """End one other session."""
    try:
        with transaction():
            service.end_session(get_principal().user_id or 0, session_id, now=plugs().clock.now())
    except UnknownSession:
        raise NotFound from None
    flash(_("That browser was signed out."), "success")
    return redirect(url_for("identity.settings"), 303)


def _settings_page(
    status: int = 200,
    *,
    profile: Entered | None = None,
    password: Entered | None = None,
    address: Entered | None = None,
) -> Response:
    person = get_principal()
    now = plugs().clock.now()
    with scoped(SYSTEM):
        factor = second_factor.get_state(person.user_id or 0, sealer())
    values = {"name": person.name, "locale": choose_locale(), "time_zone": person.time_zone or "UTC"}
    page = render_template(
        "identity/settings.html",
        profile=profile or Entered(values=values),
        password=password or Entered(),
        address=address or Entered(values={"new_email": ""}),
        factor=factor,
        sessions=queries.list_sessions(person.user_id or 0, person.session_id, now),
        time_zones=forms.TIME_ZONES,
    )
    return make_response(page, status)
