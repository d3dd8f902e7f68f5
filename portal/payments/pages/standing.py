"""What an API's page says to the person who reads it: parts that other features fetch by URL (docs/adr/0016)."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from portal.catalog.labels import find_label
from portal.gateway.queries import list_keys
from portal.identity.queries import list_members
from portal.metering.holdings import Allowance
from portal.metering.meters import Meter, meter_of
from portal.metering.queries import usage_of_period
from portal.payments.queries import find_due_invoice
from portal.payments.standing import Powers, Sold, act_of
from portal.pricing.queries import get_offer_of_price, list_offers
from portal.pricing.types import Offer, PriceTerms
from portal.subscriptions.queries import find_live_for_product
from portal.subscriptions.types import SpendingLimit, SubscriptionView
from portal.web.plugs import plugs
from portal.web.principal import RIGHTS, Principal, find_principal, public

_MOST_NAMES = 3


def routes(bp: Blueprint) -> None:
    """Add the routes."""
    bp.get("/subscriptions/of-product/<int:product_id>")(standing)
    bp.get("/subscriptions/of-product/<int:product_id>/terms")(own_terms)
    bp.get("/subscriptions/of-product/<int:product_id>/start")(quick_start)


@dataclass(frozen=True, slots=True)
class _Held:
    """The reader's live subscription with its plan, its meter and what is owed on it."""

    view: SubscriptionView
    offer: Offer
    meter: Meter


@public
def standing(product_id: int) -> ResponseReturnValue:
    """Offer the reader's next act on a product and say where they stand; nothing to strangers.

    `at` names the tab that asked, so that its own parts (which plan is mine) are answered too.
    """
    principal = find_principal()
    if principal is None or principal.organisation_id is None:
        return ""
    held, label = _held(principal, product_id), find_label(product_id)
    offers = list_offers(product_id) if label and label.is_listed else []
    powers = Powers(buy=principal.may("buy"), keys=principal.may("keys"))
    act = act_of(held.view if held else None, held.meter if held else None, powers, _sold(offers, held))
    return render_template(
        "payments/_standing.html",
        act=act,
        held=held,
        label=label,
        offers=offers,
        at=request.args.get("at", ""),
        may_buy=powers.buy,
        due=find_due_invoice(held.view.account_id, held.view.id) if held and act in ("pay", "ask to pay") else None,
        whom=_who_may_buy(principal) if act.startswith("ask") else "",
    )


@public
def own_terms(product_id: int) -> ResponseReturnValue:
    """Say what a call costs the reader; nothing to whoever has no plan."""
    found = _mine(product_id)
    return render_template("payments/_own_terms.html", held=found[1]) if found else ""


@public
def quick_start(product_id: int) -> ResponseReturnValue:
    """Say which of the reader's keys the example takes; nothing to whoever has no plan."""
    found = _mine(product_id)
    if found is None:
        return "", 204  # the page keeps the steps it has
    principal, held = found
    keys = list_keys(held.view.account_id, held.view.id, plugs().clock.now())
    live = [key for key in keys if key.state == "live"]
    return render_template("payments/_quick_start.html", held=held, keys=live, may_make=principal.may("keys"))


def _mine(product_id: int) -> tuple[Principal, _Held] | None:
    principal = find_principal()
    held = _held(principal, product_id) if principal else None
    return (principal, held) if principal and held else None


def _held(principal: Principal, product_id: int) -> _Held | None:
    if principal.account_id is None:
        return None
    view = find_live_for_product(principal.account_id, product_id)
    if view is None:
        return None
    offer = get_offer_of_price(view.price_id)
    used = usage_of_period(principal.account_id, view.id, view.period)
    return _Held(view, offer, meter_of(_allowance(offer.terms, view.spending), used.billable_calls))


def _allowance(terms: PriceTerms, own: SpendingLimit | None) -> Allowance:
    plan = (terms.included_quantity, terms.usage_model, terms.unit_amount, terms.package_size, terms.currency)
    return Allowance(*plan, own.amount, own.calls) if own and plugs().holds_limits else Allowance(*plan)


def _sold(offers: list[Offer], held: _Held | None) -> Sold:
    mine = held.offer.terms.included_quantity if held else None
    more = any(
        offer.terms.limit != "refused" or (offer.terms.included_quantity or 0) > (mine or 0)
        for offer in offers
        if held is None or offer.plan_id != held.offer.plan_id
    )
    return Sold(any=bool(offers), free_first=bool(offers) and offers[0].is_free, more=more)


def _who_may_buy(principal: Principal) -> str:
    members = list_members(principal.organisation_id) if principal.organisation_id is not None else []
    names = [member.name for member in members if "buy" in RIGHTS[member.role]]
    return ", ".join(names[:_MOST_NAMES])
