"""Signing up, in and out, the code after the password, and acting for another organisation."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from werkzeug.exceptions import NotFound

from portal.db import SYSTEM, scoped, transaction
from portal.identity import credentials, forms, proving, second_factor, service, throttle
from portal.identity.demo_people import list_demo_people
from portal.identity.errors import LinkGone, NotAMember, TooManyAttempts, WrongCode, WrongCredentials
from portal.identity.forms import Entered
from portal.identity.pages.blueprint import Answer, bp, hashing
from portal.identity.pages.entering import (
    OWES,
    again,
    enter,
    later,
    let_in,
    next_page,
    reserve,
    sealer,
    too_many,
    too_many_mails,
)
from portal.identity.rules import landing_after_switch
from portal.web.limits import rate
from portal.web.plugs import plugs
from portal.web.preferences import choose_locale, safe_next
from portal.web.principal import find_principal, get_principal, person_required, public


@bp.route("/signup", methods=["GET", "POST"])
@rate("30 per hour")
@public
def sign_up() -> Answer:
    """Make an account and an organisation, and be signed in; the same for an address that is somebody's (ADR 0010)."""
    if request.method == "GET":
        return _elsewhere() or render_template("identity/sign_up.html", form=Entered(), next=next_page())
    wanted, entered = forms.read_sign_up(request.form, plugs().settings.product_name)
    if wanted is None:
        return again("identity/sign_up.html", form=entered, next=next_page())
    try:
        reserve("mail", wanted.email)
    except TooManyAttempts as refusal:
        entered.errors["email"] = too_many_mails(refusal.retry_after)
        return later(refusal, again("identity/sign_up.html", form=entered, next=next_page()))
    with transaction(SYSTEM):
        person = service.sign_up(
            wanted.email,
            wanted.password,
            wanted.name,
            wanted.organisation_name,
            now=plugs().clock.now(),
            hashing=hashing(),
            locale=choose_locale(),
            is_confirmed=False,
        )
        enter(person.user_id)
    return redirect(safe_next(next_page()), 303)


@bp.route("/login", methods=["GET", "POST"])
@public
def sign_in() -> Answer:
    """Sign in with address and password, and go back to where the person was."""
    people = list_demo_people(plugs().settings)
    if request.method == "GET":
        return _elsewhere() or render_template("identity/sign_in.html", form=Entered(), next=next_page(), people=people)
    given, entered = forms.read_sign_in(request.form)
    if given is None:
        return again("identity/sign_in.html", form=entered, next=next_page(), people=people)
    try:
        attempt = reserve("password", given.email)
        with transaction(SYSTEM):
            user_id = proving.check_password(given.email, given.password, hashing=hashing(), attempt_id=attempt)
            return let_in(user_id, next_page())
    except WrongCredentials:
        entered.errors["email"] = _("Address and password do not belong together. Check both and try again.")
        return again("identity/sign_in.html", form=entered, next=next_page(), people=people, failed=True)
    except TooManyAttempts as refusal:
        entered.errors["email"] = too_many(refusal.retry_after)
        return later(refusal, again("identity/sign_in.html", form=entered, next=next_page(), people=people))


@bp.route("/login/code", methods=["GET", "POST"])
@public
def second_step() -> Answer:
    """Give the code that is owed after the password."""
    now, owed = plugs().clock.now(), str(session.get(OWES, ""))
    with scoped(SYSTEM):
        debtor = second_factor.find_debtor(owed, now)
    if debtor is None:
        flash(_("Sign in with your password first; the code follows."), "info")
        return redirect(url_for("identity.sign_in", next=next_page() or None), 303)
    if request.method == "GET":
        return render_template("identity/second_step.html", form=Entered(), next=next_page())
    entered = Entered()
    try:
        attempt = reserve("code", f"code of user {debtor}")
        with transaction(SYSTEM):
            pepper = plugs().settings.pepper
            code = request.form.get("code", "")
            person = second_factor.settle(owed, code, now=now, sealer=sealer(), pepper=pepper)
            throttle.mark_succeeded(attempt)
            enter(person)
    except WrongCode:
        entered.errors["code"] = _(
            "This code does not open the account. Wait for the next one, or use a recovery code."
        )
        return again("identity/second_step.html", form=entered, next=next_page())
    except LinkGone:
        return redirect(url_for("identity.sign_in", next=next_page() or None), 303)
    except TooManyAttempts as refusal:
        entered.errors["code"] = too_many(refusal.retry_after)
        return later(refusal, again("identity/second_step.html", form=entered, next=next_page()))
    return redirect(safe_next(next_page()), 303)


@bp.post("/logout")
@public
def sign_out() -> Answer:
    """End this session. Signing out twice is fine."""
    person = find_principal()
    if person and person.user_id and person.session_id:
        with transaction():
            service.end_session_quietly(person.user_id, person.session_id, now=plugs().clock.now())
    credentials.forget()
    response = redirect(safe_next(next_page()), 303)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


@bp.post("/organisations/<int:organisation_id>/switch")
@person_required
def switch(organisation_id: int) -> Answer:
    """Act for another organisation from now on."""
    person = get_principal()
    try:
        with transaction():
            service.switch_organisation(person.user_id or 0, person.session_id or 0, organisation_id)
    except NotAMember:
        raise NotFound from None
    return redirect(landing_after_switch(safe_next(next_page())), 303)


def _elsewhere() -> Answer | None:
    """Who is signed in already has no use for these pages."""
    return redirect(safe_next(next_page()), 303) if find_principal() else None
