"""What an organisation says about itself, its logo, and making another one."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from portal.db import SYSTEM, transaction
from portal.identity import members, organisation_forms, queries, service
from portal.identity.forms import Entered
from portal.identity.pages.blueprint import Answer, bp, organisation_of
from portal.identity.pages.entering import again
from portal.web.limits import rate
from portal.web.plugs import plugs
from portal.web.principal import confirmed_required, get_principal, person_required, right_required


@bp.route("/settings/organisation", methods=["GET", "POST"])
@right_required("manage")
@person_required
def organisation() -> Answer:
    """Name, what it does, where to find and ask it."""
    person = get_principal()
    number = organisation_of(person)
    if request.method == "GET":
        found = queries.get_organisation(number)
        values = {name: getattr(found, name) or "" for name in organisation_forms.PROFILE}
        return render_template("identity/organisation.html", form=Entered(values=values), organisation=found)
    wanted, entered = organisation_forms.read_organisation(request.form)
    if wanted is None:
        return again("identity/organisation.html", form=entered, organisation=queries.get_organisation(number))
    with transaction():
        members.change_organisation(
            number,
            name=wanted.name,
            description=wanted.description,
            website=wanted.website,
            about=wanted.about,
            support=wanted.support,
            actor=person.actor,
        )
    flash(_("The organisation is saved."), "success")
    return redirect(url_for("identity.organisation"), 303)


@bp.route("/organisations/new", methods=["GET", "POST"])
@rate("20 per hour")
@person_required
@confirmed_required
def new_organisation() -> Answer:
    """Make another organisation, own it, and act for it."""
    if request.method == "GET":
        return render_template("identity/new_organisation.html", form=Entered(values={"name": ""}))
    name, entered = organisation_forms.read_organisation_name(request.form)
    if name is None:
        return again("identity/new_organisation.html", form=entered)
    person, now = get_principal(), plugs().clock.now()
    with transaction(SYSTEM):
        made = service.create_organisation(person.user_id or 0, name, now=now)
        service.switch_organisation(person.user_id or 0, person.session_id or 0, made)
    flash(_("%(name)s is ready, and you act for it now.", name=name), "success")
    return redirect(url_for("home.index"), 303)
