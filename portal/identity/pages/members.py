"""The people of an organisation: roles, invitations, removing and leaving."""

from __future__ import annotations

from typing import cast

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.exceptions import NotFound

from portal.db import SYSTEM, scoped, transaction
from portal.identity import inviting, members, organisation_forms, queries
from portal.identity.errors import (
    AlreadyMember,
    LastOwner,
    NotYours,
    TooManyAttempts,
    TooManyInvitations,
    UnknownInvitation,
    UnknownMember,
)
from portal.identity.forms import Entered
from portal.identity.pages.blueprint import Answer, bp, organisation_of
from portal.identity.pages.entering import later, reserve, too_many_mails
from portal.web.limits import rate
from portal.web.plugs import plugs
from portal.web.preferences import choose_locale
from portal.web.principal import Role, get_principal, person_required, right_required

HERE = "identity.members"


@bp.get("/settings/members", endpoint="members")
@right_required("read")
def list_members() -> Answer:
    """Who belongs to this organisation, and who was asked to."""
    return _page(Entered(values={"email": "", "role": "developer"}))


@bp.post("/settings/invitations")
@rate("60 per hour")
@right_required("manage")
@person_required
def invite() -> Answer:
    """Ask somebody, by mail, to act for this organisation."""
    person = get_principal()
    wanted, entered = organisation_forms.read_invitation(request.form)
    if wanted is None:
        return _page(entered, 422)
    try:
        reserve("mail", wanted.email)
        with transaction(SYSTEM):
            inviting.invite(
                organisation_of(person),
                wanted.email,
                wanted.role,
                by=person.user_id or 0,
                acting=cast("Role", person.role),
                locale=choose_locale(),
                now=plugs().clock.now(),
            )
    except TooManyAttempts as refusal:
        entered.errors["email"] = too_many_mails(refusal.retry_after)
        return later(refusal, _page(entered))
    except AlreadyMember:
        entered.errors["email"] = _("This address is a member's already, or its invitation is still open.")
    except NotYours:
        entered.errors["role"] = _("Only an owner can make owners.")
    except TooManyInvitations:
        entered.errors["email"] = _(
            "There are %(limit)s open invitations. Revoke some first.", limit=inviting.MOST_OPEN
        )
    if entered.errors:
        return _page(entered, 422)
    flash(_("An invitation is on its way to %(email)s.", email=wanted.email), "success")
    return redirect(url_for(HERE), 303)


@bp.post("/settings/invitations/<int:invitation_id>/sending")
@rate("60 per hour")
@right_required("manage")
@person_required
def send_invitation_again(invitation_id: int) -> Answer:
    """Send an invitation once more, good for another seven days."""
    person, now = get_principal(), plugs().clock.now()
    organisation = organisation_of(person)
    with scoped(SYSTEM):
        asked = next((one for one in inviting.list_open(organisation, now) if one.id == invitation_id), None)
    if asked is None:
        raise NotFound
    try:
        reserve("mail", asked.email)
        with transaction(SYSTEM):
            inviting.send_again(organisation, invitation_id, by=person.user_id or 0, now=now)
    except TooManyAttempts as refusal:
        flash(too_many_mails(refusal.retry_after), "warning")
    except UnknownInvitation:
        raise NotFound from None
    else:
        flash(_("An invitation is on its way to %(email)s.", email=asked.email), "success")
    return redirect(url_for(HERE), 303)


@bp.post("/settings/invitations/<int:invitation_id>/revocation")
@right_required("manage")
@person_required
def revoke_invitation(invitation_id: int) -> Answer:
    """Take an invitation back; its link opens nothing any more."""
    person = get_principal()
    try:
        with transaction(SYSTEM):
            inviting.revoke(organisation_of(person), invitation_id, by=person.user_id or 0, now=plugs().clock.now())
    except UnknownInvitation:
        raise NotFound from None
    flash(_("The invitation is revoked. Its link opens nothing any more."), "success")
    return redirect(url_for(HERE), 303)


@bp.post("/settings/members/<int:user_id>/role")
@right_required("manage")
@person_required
def change_role(user_id: int) -> Answer:
    """Give a member another role, from their next request on."""
    person, role = get_principal(), organisation_forms.read_role(request.form)
    if role is None:
        return _page(Entered(), 422, refusal=_("Choose one of the roles."))
    try:
        with transaction(SYSTEM):
            members.change_role(organisation_of(person), user_id, role, by=person.user_id or 0)
    except UnknownMember:
        raise NotFound from None
    except NotYours:
        return _page(Entered(), 403, refusal=_("Only an owner can make, change or remove owners."))
    except LastOwner:
        return _page(Entered(), 409, refusal=_last_owner())
    flash(_("The role is changed. It counts from their next request on."), "success")
    return redirect(url_for(HERE), 303)


@bp.post("/settings/members/<int:user_id>/removal")
@right_required("manage")
@person_required
def remove_member(user_id: int) -> Answer:
    """End a membership, with the organisation tokens its person made."""
    return _end(user_id, url_for(HERE), _("They no longer act for this organisation. Tokens they made are revoked."))


@bp.post("/settings/membership/removal")
@person_required
def leave() -> Answer:
    """Leave the organisation one acts for."""
    person = get_principal()
    said = _("You no longer act for %(organisation)s.", organisation=person.organisation_name)
    return _end(person.user_id or 0, url_for("identity.settings"), said)


def _end(user_id: int, target: str, said: str) -> Answer:
    person = get_principal()
    try:
        with transaction(SYSTEM):
            members.remove(organisation_of(person), user_id, by=person.user_id or 0, now=plugs().clock.now())
    except UnknownMember:
        raise NotFound from None
    except NotYours:
        return _page(Entered(), 403, refusal=_("Only an owner can make, change or remove owners."))
    except LastOwner:
        return _page(Entered(), 409, refusal=_last_owner())
    flash(said, "success")
    return redirect(target, 303)


def _last_owner() -> str:
    return str(_("This is the last owner. Make somebody else an owner first, so that somebody can manage it."))


def _page(form: Entered, status: int = 200, *, refusal: str = "") -> Response:
    person = get_principal()
    organisation, now = organisation_of(person), plugs().clock.now()
    may_manage = person.may("manage") and person.kind == "session"
    form.values = {"email": "", "role": "developer"} | form.values
    with scoped(SYSTEM):
        asked = inviting.list_open(organisation, now) if may_manage else []
    page = render_template(
        "identity/members.html",
        members=queries.list_members(organisation),
        invitations=asked,
        form=form,
        refusal=refusal,
        may_manage=may_manage,
        roles=[role for role in organisation_forms.ROLES if role != "owner" or person.role == "owner"],
    )
    return make_response(page, status)
