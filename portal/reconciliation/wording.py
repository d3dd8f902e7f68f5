"""Codes, causes, repairs and values in the reader's words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from flask import Flask
from flask_babel import gettext as _
from markupsafe import Markup

from portal.kit.money import Money
from portal.reconciliation.plans import State
from portal.reconciliation.types import Shown
from portal.web.formatting import instant_text, money, number
from portal.webhooks.words import state_names

_AMOUNTS = ("total", "amount", "received", "refunded")
_INSTANTS = ("period_start", "period_end", "trial_end", "cancel_at", "right", "read", "suppressed_until")


def register(app: Flask) -> None:
    """Give templates the words."""
    app.jinja_env.globals["recon_words"] = {
        "code": code_title,
        "cause": cause_sentence,
        "repair": repair_name,
        "repair_does": repair_sentence,
        "severity": severity_name,
        "field": field_name,
        "value": shown,
        "changes": changes,
        "refusal": refusal,
        "warning": warning,
        "stage": stage_name,
        "outcome": outcome_sentence,
    }


def code_title(code: str) -> str:
    """Return what a code means, in a few words."""
    words: dict[str, Callable[[], str]] = {
        "SUB_MISSING_LOCAL": lambda: _("Billed by Stripe, not known here"),
        "SUB_MISSING_REMOTE": lambda: _("Alive here, not known to Stripe"),
        "SUB_STATUS_DIFF": lambda: _("Another status at Stripe"),
        "SUB_PLAN_DIFF": lambda: _("Another plan at Stripe"),
        "SUB_QTY_DIFF": lambda: _("Another quantity at Stripe"),
        "SUB_PERIOD_DIFF": lambda: _("Another period at Stripe"),
        "SUB_CANCEL_FLAG_DIFF": lambda: _("Cancelled on one side only"),
        "SUB_DUPLICATE_LIVE": lambda: _("Paid twice for the same product"),
        "SUB_STALE_SNAPSHOT": lambda: _("Newer news was not worked"),
        "CUSTOMER_UNMAPPED": lambda: _("A customer of nobody or of another account"),
        "CUSTOMER_DELETED": lambda: _("The customer was deleted at Stripe"),
        "EMAIL_DIFF": lambda: _("Invoices go to another address"),
        "ENT_WITHOUT_SOURCE": lambda: _("A right that nothing supports"),
        "ENT_MISSING": lambda: _("A right that is missing"),
        "ENT_WINDOW_DIFF": lambda: _("A right that ends at the wrong time"),
        "INV_STATUS_DIFF": lambda: _("Another status of the invoice"),
        "INV_TOTAL_DIFF": lambda: _("Another total of the invoice"),
        "INV_MISSING": lambda: _("An invoice that is missing here"),
        "USAGE_ROLLUP_DIFF": lambda: _("Sums that are not those of the log"),
        "PRICE_DRIFT": lambda: _("Another price at Stripe"),
        "PRICE_INACTIVE_IN_USE": lambda: _("In use, but switched off at Stripe"),
        "EVENT_STUCK": lambda: _("A delivery that waits too long"),
        "EVENT_DEAD": lambda: _("A delivery that was given up"),
        "MODE_MIX": lambda: _("Test and real money mixed"),
        "API_KEY_ORPHAN": lambda: _("The gateway treats a key otherwise"),
        "PAY_UNCREDITED": lambda: _("Paid at Stripe, not known here"),
        "PAY_STATUS_DIFF": lambda: _("Another status of the payment"),
        "PAY_AMOUNT_DIFF": lambda: _("Another amount of the payment"),
        "REFUND_NOT_APPLIED": lambda: _("A refund that we have not followed"),
        "REFUND_OVERAPPLIED": lambda: _("More given back here than at Stripe"),
        "DISPUTE_NOT_APPLIED": lambda: _("A dispute that we have not followed"),
        "DISPUTE_WON_NOT_RESTORED": lambda: _("A dispute is over, and access is still paused"),
    }
    return words[code]() if code in words else code


def cause_sentence(cause: str) -> str:
    """Return why it came to this, in a sentence."""
    words: dict[str, Callable[[], str]] = {
        "event_lost": lambda: _("It changed at Stripe and no delivery about it has reached us since."),
        "event_waiting": lambda: _("The delivery about it is in the inbox and waits for its next try."),
        "event_failed": lambda: _("The delivery about it failed so often that it was given up."),
        "event_undone": lambda: _("It is in the inbox for more than an hour and is not done."),
        "gone_there": lambda: _("Stripe does not know this subscription (any more)."),
        "ended_here": lambda: _(
            "It has ended here for good, and what has ended never comes back to life. End it at Stripe, or sell it anew."
        ),
        "unknown_customer": lambda: _(
            "No account of ours is this customer; the money comes from somebody we do not know."
        ),
        "unknown_price": lambda: _("Stripe bills a price that no plan of ours has."),
        "bought_twice": lambda: _(
            "The account has another live subscription to the same product. Keep one, and cancel and refund the other at Stripe."
        ),
        "rights_not_derived": lambda: _("The rights were not derived from the subscription as it stands."),
        "source_gone": lambda: _("What the right rested on is gone."),
        "unexplained": lambda: _(
            "Every delivery was worked, and still the rows differ: somebody or something changed ours."
        ),
        "changed_there": lambda: _("It was changed at Stripe by hand."),
        "deleted_there": lambda: _("It was deleted at Stripe."),
        "other_account": lambda: _("At Stripe this customer names another account of ours."),
        "not_told": lambda: _("Stripe was not told yet."),
        "other_mode": lambda: _("A subscription of real money stands among test data, or the other way round."),
        "gateway_behind": lambda: _("The gateway was not told, or lost what it was told."),
        "sums_behind": lambda: _(
            "The log changed and the hour was not summed again, or the sums were changed by hand."
        ),
        "hold_not_derived": lambda: _("Whether access is paused does not follow from the payments as they stand."),
        "payment_gone": lambda: _("Stripe does not know this payment. Look there for what became of the money."),
    }
    return words[cause]() if cause in words else cause


def repair_name(action: str) -> str:
    """Return what a button for a repair says."""
    words: dict[str, Callable[[], str]] = {
        "sync_from_stripe": lambda: _("Take over what Stripe says"),
        "reset_to_free": lambda: _("End it here"),
        "rebuild_entitlements": lambda: _("Derive the rights again"),
        "admit_key": lambda: _("Let the key in again"),
        "refuse_key": lambda: _("Shut the key out"),
        "recompute_usage": lambda: _("Count the hour again"),
        "tell_billing": lambda: _("Tell Stripe our address"),
        "replay_event": lambda: _("Replay"),
        "suppress": lambda: _("Leave out of the list"),
    }
    return words[action]() if action in words else action


def repair_sentence(action: str) -> str:
    """Return what a repair does, in a sentence."""
    words: dict[str, Callable[[], str]] = {
        "sync_from_stripe": lambda: _(
            "Reads it from Stripe once more and makes our rows, and the rights behind them, follow."
        ),
        "reset_to_free": lambda: _(
            "Ends the subscription and its rights here, at once and for good. Stripe is not touched."
        ),
        "rebuild_entitlements": lambda: _("Makes the rights equal to what the subscription supports from now on."),
        "admit_key": lambda: _("Tells the gateway again that this key opens its API."),
        "refuse_key": lambda: _("Tells the gateway again that this key opens nothing."),
        "recompute_usage": lambda: _("Sums the hour again from the request log, and its day with it."),
        "tell_billing": lambda: _(
            "Writes our billing details to the customer at Stripe. Finished invoices stay as they are."
        ),
        "replay_event": lambda: _(
            "Works the delivery at once and gives it all its tries anew. What it is about is read from Stripe again."
        ),
    }
    return words[action]() if action in words else ""


def severity_name(severity: int) -> str:
    """Return how much it hurts, in words."""
    words: dict[int, str] = {1: _("Money"), 2: _("Access"), 3: _("Display"), 4: _("Hygiene")}
    return words.get(severity, str(severity))


def field_name(field: str) -> str:
    """Return what a field is called."""
    words: dict[str, Callable[[], str]] = {
        "status": lambda: _("Status"),
        "price": lambda: _("Price"),
        "plan": lambda: _("Plan"),
        "quantity": lambda: _("Quantity"),
        "period_start": lambda: _("Period from"),
        "period_end": lambda: _("Period until"),
        "trial_end": lambda: _("Trial until"),
        "cancel_at": lambda: _("Ends on"),
        "cancel_at_period_end": lambda: _("Ends with the period"),
        "livemode": lambda: _("Real money"),
        "read": lambda: _("Newest news"),
        "right": lambda: _("Access until"),
        "subscription": lambda: _("Subscription"),
        "customer": lambda: _("Customer"),
        "account": lambda: _("Account"),
        "email": lambda: _("E-mail"),
        "total": lambda: _("Total"),
        "amount": lambda: _("Amount"),
        "currency": lambda: _("Currency"),
        "interval": lambda: _("Interval"),
        "active": lambda: _("Active"),
        "state": lambda: _("State"),
        "type": lambda: _("Kind"),
        "opens": lambda: _("Opens the API"),
        "calls": lambda: _("Calls"),
        "billable": lambda: _("Counted"),
        "errors": lambda: _("Errors"),
        "suppressed_until": lambda: _("Left out until"),
        "received": lambda: _("Received"),
        "refunded": lambda: _("Given back"),
        "refund": lambda: _("Refunds"),
        "dispute": lambda: _("Disputes"),
        "hold": lambda: _("Access paused because"),
    }
    return words[field]() if field in words else field


def shown(field: str, value: Shown, at_risk: Money | None = None) -> str | Markup:
    """Return a value of a field as people read it; a missing one is a dash with a word for whoever listens."""
    if value is None:
        return Markup('<span class="muted">–<span class="sr-only">{}</span></span>').format(_("nothing"))
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if field in _AMOUNTS and isinstance(value, int) and at_risk is not None:
        return money(value, at_risk.currency)
    if isinstance(value, int):
        return number(value)
    if field in _INSTANTS:
        return str(_("without end")) if value == "open" else _instant(value)
    if field == "state":
        return state_names().get(value, value)
    if field in ("refund", "dispute", "hold"):
        return ", ".join(_back(one) for one in value.split(", "))
    return _status(value) if field == "status" else value


def changes(
    before: State, after: State, at_risk: Money | None = None, *, only_different: bool = False
) -> list[tuple[str, str | Markup | None, str | Markup | None]]:
    """Return what a repair changes, line by line: what, before, after; None where there was or will be nothing."""
    lines: list[tuple[str, str | Markup | None, str | Markup | None]] = []
    for name in [*before, *(one for one in after if one not in before)]:
        old, new = before.get(name), after.get(name)
        if old == new:
            if not only_different:
                lines.append((field_name(name), shown(name, old, at_risk), shown(name, new, at_risk)))
            continue
        was, becomes = (None if one is None else shown(name, one, at_risk) for one in (old, new))
        lines.append((field_name(name), was, becomes))
    return lines


def refusal(why: str) -> str:
    """Return why a repair cannot be made now, and what to do."""
    words: dict[str, Callable[[], str]] = {
        "provider_unreachable": lambda: _("Stripe does not answer. Nothing was changed; try again in a moment."),
        "live_at_provider": lambda: _(
            "Stripe shows this subscription as alive, so somebody pays for it. Cancel it there first, or force it and say why."
        ),
        "ended_here": lambda: _("It has ended here for good; what has ended is never revived. End it at Stripe too."),
        "ended_already": lambda: _("It has ended already. There is nothing to do."),
        "agrees_already": lambda: _("Everything agrees by now. There is nothing to do."),
        "held_already": lambda: _("We hold it by now. Compare again and it is gone from the list."),
        "is_free": lambda: _("Stripe does not know free subscriptions: there is nothing to take over."),
        "unknown_price": lambda: _(
            "No plan of ours has the price that Stripe bills. Put the price right at Stripe first."
        ),
        "unknown_customer": lambda: _(
            "No account of ours is this customer, so the subscription cannot be anybody's here."
        ),
        "bought_twice": lambda: _(
            "The account has another live subscription to this product. Cancel one at Stripe first."
        ),
        "gone_there": lambda: _("Stripe does not know it any more."),
        "deleted_there": lambda: _("The customer was deleted at Stripe."),
        "sums_waiting": lambda: _("The hour waits to be summed again as it is. Look again in a minute."),
        "worked_already": lambda: _("It was worked by now. There is nothing to do."),
        "being_worked": lambda: _("A worker has it in hand this moment. Look again in a minute."),
        "no_gateway": lambda: _("No gateway is plugged in here."),
        "key_reused": lambda: _("This idempotency key stands for another act. Send another key."),
        "no_reason": lambda: _("Say why: the trail keeps it."),
        "changed": lambda: _(
            "Something changed since you looked. Here is how it stands now; look again before you apply it."
        ),
    }
    return words[why]() if why in words else _("This repair is not for this.")


def warning(code: str) -> str:
    """Return what whoever forces a repair must know."""
    words: dict[str, str] = {
        "live_at_provider": _(
            "Stripe goes on charging for it: nothing is cancelled there. Our row will not follow Stripe any more, and later"
            " deliveries about it will fail. Cancel it at Stripe as well."
        ),
        "provider_unreachable": _("Stripe did not answer, so nobody knows whether it still charges for this."),
    }
    return words[code]


def stage_name(stage: str) -> str:
    """Return what a run is looking at."""
    words: dict[str, Callable[[], str]] = {
        "subscriptions": lambda: _("our subscriptions and rights"),
        "strangers": lambda: _("subscriptions that only Stripe has"),
        "customers": lambda: _("customers"),
        "invoices": lambda: _("invoices"),
        "payments": lambda: _("payments, refunds and disputes"),
        "prices": lambda: _("prices"),
        "deliveries": lambda: _("deliveries"),
        "usage": lambda: _("a sample of sums"),
        "keys": lambda: _("keys at the gateway"),
        "left over": lambda: _("what was open before"),
        "repairs": lambda: _("repairs"),
    }
    return words[stage]() if stage in words else stage


def outcome_sentence(outcome: str) -> str:
    """Return what looking again after a repair found."""
    words: dict[str, str] = {
        "agrees": _("Looked at again: everything agrees."),
        "differs": _("Looked at again: it still differs."),
        "unknown": _("Stripe did not answer when we looked again; the next run will tell."),
    }
    return words[outcome]


def _instant(value: str) -> str:
    try:
        return instant_text(datetime.fromisoformat(value))
    except ValueError:
        return value


def _status(value: str) -> str:
    words: dict[str, Callable[[], str]] = {
        "active": lambda: _("active"),
        "trialing": lambda: _("trial"),
        "past_due": lambda: _("payment overdue"),
        "unpaid": lambda: _("unpaid"),
        "paused": lambda: _("paused"),
        "canceled": lambda: _("ended"),
        "incomplete": lambda: _("payment not finished"),
        "incomplete_expired": lambda: _("never paid"),
        "paid": lambda: _("paid"),
        "open": lambda: _("open"),
        "void": lambda: _("void"),
        "uncollectible": lambda: _("uncollectible"),
        "draft": lambda: _("draft"),
        "succeeded": lambda: _("paid"),
        "processing": lambda: _("on its way"),
        "requires_payment_method": lambda: _("payment not finished"),
        "requires_confirmation": lambda: _("payment not finished"),
        "requires_action": lambda: _("payment not finished"),
    }
    return words[value]() if value in words else value


def _back(value: str) -> str:
    """Return how a refund, a dispute or a hold stands."""
    words: dict[str, Callable[[], str]] = {
        "pending": lambda: _("on its way"),
        "requires_action": lambda: _("waits for the customer"),
        "succeeded": lambda: _("given back"),
        "failed": lambda: _("failed"),
        "canceled": lambda: _("withdrawn"),
        "needs_response": lambda: _("waits for our answer"),
        "under_review": lambda: _("the bank decides"),
        "won": lambda: _("won"),
        "lost": lambda: _("lost"),
        "warning_needs_response": lambda: _("inquiry, waits for our answer"),
        "warning_under_review": lambda: _("inquiry, the bank looks at it"),
        "warning_closed": lambda: _("inquiry closed"),
        "disputed": lambda: _("the payment is disputed"),
        "refunded": lambda: _("the payment was given back"),
    }
    return words[value]() if value in words else value
