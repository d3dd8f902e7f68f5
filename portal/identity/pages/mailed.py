"""Where the links of mails lead: confirming an address, changing it, and a new password."""

from __future__ import annotations

from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _

from portal.db import SYSTEM, scoped, transaction
from portal.identity import confirming, forms, links, people, proving, resetting, second_factor
from portal.identity.errors import EmailTaken, LinkGone, TooManyAttempts, WrongCredentials
from portal.identity.forms import Entered
from portal.identity.pages.blueprint import Answer, bp, hashing
from portal.identity.pages.entering import again, later, let_in, link_gone, next_page, reserve, too_many, too_many_mails
from portal.web.limits import rate
from portal.web.plugs import plugs
from portal.web.preferences import safe_next
from portal.web.principal import find_principal, get_principal, person_required, public


@bp.route("/confirm", methods=["GET", "POST"])
@public
def confirm() -> Answer:
    """Confirm an address: with one press where one signed up, with the password anywhere else.

    The mail alone is not enough. Otherwise somebody signs up with a stranger's address, and the stranger's press on the
    link makes the account, whose password they do not know, pass for theirs.
    """
    token, now = request.values.get("token", ""), plugs().clock.now()
    try:
        with scoped(SYSTEM):
            link = links.get("confirm", token, now)
    except LinkGone:
        return link_gone()
    user_id = link.user_id or 0
    here = (person := find_principal()) is not None and person.user_id == user_id
    context: dict[str, Any] = {"token": token, "email": link.email, "here": here}
    if request.method == "GET":
        return render_template("identity/confirm.html", form=Entered(), **context)
    given, entered = forms.read_proof(request.form)
    if given is None and not here:
        return again("identity/confirm.html", form=entered, **context)
    try:
        attempt = None if here else reserve("password", link.email)
        with transaction(SYSTEM):
            if attempt is not None:
                proving.check_own_password(user_id, given or "", hashing=hashing(), attempt_id=attempt)
            confirming.confirm(token, now=now)
            answer = redirect(url_for("home.index"), 303) if here else let_in(user_id, "")
    except WrongCredentials:
        entered.errors["current_password"] = _("This is not the password of this account.")
        return again("identity/confirm.html", form=entered, **context)
    except TooManyAttempts as refusal:
        entered.errors["current_password"] = too_many(refusal.retry_after)
        return later(refusal, again("identity/confirm.html", form=entered, **context))
    except LinkGone:
        return link_gone()
    except EmailTaken:
        return again("identity/address_taken.html", 409, email=link.email)
    flash(_("Your address is confirmed."), "success")
    return answer


@bp.post("/settings/confirmation")
@person_required
def confirm_again() -> Answer:
    """Ask for another mail with a link that confirms."""
    person = get_principal()
    back = redirect(safe_next(next_page()), 303)
    try:
        attempt = reserve("mail", person.email or "")
    except TooManyAttempts as refusal:
        flash(too_many_mails(refusal.retry_after), "warning")
        return back
    with transaction(SYSTEM):
        confirming.ask_again(person.user_id or 0, attempt)
    flash(_("Another mail is on its way to %(email)s.", email=person.email), "success")
    return back


@bp.route("/settings/address", methods=["GET", "POST"])
@person_required
def change_address() -> Answer:
    """Use a new address, from the link that went there, signed in: a mistyped address must not hand the account over."""
    token, now, person = request.values.get("token", ""), plugs().clock.now(), get_principal()
    try:
        if request.method == "GET":
            with scoped(SYSTEM):
                link = links.get("address", token, now)
            if link.user_id != person.user_id:
                return link_gone()
            return render_template("identity/change_address.html", token=token, email=link.email)
        with transaction(SYSTEM):
            email = confirming.change(token, person.user_id or 0, now=now)
    except LinkGone:
        return link_gone()
    except EmailTaken:
        return again("identity/address_taken.html", 409, email=person.email)
    flash(_("From now on you sign in with %(email)s.", email=email), "success")
    return redirect(url_for("identity.settings"), 303)


@bp.route("/forgotten", methods=["GET", "POST"])
@rate("30 per hour")
@public
def forgotten() -> Answer:
    """Ask for a link by mail. Known, unknown and unconfirmed addresses get one answer, at one cost."""
    if request.method == "GET":
        return render_template("identity/forgotten.html", form=Entered(), is_sent=request.args.get("sent") == "1")
    email, entered = forms.read_address(request.form)
    if email is None:
        return again("identity/forgotten.html", form=entered, is_sent=False)
    try:
        attempt = reserve("mail", email)
    except TooManyAttempts as refusal:
        entered.errors["email"] = too_many_mails(refusal.retry_after)
        return later(refusal, again("identity/forgotten.html", form=entered, is_sent=False))
    with transaction(SYSTEM):
        resetting.ask(email, attempt)
    return redirect(url_for("identity.forgotten", sent=1), 303)


@bp.route("/reset", methods=["GET", "POST"])
@public
def reset() -> Answer:
    """Choose a new password, with the link that went to the account's address; the code is still owed where one is."""
    token, now = request.values.get("token", ""), plugs().clock.now()
    try:
        with scoped(SYSTEM):
            link = links.get("reset", token, now)
            person = people.find_person(link.user_id or 0)
            takes_code = second_factor.is_on(link.user_id or 0)
    except LinkGone:
        return link_gone()
    context: dict[str, Any] = {"token": token, "email": link.email, "takes_code": takes_code}
    if request.method == "GET":
        return render_template("identity/reset.html", form=Entered(), **context)
    personal = (link.email, person.name if person else "", plugs().settings.product_name)
    new, entered = forms.read_new_password(request.form, personal)
    if new is None:
        return again("identity/reset.html", form=entered, **context)
    try:
        with transaction(SYSTEM):
            answer = make_response(let_in(resetting.reset(token, new, now=now, hashing=hashing()), ""))
    except LinkGone:
        return link_gone()
    flash(_("Your password is changed. Every other browser has been signed out."), "success")
    return answer
