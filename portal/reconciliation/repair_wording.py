"""Repairs in the reader's words: what they do, why they cannot be made, what came of them."""

from __future__ import annotations

from collections.abc import Callable

from flask_babel import gettext as _


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


def outcome_sentence(outcome: str) -> str:
    """Return what looking again after a repair found."""
    words: dict[str, str] = {
        "agrees": _("Looked at again: everything agrees."),
        "differs": _("Looked at again: it still differs."),
        "unknown": _("Stripe did not answer when we looked again; the next run will tell."),
    }
    return words[outcome]
