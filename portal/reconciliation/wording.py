"""Codes, causes and runs in the reader's words."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask
from flask_babel import gettext as _

from portal.reconciliation.repair_wording import outcome_sentence, refusal, repair_name, repair_sentence, warning
from portal.reconciliation.value_wording import changes, field_name, shown


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


def severity_name(severity: int) -> str:
    """Return how much it hurts, in words."""
    words: dict[int, str] = {1: _("Money"), 2: _("Access"), 3: _("Display"), 4: _("Hygiene")}
    return words.get(severity, str(severity))


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
