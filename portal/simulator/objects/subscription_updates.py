"""Changing a running subscription: what it buys, when its trial or itself ends."""

from typing import Any

from portal.simulator.billing.changing import (
    apply_changes,
    invoice_prorations,
    remember_prorations,
    restart_cycle,
)
from portal.simulator.billing.cycle import finalize_and_collect
from portal.simulator.billing.ending import end_trial, schedule_cancel
from portal.simulator.billing.invoicing import intent_of
from portal.simulator.billing.subscription_record import ENDED
from portal.simulator.errors import card_declined, invalid, not_simulated
from portal.simulator.objects.payment_methods import attached_to, usable
from portal.simulator.objects.shared import apply, get_record
from portal.simulator.records import Record
from portal.simulator.routes import Call
from portal.simulator.world import World

KIND = "subscription"


def whole_trial_settings(given: dict[str, Any]) -> dict[str, Any]:
    return {"end_behavior": {"billing_cycle_anchor": None, **given["end_behavior"]}}


def update(world: World, call: Call) -> Record:
    """``POST /v1/subscriptions/:id``."""
    subscription = get_record(world, KIND, call.id, "id", in_path=True)
    if subscription["status"] in ENDED:
        raise invalid("A canceled subscription can only update its cancellation_details and metadata.", code=None)
    if call.get("payment_behavior") in ("default_incomplete", "pending_if_incomplete"):
        raise not_simulated("payment_behavior")
    customer = get_record(world, "customer", subscription["customer"], "customer")
    apply(subscription, call.params, "metadata", "description", "days_until_due", "collection_method")
    if "trial_settings" in call.params:
        subscription["trial_settings"] = whole_trial_settings(call.params["trial_settings"])
    if "default_payment_method" in call.params:
        method = usable(world, call.params["default_payment_method"], "default_payment_method")
        subscription["default_payment_method"] = attached_to(method, customer)["id"]
    if "pause_collection" in call.params:
        pause = call.params["pause_collection"]
        subscription["pause_collection"] = pause and {"resumes_at": None, **pause}
    subscription["cancellation_details"].update(call.get("cancellation_details", {}))
    write_cancellation(world, subscription, call.params)
    _change_money(world, subscription, call.params)
    if call.get("payment_behavior") == "error_if_incomplete":
        _insist_on_payment(world, subscription)
    return world.store.find(KIND, subscription["id"]) or subscription


def _change_money(world: World, subscription: Record, params: dict[str, Any]) -> None:
    """Items, trial end and anchor: whatever moves amounts; saves and announces once."""
    moment = params.get("proration_date") or world.now(subscription["test_clock"])
    behaviour = params.get("proration_behavior", "create_prorations")
    lines, rhythm = apply_changes(world, subscription, params.get("items") or [], moment)
    if behaviour != "none":
        remember_prorations(world, subscription, lines)
    trial_end = params.get("trial_end")
    if trial_end == "now" and subscription["status"] == "trialing":
        subscription.update(trial_end=moment, billing_cycle_anchor=moment)
        for item in subscription["items"]["data"]:
            item["current_period_end"] = moment
        end_trial(world, subscription)
        collect_latest(world, subscription)
        return
    if isinstance(trial_end, int):
        _set_trial_end(subscription, trial_end, moment)
    if subscription["status"] != "trialing" and (
        rhythm or (params.get("billing_cycle_anchor") or {}).get("type") == "now"
    ):
        restart_cycle(world, subscription, moment)
        return
    if rhythm:
        for item in subscription["items"]["data"]:
            item["current_period_end"] = subscription["trial_end"]
    world.save(subscription, "customer.subscription.updated")
    if behaviour == "always_invoice" and lines:
        invoice_prorations(world, subscription)


def _insist_on_payment(world: World, subscription: Record) -> None:
    """``error_if_incomplete``: what was not paid did not happen. The error undoes the request as a whole."""
    invoice = world.store.find("invoice", subscription["latest_invoice"] or "")
    if invoice is None or invoice["status"] != "open" or invoice["billing_reason"] != "subscription_update":
        return
    intent = intent_of(world, invoice) or {}
    known = intent.get("last_payment_error") or {
        "code": "subscription_payment_intent_requires_action",
        "message": "Payment for this subscription requires additional user action before it can be completed.",
    }
    raise card_declined(known["code"], known["message"], known.get("decline_code"))


def _set_trial_end(subscription: Record, trial_end: int, moment: int) -> None:
    if trial_end <= moment:
        raise invalid("Invalid timestamp: can't be in the past.", "trial_end")
    subscription.update(status="trialing", trial_end=trial_end, billing_cycle_anchor=trial_end)
    subscription["trial_start"] = subscription["trial_start"] or moment
    for item in subscription["items"]["data"]:
        item["current_period_end"] = trial_end


def collect_latest(world: World, subscription: Record) -> None:
    invoice = world.store.find("invoice", subscription["latest_invoice"] or "")
    if invoice is not None and invoice["status"] == "draft":
        finalize_and_collect(world, invoice, off_session=False)


def write_cancellation(world: World, subscription: Record, params: dict[str, Any]) -> None:
    if subscription["schedule"] is not None and {"cancel_at_period_end", "cancel_at"} & params.keys():
        raise invalid(
            f"The subscription is managed by the subscription schedule `{subscription['schedule']}`, and updating any"
            " cancelation behavior directly is not allowed. Please update the schedule instead.",
            "cancel_at_period_end",
        )
    if "cancel_at_period_end" in params:
        schedule_cancel(world, subscription, at_period_end=params["cancel_at_period_end"])
    if "cancel_at" not in params:
        return
    wanted = params["cancel_at"]
    if wanted is None:
        subscription.update(cancel_at=None, canceled_at=None, cancel_at_period_end=False)
        return
    ends = [item["current_period_end"] for item in subscription["items"]["data"]]
    moment = {"min_period_end": min(ends), "max_period_end": max(ends)}.get(wanted, wanted)
    subscription.update(cancel_at=moment, canceled_at=world.now(subscription["test_clock"]))
    subscription["cancellation_details"]["reason"] = "cancellation_requested"
