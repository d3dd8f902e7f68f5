"""Moving to another plan: what is on offer, what a move changes and charges, and taking back one that waits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from markupsafe import Markup, escape

from portal.catalog import wording
from portal.catalog.labels import find_label
from portal.kit.periods import Period
from portal.metering.queries import usage_of_period
from portal.payments import switching
from portal.payments.changing import syncing_from
from portal.payments.errors import NotSwitchable, StalePreview
from portal.payments.pages.buyer import account_id
from portal.payments.pages.limit_field import on_other_plan
from portal.payments.queries import find_planned_change
from portal.payments.rules import is_within_reach, why_stuck
from portal.payments.spending import count_calls
from portal.payments.syncing import Syncing
from portal.payments.types import SwitchPreview
from portal.ports.payments import PaymentsRefused, PaymentsUnavailable
from portal.pricing.queries import get_offer_of_price, list_offers
from portal.pricing.rating import rate
from portal.pricing.types import Charge, Offer
from portal.subscriptions.errors import UnknownSubscription
from portal.subscriptions.queries import get_for_account
from portal.subscriptions.types import SubscriptionView
from portal.web.formatting import day, money, number
from portal.web.plugs import plugs
from portal.web.principal import get_principal, right_required, sign_in_required

USAGE_LOOKS_BACK = timedelta(days=30)


def routes(bp: Blueprint) -> None:
    """Add the routes."""
    bp.get("/subscriptions/<int:subscription_id>/plan")(plans)
    bp.get("/subscriptions/<int:subscription_id>/plan/<int:plan_id>")(plan_change)
    bp.post("/subscriptions/<int:subscription_id>/plan/<int:plan_id>")(change_plan)
    bp.get("/subscriptions/<int:subscription_id>/plan/waiting")(waiting_change)
    bp.post("/subscriptions/<int:subscription_id>/plan/undo")(undo_plan_change)


@sign_in_required
def plans(subscription_id: int) -> ResponseReturnValue:
    """Show the plans of a subscribed API, each at the reader's own usage."""
    held = _held(subscription_id)
    current = get_offer_of_price(held.price_id)
    offers = [offer for offer in list_offers(held.product_id) if is_within_reach(current, offer)]
    calls, waiting = _recent_calls(held), find_planned_change(held.account_id, held.id)
    return render_template(
        "payments/plans.html",
        held=held,
        current=current,
        offers=offers,
        label=find_label(held.product_id),
        waiting=waiting,
        wanted=get_offer_of_price(waiting.to_price_id) if waiting else None,
        calls=calls,
        notes={offer.price_id: _month_like_the_last(offer, calls) for offer in offers},
        may_buy=get_principal().may("buy"),
        obstacle=_obstacle_words(stuck) if not held.is_free and (stuck := why_stuck(held)) else None,
        wording=wording,
    )


@sign_in_required
def waiting_change(subscription_id: int) -> ResponseReturnValue:
    """Say that a change of plan waits, with the way back: a panel of the subscription's page, empty without one."""
    held = _held(subscription_id)
    waiting = find_planned_change(held.account_id, held.id)
    if waiting is None:
        return ""
    return render_template(
        "payments/_waiting_change.html",
        held=held,
        waiting=waiting,
        current=get_offer_of_price(held.price_id),
        wanted=get_offer_of_price(waiting.to_price_id),
        may_buy=get_principal().may("buy"),
    )


@right_required("buy")
def plan_change(subscription_id: int, plan_id: int) -> ResponseReturnValue:
    """Show what a move changes, when, and what it charges at once. Nothing happens until the button is pressed."""
    return _preview_page(_held(subscription_id), plan_id)


@right_required("buy")
def change_plan(subscription_id: int, plan_id: int) -> ResponseReturnValue:
    """Move, for exactly what the page said."""
    held = _held(subscription_id)
    try:
        done = switching.confirm(
            held.account_id,
            held.id,
            plan_id,
            request.form.get("seen", ""),
            syncing=_syncing(),
            actor=_actor(),
            secret_key=plugs().settings.secret_key,
        )
    except NotSwitchable as problem:
        return _back_to_plans(held, problem)
    except StalePreview:
        words = _("The figures have changed since you saw them, so nothing was done. Here they are as of now.")
        return _preview_page(held, plan_id, failure=words, status=409)
    except PaymentsRefused as refusal:
        words = _("%(why)s Nothing was charged and your plan stays as it is.", why=str(refusal))
        return _preview_page(held, plan_id, failure=words, is_declined=True, status=402)
    except PaymentsUnavailable:
        words = _(
            "The payment provider did not answer, so nobody knows yet whether the change was made. This page will show"
            " it; asking again cannot charge twice."
        )
        flash(words, "warning")
        return redirect(url_for("subscriptions.show", subscription_id=held.id), 303)
    flash(_done_words(done), "success")
    return redirect(url_for("subscriptions.show", subscription_id=held.id), 303)


@right_required("buy")
def undo_plan_change(subscription_id: int) -> ResponseReturnValue:
    """Keep the present plan after all."""
    held = _held(subscription_id)
    try:
        was_waiting = switching.withdraw(held.account_id, held.id, syncing=_syncing(), actor=_actor())
    except (PaymentsUnavailable, PaymentsRefused):
        flash(_("The payment provider did not answer. Nothing changed; try again in a moment."), "warning")
    else:
        if was_waiting:
            flash(_("Your plan stays as it is."), "success")
    return redirect(url_for("subscriptions.show", subscription_id=held.id), 303)


def _preview_page(
    held: SubscriptionView, plan_id: int, *, failure: str | None = None, is_declined: bool = False, status: int = 200
) -> ResponseReturnValue:
    try:
        shown = switching.preview(held.account_id, held.id, plan_id, syncing=_syncing())
    except NotSwitchable as problem:
        return _back_to_plans(held, problem)
    except (PaymentsUnavailable, PaymentsRefused):
        flash(_("The payment provider did not answer. Nothing changed; try again in a moment."), "warning")
        return redirect(url_for("payments.plans", subscription_id=held.id), 303)
    page = render_template(
        "payments/plan_change.html",
        held=held,
        shown=shown,
        seen=switching.token_of(shown, held.id, plugs().settings.secret_key),
        label=find_label(held.product_id),
        differences=_differences(shown),
        limit_words=_limit_words(held, shown),
        ledger=_ledger(shown, held),
        recent=_on_recent_usage(held, shown),
        failure=failure,
        is_declined=is_declined,
    )
    return page, status


def _limit_words(held: SubscriptionView, shown: SwitchPreview) -> str | None:
    """Return what becomes of the spending limit. A change that waits begins with a period in which nothing is used."""
    if held.spending is None or not plugs().holds_limits:
        return None
    used = 0 if shown.kind in switching.WAITING else count_calls(held)
    return on_other_plan(held.spending, shown.wanted.terms, shown.wanted.name, used)


def _differences(shown: SwitchPreview) -> list[tuple[str, str | None, list[str | bool]]]:
    """Return what the two plans offer, what differs first. A trial is no part of a move."""
    rows = [row for row in wording.comparison([shown.current, shown.wanted]) if row[0] != _("Trial")]
    return sorted(rows, key=lambda row: row[2][0] == row[2][1])


def _on_recent_usage(held: SubscriptionView, shown: SwitchPreview) -> dict[str, Any]:
    calls = _recent_calls(held)
    offers: tuple[Offer, Offer] = (shown.current, shown.wanted)
    charges = [(offer.name, _refused(rate(offer.terms, calls)), rate(offer.terms, calls).total) for offer in offers]
    return {"calls": calls, "charges": charges}


def _month_like_the_last(offer: Offer, calls: int) -> str:
    charge = rate(offer.terms, calls)
    refused = _refused(charge)
    if refused:
        return str(
            ngettext(
                "would refuse %(count)s of your calls",
                "would refuse %(count)s of your calls",
                refused,
                count=number(refused),
            )
        )
    return str(_("%(amount)s for a month like your last", amount=money(charge.total)))


def _refused(charge: Charge) -> int:
    return int(sum(line.refused for line in charge.lines))


def _ledger(shown: SwitchPreview, held: SubscriptionView) -> list[tuple[str, str]]:
    """Return the lines that add up to what is due now: what comes back, what is asked for, what a credit pays."""
    code = shown.due.currency
    rows = [(_line_words(line.amount, shown, held), money(line.amount, code)) for line in shown.lines]
    if shown.credit_used.amount:
        rows.append((str(_("From your credit")), money(-shown.credit_used.amount, code)))
    return rows or [(str(_("The change itself")), str(_("free")))]


def _line_words(amount: int, shown: SwitchPreview, held: SubscriptionView) -> Markup | str:
    if amount < 0:
        return str(_("Unused part of %(plan)s", plan=shown.current.name))
    if shown.next_charge_at is None:
        return str(_("%(plan)s, first period", plan=shown.wanted.name))
    words = escape(_("%(plan)s until %(date)s", plan=shown.wanted.name, date="{}"))
    return words.format(day(held.period.end))


def _recent_calls(held: SubscriptionView) -> int:
    now = plugs().clock.now()
    return usage_of_period(held.account_id, held.id, Period(now - USAGE_LOOKS_BACK, now)).billable_calls


def _back_to_plans(held: SubscriptionView, problem: NotSwitchable) -> ResponseReturnValue:
    if problem.reason == "not_offered":
        abort(404)
    if problem.reason == "same_plan":
        flash(_("You are on this plan."), "info")
        return redirect(url_for("subscriptions.show", subscription_id=held.id), 303)
    flash(_obstacle_words(problem.reason), "warning")
    return redirect(url_for("subscriptions.show", subscription_id=held.id), 303)


def _obstacle_words(reason: str) -> str:
    words = {
        "free": _("Choose a plan on the pricing page: moving from a free plan is a purchase."),
        "overdue": _("Settle the open payment first; then you can change the plan."),
        "ending": _("This subscription is about to end. Keep it first; then you can change the plan."),
        "ended": _("This subscription has ended. Choose a plan on the pricing page to come back."),
    }
    return str(words[reason])


def _done_words(done: SwitchPreview) -> str:
    if done.kind in ("later", "free_later"):
        return str(
            _("Planned. %(plan)s begins when your period ends; you can take it back until then.", plan=done.wanted.name)
        )
    return str(_("You are on %(plan)s now. Your keys stay the same.", plan=done.wanted.name))


def _held(subscription_id: int) -> SubscriptionView:
    try:
        return get_for_account(account_id(), subscription_id)
    except UnknownSubscription:
        abort(404)


def _syncing() -> Syncing:
    ports = plugs()
    return syncing_from(ports.payments, ports.clock, ports.settings)


def _actor() -> switching.Actor:
    principal = get_principal()
    return switching.Actor(principal.actor, principal.user_id, principal.organisation_id)
