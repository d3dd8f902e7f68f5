"""The start page: what this is, for strangers; where they stand and what is next, for people who are signed in."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import Blueprint, Flask, render_template, url_for
from flask_babel import gettext as _

from portal.catalog.wording import category, state
from portal.db import SYSTEM, scoped
from portal.home import crawlers, queries
from portal.home.rules import EXAMPLE_CALLS, EXAMPLE_TERMS, example, next_step
from portal.home.types import Offered, Platform
from portal.payments.queries import list_unfinished
from portal.payments.types import Unfinished
from portal.pricing.queries import list_offers_for
from portal.web.palette import Entry, Group, offer
from portal.web.plugs import plugs
from portal.web.principal import Principal, find_principal, public

bp = Blueprint("home", __name__)
WAITS = timedelta(days=2)  # a payment page lives for a day; who came to none may begin again


def register(app: Flask) -> None:
    """Serve the start page."""
    app.register_blueprint(bp)
    app.register_blueprint(crawlers.bp)
    offer(app, lambda _asked: [Entry(_("Start page"), url_for("home.index"), Group.PAGES, also=_("home overview"))])


@bp.get("/")
@public
def index() -> str:
    """Welcome a stranger, or show a person where they stand."""
    principal = find_principal()
    return _standing(principal) if principal else _welcome()


def _welcome() -> str:
    newest = queries.list_newest()
    return render_template(
        "home/welcome.html",
        newest=newest,
        offers=list_offers_for([one.product_id for one in newest if one.product_id]),
        shelves=queries.list_shelves(),
        category_words=category,
        charge=example(),
        terms=EXAMPLE_TERMS,
        calls=EXAMPLE_CALLS,
    )


def _offered(principal: Principal) -> list[Offered]:
    if principal.organisation_id is None or not principal.may("publish"):
        return []
    with scoped(SYSTEM):  # after the reader's role was checked: counts everybody's subscriptions
        return queries.list_offered(principal.organisation_id)


def _platform(principal: Principal, now: datetime) -> Platform | None:
    if not principal.is_operator:
        return None
    with scoped(SYSTEM):  # after the reader's role was checked: counts everybody's rows
        return queries.platform(now)


def _unfinished(principal: Principal, now: datetime) -> list[Unfinished]:
    if principal.account_id is None or not principal.may("buy"):
        return []
    found = list_unfinished(principal.account_id, since=now - WAITS)
    return [one for one in found if not one.purchase.is_over]


def _standing(principal: Principal) -> str:
    now = plugs().clock.now()
    offered, platform = _offered(principal), _platform(principal, now)
    held, total = queries.list_held(principal.account_id, now)
    newest = [] if held else queries.list_newest()
    return render_template(
        "home/index.html",
        offered=offered,
        platform=platform,
        state_words=state,
        held=held,
        total=total,
        step=next_step(held),
        unfinished=_unfinished(principal, now),
        newest=newest,
        offers=list_offers_for([one.product_id for one in newest if one.product_id]),
        may_buy=principal.may("buy"),
        may_keys=principal.may("keys"),
        holds_limits=plugs().holds_limits,
    )
