"""Signing up, in and out, and acting for another organisation."""

from __future__ import annotations

from datetime import timedelta
from math import ceil

from flask import Response, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.exceptions import NotFound

from portal.db import SYSTEM, transaction
from portal.identity import credentials, forms, service, throttle
from portal.identity.demo_people import list_demo_people
from portal.identity.errors import EmailTaken, NotAMember, TooManyAttempts, WrongCredentials
from portal.identity.forms import Entered
from portal.identity.pages.blueprint import Answer, bp, hashing
from portal.identity.rules import landing_after_switch
from portal.web.limits import rate
from portal.web.plugs import plugs
from portal.web.preferences import choose_locale, safe_next
from portal.web.principal import find_principal, get_principal, person_required, public


@bp.route("/signup", methods=["GET", "POST"])
@rate("30 per hour")
@public
def sign_up() -> Answer:
    """Make an account and an organisation, and be signed in."""
    if request.method == "GET":
        return _elsewhere() or render_template("identity/sign_up.html", form=Entered(), next=_next())
    wanted, entered = forms.read_sign_up(request.form, plugs().settings.product_name)
    if wanted is None:
        return _again("identity/sign_up.html", form=entered, next=_next())
    try:
        with transaction(SYSTEM):
            person = service.sign_up(
                wanted.email,
                wanted.password,
                wanted.name,
                wanted.organisation_name,
                now=plugs().clock.now(),
                hashing=hashing(),
                locale=choose_locale(),
            )
            enter(person.user_id)
    except EmailTaken:
        entered.errors["email"] = _("There is an account with this address. Sign in, or use another address.")
        return _again("identity/sign_up.html", form=entered, next=_next(), taken=True)
    return redirect(safe_next(_next()), 303)


@bp.route("/login", methods=["GET", "POST"])
@public
def sign_in() -> Answer:
    """Sign in with address and password, and go back to where the person was."""
    people = list_demo_people(plugs().settings)
    if request.method == "GET":
        return _elsewhere() or render_template("identity/sign_in.html", form=Entered(), next=_next(), people=people)
    given, entered = forms.read_sign_in(request.form)
    if given is None:
        return _again("identity/sign_in.html", form=entered, next=_next(), people=people)
    now = plugs().clock.now()
    try:
        with transaction(SYSTEM):
            attempt = throttle.reserve(given.email, _ip(), now=now, pepper=plugs().settings.pepper)
        with transaction(SYSTEM):
            started = service.sign_in(
                given.email,
                given.password,
                ip=_ip(),
                user_agent=request.user_agent.string,
                now=now,
                hashing=hashing(),
                attempt_id=attempt,
            )
            _replace_session(started.text)
    except WrongCredentials:
        entered.errors["email"] = _("Address and password do not belong together. Check both and try again.")
        return _again("identity/sign_in.html", form=entered, next=_next(), people=people)
    except TooManyAttempts as refusal:
        entered.errors["email"] = _too_many(refusal.retry_after)
        page = _again("identity/sign_in.html", 429, form=entered, next=_next(), people=people)
        page.headers["Retry-After"] = str(ceil(refusal.retry_after.total_seconds()))
        return page
    return redirect(safe_next(_next()), 303)


@bp.post("/logout")
@public
def sign_out() -> Answer:
    """End this session. Signing out twice is fine."""
    person = find_principal()
    if person and person.user_id and person.session_id:
        with transaction():
            service.end_session_quietly(person.user_id, person.session_id, now=plugs().clock.now())
    credentials.forget()
    response = redirect(url_for("home.index"), 303)
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
    return redirect(landing_after_switch(safe_next(_next())), 303)


def _again(template: str, status: int = 422, **context: object) -> Response:
    return make_response(render_template(template, **context), status)


def enter(user_id: int) -> None:
    """Start a session for a person whose identity is proven, in this browser and in the open unit of work."""
    started = service.start_session(user_id, ip=_ip(), user_agent=request.user_agent.string, now=plugs().clock.now())
    _replace_session(started.text)


def _replace_session(text: str) -> None:
    """End the session this browser had, if any, and remember the new one."""
    before = find_principal()
    if before and before.user_id and before.session_id:
        service.end_session_quietly(before.user_id, before.session_id, now=plugs().clock.now())
    credentials.remember(text, plugs().clock.now())


def _elsewhere() -> Answer | None:
    """Who is signed in already has no use for these pages."""
    return redirect(safe_next(_next()), 303) if find_principal() else None


def _next() -> str:
    return request.values.get("next", "")


def _ip() -> str:
    return request.remote_addr or "unknown"


def _too_many(wait: timedelta) -> str:
    minutes = max(1, ceil(wait.total_seconds() / 60))
    said: str = ngettext(
        "Too many wrong passwords. Nothing was checked this time; try again in %(num)d minute.",
        "Too many wrong passwords. Nothing was checked this time; try again in %(num)d minutes.",
        minutes,
    )
    return said
