"""The page before the money: everything that will happen, said and chosen before anything happens."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import floor
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.catalog.labels import find_label
from portal.identity.billing import get_billing
from portal.kit.periods import add_intervals
from portal.payments import buying, codes, terms
from portal.payments.currencies import other_currency
from portal.payments.discounts import Saving
from portal.payments.errors import CodeRefused, OtherCurrency, PlanNotForSale
from portal.payments.forms import Choices, read_choices
from portal.payments.pages import limit_field, saving_words
from portal.payments.pages.buyer import buyer_of
from portal.payments.pages.limit_field import LimitField
from portal.ports.payments import PaymentsRefused, PaymentsUnavailable
from portal.pricing.asked import read_volume
from portal.pricing.queries import get_offer, get_offer_of_price
from portal.pricing.types import Offer
from portal.pricing.volumes import months_of, quote
from portal.projects.queries import find_told
from portal.subscriptions.errors import AlreadySubscribed
from portal.subscriptions.queries import find_live_for_product, had_trial
from portal.web.limits import rate
from portal.web.negotiation import page_or_fragment
from portal.web.plugs import plugs
from portal.web.preferences import choose_locale
from portal.web.principal import get_principal, right_required, sign_in_required

_USUAL = 10_000


@dataclass(slots=True)
class _Page:
    """What the page says beside its facts: what was chosen, what the code does, and what has to be put right.

    `limit` is None where no spending limit is offered.
    """

    choices: Choices
    limit: LimitField | None = None
    saving: Saving | None = None
    errors: dict[str, str] = field(default_factory=dict)
    failure: str | None = None


def routes(bp: Blueprint) -> None:
    """Add the routes."""
    bp.get("/subscribe/<int:plan_id>")(review)
    bp.post("/subscribe/<int:plan_id>")(subscribe)


@rate("60 per hour", reading_with="code")
@sign_in_required
def review(plan_id: int) -> ResponseReturnValue:
    """Say everything before money moves. Who has a paid plan of this API already moves from it instead."""
    facts = _facts(plan_id)
    live = facts["live"]
    if live is not None and not live.is_free and live.plan_id != plan_id and facts["may_buy"]:
        return redirect(url_for("payments.plan_change", subscription_id=live.id, plan_id=plan_id), 303)
    shown = _page(read_choices(request.args), facts["offer"])
    if shown.choices.code and facts["may_buy"]:
        _look_at_code(shown, facts["offer"], facts["trial_days"])
    return _answer(facts, shown)


@rate("60 per hour")
@right_required("buy")
def subscribe(plan_id: int) -> ResponseReturnValue:
    """Start the purchase and lead to the hosted page, or straight to the key when nothing has to be paid.

    With `act=check` only look at the code and show the page as it is then.
    """
    facts = _facts(plan_id)
    shown = _page(read_choices({"spending_limit": "", **request.form}), facts["offer"])  # what was not seen is not set
    if shown.choices.code:
        _look_at_code(shown, facts["offer"], facts["trial_days"])
    if shown.limit and shown.limit.error:
        shown.errors["spending_limit"] = shown.limit.error
    if not shown.choices.only_checks and facts["accepted"] is None and not shown.choices.accepts_terms:
        shown.errors["terms"] = _("Accept the terms to go on.")
    if shown.errors or shown.failure:
        return _answer(facts, shown, 503 if shown.failure else 422)
    if shown.choices.only_checks:
        return _answer(facts, shown)
    return _begin(facts, shown)


def _begin(facts: dict[str, Any], shown: _Page) -> ResponseReturnValue:
    ports, buyer, plan_id = plugs(), buyer_of(get_principal()), facts["offer"].plan_id
    try:
        begun = buying.begin(
            buyer,
            plan_id,
            payments=ports.payments,
            now=ports.clock.now(),
            locale=choose_locale(),
            livemode=ports.settings.livemode,
            return_url=ports.settings.public_url.rstrip("/") + "/purchases/{purchase}",
            wishes=buying.Wishes(
                shown.saving,
                shown.choices.key_name,
                shown.choices.accepts_terms,
                spending_limit=shown.limit.amount if shown.limit else None,
            ),
        )
    except PlanNotForSale:
        abort(404)
    except OtherCurrency as paid:
        facts["pays_in"] = str(paid)
        return _answer(facts, shown, 409)
    except AlreadySubscribed as held:
        flash(_("You already have this API. Here is your subscription."), "info")
        return redirect(url_for("subscriptions.show", subscription_id=held.subscription_id), 303)
    except PaymentsUnavailable:
        shown.failure = _("The payment provider did not answer. Nothing was charged; try again in a moment.")
        return _answer(facts, shown, 503)
    except PaymentsRefused as refusal:
        text = _("The payment provider refused to start: %(why)s. Nothing was charged.", why=str(refusal))
        shown.failure = text
        return _answer(facts, shown, 502)
    return redirect(begun.checkout_url or url_for("payments.purchase", public_id=begun.public_id), 303)


def _page(choices: Choices, offer: Offer) -> _Page:
    if not limit_field.is_offered(offer.terms):
        return _Page(choices)
    typed = choices.spending_limit
    return _Page(
        choices,
        limit_field.suggested_field(offer.terms) if typed is None else limit_field.read_field(typed, offer.terms),
    )


def _look_at_code(shown: _Page, offer: Offer, trial_days: int) -> None:
    """Note on the page what the typed code does, or why it does nothing here."""
    ports = plugs()
    try:
        shown.saving = codes.check_code(
            shown.choices.code,
            offer,
            account_id=get_principal().account_id,
            trial_days=trial_days,
            payments=ports.payments,
            now=ports.clock.now(),
            livemode=ports.settings.livemode,
        )
    except CodeRefused as refusal:
        shown.errors["code"] = saving_words.refusal(refusal.reason)
    except (PaymentsUnavailable, PaymentsRefused):
        shown.failure = _("The code could not be checked: the payment provider did not answer. Nothing was charged.")


def _answer(facts: dict[str, Any], shown: _Page, status: int = 200) -> ResponseReturnValue:
    saving = shown.saving
    words = saving_words.saving(saving, facts["offer"].terms) if saving else None
    context = facts | {
        "choices": shown.choices,
        "limit": shown.limit,
        "saving": saving,
        "saving_words": words,
        "errors": shown.errors,
        "problems": [(f"f-{name}", text) for name, text in shown.errors.items()],
        "failure": shown.failure,
    }
    if request.method == "GET":
        return render_template("payments/review.html", **context), status
    return page_or_fragment("payments/review.html", "payments/_review_form.html", status=status, **context)


def _facts(plan_id: int) -> dict[str, Any]:
    offer = get_offer(plan_id)
    label = find_label(offer.product_id) if offer else None
    if offer is None or label is None or not label.is_listed:
        abort(404)
    principal, now = get_principal(), plugs().clock.now()
    account_id = principal.account_id
    live = find_live_for_product(account_id, offer.product_id) if account_id else None
    trial_days = 0 if account_id and had_trial(account_id, offer.product_id) else offer.terms.trial_days
    told = find_told(account_id, livemode=plugs().settings.livemode) if account_id else None
    return {
        "offer": offer,
        "label": label,
        "live": live,
        "live_offer": get_offer_of_price(live.price_id) if live else None,
        "trial_days": trial_days,
        "trial_ends": now + timedelta(days=trial_days),
        "renews_at": _renews_at(offer, now, trial_days),
        "may_buy": principal.may("buy"),
        "pays_in": other_currency(account_id, offer) if account_id else None,
        "billing": get_billing(principal.organisation_id) if principal.organisation_id else None,
        "billing_problem": told.problem if told else None,
        "accepted": terms.find_accepted(account_id) if account_id else None,
        "terms_version": terms.VERSION,
        **_estimate(offer),
    }


def _renews_at(offer: Offer, now: datetime, trial_days: int) -> datetime:
    """When the first period that is paid for ends and the next is charged."""
    return add_intervals(now + timedelta(days=trial_days), offer.terms.interval, offer.terms.interval_count)


def _estimate(offer: Offer) -> dict[str, Any]:
    """Return what a month at the reader's own volume costs; the volume in the address, or what the plan holds a month."""
    held = floor((offer.terms.included_quantity or 0) / months_of(offer.terms))
    volume = read_volume(request.args, held or _USUAL)
    return {"volume": volume, "estimate": quote(offer, volume.calls) if volume.calls is not None else None}
