"""Setting up an authenticator app: the QR code, the first code, the recovery codes shown once, and switching it off."""

from __future__ import annotations

import segno
from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _

from portal.db import SYSTEM, scoped, transaction
from portal.identity import forms, second_factor, throttle, totp
from portal.identity.errors import NoSecondFactor, TooManyAttempts, WrongCode, WrongCredentials
from portal.identity.forms import Entered
from portal.identity.pages.blueprint import Answer, bp
from portal.identity.pages.entering import later, prove, reserve, sealer, too_many
from portal.identity.types import FactorState
from portal.web.limits import rate
from portal.web.plugs import plugs
from portal.web.principal import get_principal, person_required

HERE = "identity.two_steps"


@bp.get("/settings/second-factor")
@person_required
def two_steps() -> Answer:
    """Whether signing in takes a code, and how to set that up."""
    return _page()


@bp.post("/settings/second-factor")
@rate("30 per hour")
@person_required
def set_up() -> Answer:
    """Begin with a fresh secret; asks for the password, so that a browser left open locks nobody out."""
    refusal = _unless_proven("set_up")
    if refusal is not None:
        return refusal
    with transaction(SYSTEM):
        second_factor.set_up(get_principal().user_id or 0, now=plugs().clock.now(), sealer=sealer())
    return redirect(url_for(HERE), 303)


@bp.post("/settings/second-factor/confirmation")
@person_required
def turn_on() -> Answer:
    """Switch it on with the first code, and show the recovery codes."""
    person, ports, entered = get_principal(), plugs(), Entered()
    try:
        attempt = reserve("code", f"code of user {person.user_id}")
        with transaction(SYSTEM):
            codes = second_factor.turn_on(
                person.user_id or 0,
                request.form.get("code", ""),
                now=ports.clock.now(),
                sealer=sealer(),
                pepper=ports.settings.pepper,
            )
            throttle.mark_succeeded(attempt)
    except WrongCode:
        entered.errors["code"] = _(
            "The app shows another code by now. Type the one it shows, and check the phone's clock."
        )
        return _page(422, form=entered)
    except NoSecondFactor:
        return redirect(url_for(HERE), 303)
    except TooManyAttempts as refusal:
        entered.errors["code"] = too_many(refusal.retry_after)
        return later(refusal, _page(429, form=entered))
    return _page(201, codes=codes)


@bp.post("/settings/second-factor/codes")
@rate("30 per hour")
@person_required
def renew_codes() -> Answer:
    """Replace the recovery codes, and show the new ones."""
    refusal = _unless_proven("renew")
    if refusal is not None:
        return refusal
    try:
        with transaction(SYSTEM):
            codes = second_factor.renew_codes(get_principal().user_id or 0, pepper=plugs().settings.pepper)
    except NoSecondFactor:
        return redirect(url_for(HERE), 303)
    return _page(201, codes=codes)


@bp.post("/settings/second-factor/removal")
@rate("30 per hour")
@person_required
def turn_off() -> Answer:
    """Switch it off."""
    person = get_principal()
    refusal = _unless_proven("remove")
    if refusal is not None:
        return refusal
    try:
        with transaction(SYSTEM):
            second_factor.turn_off(person.user_id or 0, actor=person.actor, now=plugs().clock.now())
    except NoSecondFactor:
        return redirect(url_for(HERE), 303)
    flash(_("Signing in takes your password alone again."), "success")
    return redirect(url_for(HERE), 303)


def _unless_proven(act: str) -> Response | None:
    """Return the refusal, beside the form that was used, unless the password is right."""
    given, entered = forms.read_proof(request.form)
    wait: TooManyAttempts | None = None
    if given is not None:
        try:
            prove(get_principal(), given)
        except WrongCredentials:
            entered.errors["current_password"] = _("This is not the password you use now.")
        except TooManyAttempts as refusal:
            entered.errors["current_password"], wait = too_many(refusal.retry_after), refusal
    if not entered.errors:
        return None
    page = _page(422, form=entered, act=act)
    return later(wait, page) if wait else page


def _page(status: int = 200, *, form: Entered | None = None, codes: list[str] | None = None, act: str = "") -> Response:
    person = get_principal()
    with scoped(SYSTEM):
        state = second_factor.get_state(person.user_id or 0, sealer())
    page = render_template(
        "identity/second_factor.html",
        state=state,
        form=form or Entered(),
        act=act,
        codes=codes,
        file=_as_file(codes or []),
        **_ways_in(state),
    )
    response = make_response(page, status)
    if state.secret is not None:
        response.headers["Cache-Control"] = "private, no-store, no-transform"  # never compressed (docs/adr/0037)
    return response


def _ways_in(state: FactorState) -> dict[str, str]:
    if state.secret is None:
        return {}
    address = totp.address_of(state.secret, get_principal().email or "", plugs().settings.product_name)
    # Black on white in both themes: cameras want it so.
    picture = segno.make(address, error="m").svg_data_uri(scale=4, border=4, dark="#000", light="#fff")
    return {"picture": picture, "address": address, "by_hand": totp.in_groups(state.secret)}


def _as_file(codes: list[str]) -> str:
    title = f"{plugs().settings.product_name} · {get_principal().email}"
    return "\n".join((title, "", *codes, "")) if codes else ""
