"""Being let in: what every page shares that proves who somebody is."""

from __future__ import annotations

from datetime import timedelta
from math import ceil

from flask import Response, make_response, redirect, render_template, request, session, url_for
from flask_babel import ngettext

from portal.db import SYSTEM, transaction
from portal.identity import credentials, proving, second_factor, service, throttle
from portal.identity.errors import TooManyAttempts
from portal.identity.pages.blueprint import Answer, hashing
from portal.identity.throttle import Kind
from portal.kit.sealing import Sealer
from portal.web.plugs import plugs
from portal.web.preferences import safe_next
from portal.web.principal import Principal, find_principal

OWES = "second_step"  # under which the cookie keeps that this browser still owes a code


def enter(user_id: int, *, organisation_id: int | None = None) -> None:
    """Start a session for a person whose identity is proven, in this browser and in the open unit of work."""
    now = plugs().clock.now()
    started = service.start_session(
        user_id, ip=ip(), user_agent=request.user_agent.string, now=now, organisation_id=organisation_id
    )
    before = find_principal()
    if before and before.user_id and before.session_id:
        service.end_session_quietly(before.user_id, before.session_id, now=now)
    credentials.remember(started.text, now)


def let_in(user_id: int, target: str) -> Answer:
    """Answer a right password, in the open unit of work: the session, or the question for the code."""
    if second_factor.is_on(user_id):
        session[OWES] = second_factor.owe_code(user_id, now=plugs().clock.now())
        return redirect(url_for("identity.second_step", next=target or None), 303)
    enter(user_id)
    return redirect(safe_next(target), 303)


def reserve(kind: Kind, who: str) -> int:
    """Count an attempt, committed before anything is looked at. Raises TooManyAttempts."""
    ports = plugs()
    with transaction(SYSTEM):
        return throttle.reserve(who, ip(), now=ports.clock.now(), pepper=ports.settings.pepper, kind=kind)


def prove(person: Principal, password: str) -> None:
    """Make sure that whoever sits there knows the password. Raises TooManyAttempts, WrongCredentials."""
    attempt = reserve("password", person.email or "")
    with transaction(SYSTEM):
        proving.check_own_password(person.user_id or 0, password, hashing=hashing(), attempt_id=attempt)


def again(template: str, status: int = 422, **context: object) -> Response:
    """Return the same form with what is wrong beside its fields."""
    return make_response(render_template(template, **context), status)


def later(refusal: TooManyAttempts, page: Response) -> Response:
    """Return a page as the answer to one attempt too many."""
    page.status_code = 429
    page.headers["Retry-After"] = str(ceil(refusal.retry_after.total_seconds()))
    return page


def link_gone() -> Response:
    """Answer a link that opens nothing; used, ended and made-up ones look the same."""
    return make_response(render_template("identity/link_gone.html"), 404)


def too_many(wait: timedelta) -> str:
    """Say that nothing was looked at, and when to try again."""
    minutes = max(1, ceil(wait.total_seconds() / 60))
    said: str = ngettext(
        "Too many wrong passwords. Nothing was checked this time; try again in %(num)d minute.",
        "Too many wrong passwords. Nothing was checked this time; try again in %(num)d minutes.",
        minutes,
    )
    return said


def too_many_mails(wait: timedelta) -> str:
    """Say that no mail was sent, and when one will be again."""
    minutes = max(1, ceil(wait.total_seconds() / 60))
    said: str = ngettext(
        "We have sent several mails to this address already. Look there first; you can ask again in %(num)d minute.",
        "We have sent several mails to this address already. Look there first; you can ask again in %(num)d minutes.",
        minutes,
    )
    return said


def sealer() -> Sealer:
    """Return what opens sealed secrets here."""
    return Sealer(plugs().settings.sealers)


def ip() -> str:
    """Return the caller's network address."""
    return request.remote_addr or "unknown"


def next_page() -> str:
    """Return where the person was going; whoever redirects makes sure it is a page of ours."""
    return request.values.get("next", "")
