"""Refunds: money back, in part or whole."""

from portal.simulator.billing.disputing import OPEN
from portal.simulator.billing.payment_records import balance_entry
from portal.simulator.errors import invalid, missing_parameter
from portal.simulator.identifiers import new_id
from portal.simulator.objects.shared import get_record
from portal.simulator.records import Record, listing
from portal.simulator.routes import Call
from portal.simulator.world import World, clock_of

FAILURES = ("expired_or_canceled_card", "lost_or_stolen_card", "unknown")
"""Why a bank sends a refund back, in Stripe's words."""


def refund(world: World, call: Call) -> Record:
    """``POST /v1/refunds`` of a charge or of an intent's charge, in part or whole."""
    charge_id = call.get("charge")
    if "payment_intent" in call.params:
        intent = get_record(world, "payment_intent", call.params["payment_intent"], "payment_intent")
        charge_id = intent["latest_charge"]
    if charge_id is None:
        if "payment_intent" in call.params:
            raise invalid("This PaymentIntent does not have a successful charge to refund.", "payment_intent")
        raise missing_parameter("charge")
    charge = get_record(world, "charge", charge_id, "charge")
    if _is_charged_back(world, charge):
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise invalid(message, code="charge_disputed")
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = call.get("amount", left)
    if left <= 0:
        raise invalid(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if amount > left:
        raise invalid(f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})", "amount")
    return _refund(world, charge, amount, call)


def _refund(world: World, charge: Record, amount: int, call: Call) -> Record:
    record: Record = {
        "id": new_id("refund"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": new_id("balance_transaction"),
        "charge": charge["id"],
        "created": world.now(clock_of(charge)),
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": {"card": {"reference_status": "pending", "type": "refund"}, "type": "card"},
        "metadata": dict(call.get("metadata") or {}),
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": call.get("reason"),
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }
    world.save(balance_entry(world, record, "refund", -amount))
    world.save(record, "refund.created")
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    world.save(charge)
    world.announce("charge.refunded", charge, {"amount_refunded": charge["amount_refunded"] - amount})
    return record


def _is_charged_back(world: World, charge: Record) -> bool:
    """While the bank holds or keeps the money of a dispute there is nothing left to give back."""
    return any(dispute["status"] in (*OPEN, "lost") for dispute in world.store.newest("dispute", charge=charge["id"]))


def fail(world: World, record: Record, reason: str) -> Record:
    """Days later the bank could not pass the money on: it returns to the balance, the charge counts as not refunded."""
    charge = get_record(world, "charge", record["charge"], "charge")
    returned = {**record, "balance_transaction": new_id("balance_transaction")}
    world.save(balance_entry(world, returned, "refund_failure", record["amount"]))
    record.update(status="failed", failure_reason=reason, failure_balance_transaction=returned["balance_transaction"])
    world.save(record, "refund.updated")
    world.announce("charge.refund.updated", record, {"status": "succeeded"})
    world.announce("refund.failed", record)
    charge["amount_refunded"] -= record["amount"]
    charge["refunded"] = False
    world.save(charge, "charge.updated")
    return record


def included_refunds(world: World, charge: Record) -> Record:
    """``expand[]=refunds``."""
    found = list(world.store.newest("refund", charge=charge["id"]))
    return listing(found[:10], f"/v1/charges/{charge['id']}/refunds", len(found) > 10)
