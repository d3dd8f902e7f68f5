"""The users of a project: who they are, what they pay, what they may do and why; rights given and taken by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time

from flask import Response, abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Redirect

from portal.db import SYSTEM, current_scope, enter_scope, scoped, transaction
from portal.entitlements import granting
from portal.entitlements.answering import Memory
from portal.entitlements.queries import explain, list_live
from portal.entitlements.types import Explanation
from portal.payments.queries import list_paid_for
from portal.payments.selling import forms
from portal.payments.selling.blueprint import bp
from portal.payments.selling.forms import Typed
from portal.pricing.queries import get_offer_of_price
from portal.projects.errors import UnknownAccount
from portal.projects.finding import search_accounts
from portal.projects.frame import acting, open_project, rights
from portal.projects.queries import get_account, list_features
from portal.projects.types import AccountView, FeatureView, ProjectView
from portal.subscriptions.queries import list_for_account
from portal.web.plugs import plugs
from portal.web.principal import get_principal, right_required

PAGE_SIZE = 50


@bp.get("/projects/<int:project_id>/users")
@right_required("read")
def users(project_id: int) -> str:
    """Find users by id, name or address."""
    project = open_project(project_id)
    words = " ".join(request.args.get("q", "").split())[:100]
    number = _page_number()
    with scoped(SYSTEM):  # after the project was opened
        found = search_accounts(project_id, words, limit=PAGE_SIZE, offset=(number - 1) * PAGE_SIZE)
    return render_template(
        "selling/users.html", project=project, found=found, words=words, number=number,
        pages=max(1, -(-found.total // PAGE_SIZE)), **rights(),
    )  # fmt: skip


@bp.get("/projects/<int:project_id>/users/<int:account_id>")
@right_required("read")
def user(project_id: int, account_id: int) -> Response:
    """Show what one user pays and may do, now or on a day."""
    project = open_project(project_id)
    return _page(project, _open_account(project, account_id), Typed())


@bp.post("/projects/<int:project_id>/users/<int:account_id>/grants")
@right_required("manage")
def give(project_id: int, account_id: int) -> Response | Redirect:
    """Give a right by hand."""
    project, ports = open_project(project_id), plugs()
    account, now = _open_account(project, account_id), ports.clock.now()
    wanted, typed = forms.read_grant(request.form, {feature.id for feature in list_features(project_id)}, now)
    if wanted is None:
        return _page(project, account, typed, 422)
    by = acting(project)
    with transaction():
        done = granting.grant(
            account_id,
            wanted.feature_id,
            granted_by=get_principal().name,
            reason=wanted.reason,
            valid_from=now,
            valid_to=wanted.valid_to,
            quantity=wanted.quantity,
            actor=by.actor,
            organisation_id=by.organisation_id,
            now=now,
            queue=ports.queue,
        )
    Memory(ports.redis).raise_version(project_id, account.external_id, account_id, done.version)
    flash(_("Given. Your program sees it at once."), "success")
    return redirect(url_for("selling.user", project_id=project_id, account_id=account_id), 303)


@bp.post("/projects/<int:project_id>/users/<int:account_id>/grants/<int:feature_id>/revocation")
@right_required("manage")
def take(project_id: int, account_id: int, feature_id: int) -> Redirect:
    """Take back what was given by hand."""
    project, ports = open_project(project_id), plugs()
    account, by = _open_account(project, account_id), acting(project)
    reason = " ".join(request.form.get("reason", "").split())[:500] or _("No reason given")
    with transaction():
        ended = granting.revoke(
            account_id,
            feature_id,
            revoked_by=get_principal().name,
            reason=reason,
            actor=by.actor,
            organisation_id=by.organisation_id,
            now=ports.clock.now(),
            queue=ports.queue,
        )
    if not ended.grants:
        abort(404)
    Memory(ports.redis).raise_version(project_id, account.external_id, account_id, ended.version)
    flash(_("Taken back. What they pay for stays."), "success")
    return redirect(url_for("selling.user", project_id=project_id, account_id=account_id), 303)


def _open_account(project: ProjectView, account_id: int) -> AccountView:
    """Return an account of the project, and let what follows touch its rows; else answer 404."""
    try:
        account = get_account(project.id, account_id)
    except UnknownAccount:
        abort(404)
    scope = current_scope()
    if scope.role == "portal_app":
        enter_scope(replace(scope, account_id=account_id))
    return account


def _page(project: ProjectView, account: AccountView, typed: Typed, status: int = 200) -> Response:
    now = plugs().clock.now()
    at = _asked_day(now)
    features = list_features(project.id)
    held = list_for_account(account.id)
    page = render_template(
        "selling/user.html",
        project=project,
        account=account,
        at=at,
        is_now=at == now,
        rights_held=list_live(account.id, at),
        reasons=[_reason(account.id, feature, at) for feature in features],
        features=features,
        feature_choices=[(one.id, f"{one.code} · {one.name}") for one in features],
        held=[(one, get_offer_of_price(one.price_id)) for one in held],
        payments=list_paid_for(account.id),
        form=typed,
        **rights(),
    )
    return make_response(page, status)


def _reason(account_id: int, feature: FeatureView, at: datetime) -> tuple[FeatureView, Explanation]:
    return feature, explain(account_id, feature.id, at)


def _asked_day(now: datetime) -> datetime:
    """Return the end of the day that was asked for (UTC), or now."""
    try:
        day = date.fromisoformat(request.args.get("on", ""))
    except ValueError:
        return now
    return (
        min(now, datetime.combine(day, time(23, 59, 59), UTC))
        if day <= now.date()
        else datetime.combine(day, time(12), UTC)
    )


def _page_number() -> int:
    text = request.args.get("page", "1")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else 1
