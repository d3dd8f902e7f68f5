"""What I have: my subscriptions and one of them. Panels of other features arrive by URL."""

from __future__ import annotations

from flask import Blueprint, Flask, abort, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.catalog.holders import told_by
from portal.catalog.labels import labels
from portal.pricing.queries import get_offer_of_price
from portal.subscriptions import palette
from portal.subscriptions.errors import UnknownSubscription
from portal.subscriptions.queries import get_for_account, list_for_account, map_held_products
from portal.subscriptions.rules import access_of
from portal.web.nav import NavItem, contribute, link
from portal.web.plugs import plugs
from portal.web.principal import Principal, get_principal, sign_in_required

bp = Blueprint("subscriptions", __name__)


def register(app: Flask) -> None:
    """Serve the pages and put them into the bar."""
    app.register_blueprint(bp)
    contribute(app, 30, _links)
    palette.register(app)
    told_by(app, map_held_products)


def _links(principal: Principal | None) -> list[NavItem]:
    if principal is None or principal.organisation_id is None:
        return []
    return [link(_("Subscriptions"), url_for("subscriptions.index"))]


@bp.get("/subscriptions")
@sign_in_required
def index() -> ResponseReturnValue:
    """List the organisation's subscriptions, live ones first."""
    account_id = get_principal().account_id
    held = list_for_account(account_id) if account_id else []
    names = labels([one.product_id for one in held])
    offers = {one.price_id: get_offer_of_price(one.price_id) for one in held}
    return render_template("subscriptions/index.html", held=held, names=names, offers=offers)


@bp.get("/subscriptions/<int:subscription_id>")
@sign_in_required
def show(subscription_id: int) -> ResponseReturnValue:
    """Show one subscription: state in words, next act, keys and usage."""
    principal = get_principal()
    try:
        held = get_for_account(principal.account_id or 0, subscription_id)
    except UnknownSubscription:
        abort(404)
    return render_template(
        "subscriptions/show.html",
        held=held,
        name=labels([held.product_id]).get(held.product_id),
        offer=get_offer_of_price(held.price_id),
        access=access_of(held, now=plugs().clock.now()),
        may_buy=principal.may("buy"),
        holds_limits=plugs().holds_limits,
    )
