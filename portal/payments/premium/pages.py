"""The page of the premium plan: what it is, what it costs, how the organisation stands, and what follows a payment."""

from __future__ import annotations

from flask import Blueprint, Flask, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.payments.glance import glance_of_request
from portal.payments.premium.buying import begin_premium
from portal.payments.premium.standing import offers, standing
from portal.payments.premium.types import PLANS
from portal.payments.queries import find_open_purchase
from portal.web.limits import rate
from portal.web.nav import NavItem, contribute, link
from portal.web.plugs import plugs
from portal.web.principal import Principal, get_principal, right_required, sign_in_required

bp = Blueprint("premium", __name__)


def register(app: Flask) -> None:
    """Serve the page, and offer it in the bar to those who may buy, where it is for sale."""
    app.register_blueprint(bp)
    contribute(app, 80, _links)


def _links(principal: Principal | None) -> list[NavItem]:
    if principal is None or not principal.has_role_for("buy"):
        return []
    if not glance_of_request(principal.account_id, plugs().clock.now()).sells_premium:
        return []
    return [link(_("Premium"), url_for("premium.show"))]


@bp.get("/premium")
@sign_in_required
def show() -> ResponseReturnValue:
    """Show the plan; after a payment, how far it is."""
    principal, ports = get_principal(), plugs()
    found = standing(
        principal.account_id,
        str(principal.organisation_id or ""),
        livemode=ports.settings.livemode,
        at=ports.clock.now(),
    )
    sold = offers()
    waiting = None
    if principal.account_id is not None and not found.has_access and sold:
        waiting = find_open_purchase(principal.account_id, sold[0].product_id)
        if waiting is not None and "back" in request.args:
            ports.queue.look_after(waiting.id)
    is_confirming = waiting is not None and "back" in request.args
    page = render_template(
        "premium/show.html", found=found, offers=sold, waiting=waiting, is_confirming=is_confirming,
        may_buy=principal.may("buy"), left="left" in request.args,
    )  # fmt: skip
    response = make_response(page)
    if is_confirming:
        response.headers["Refresh"] = "3"
    return response


@bp.post("/premium")
@rate("60 per hour")
@right_required("buy")
def buy() -> ResponseReturnValue:
    """Lead to the hosted page."""
    plan = request.form.get("plan", "")
    if plan not in PLANS:
        return redirect(url_for("premium.show"), 303)
    return redirect(begin_premium(plan).checkout_url or url_for("premium.show"), 303)
