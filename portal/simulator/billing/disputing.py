"""Disputes: a card's owner asks the bank for the money back, and the bank takes it until it has decided."""

from typing import Literal

from portal.simulator.billing.payment_records import balance_entry
from portal.simulator.identifiers import new_id
from portal.simulator.records import Record
from portal.simulator.world import World, clock_of

Verdict = Literal["won", "lost"]
FEE = 2000
"""What the bank's work costs, in minor units of the charge's currency, whoever is right."""
TIME_TO_ANSWER = 7 * 86_400
REASONS = {"fraudulent": "10.4", "duplicate": "12.6.1", "product_not_received": "13.1", "subscription_canceled": "13.2"}
"""Why a dispute is opened, and Visa's code for it."""
OPEN = ("needs_response", "under_review")


def open_dispute(world: World, charge: Record, reason: str = "fraudulent") -> Record:
    """The bank takes the whole charge back, for now. ``funds_withdrawn`` follows ``created``."""
    dispute = _new(world, charge, reason)
    charge["disputed"] = True
    world.save(charge)
    world.save(dispute, "charge.dispute.created")
    left = charge["amount_captured"] - charge["amount_refunded"]
    _move(world, dispute, "dispute", -left, FEE)
    world.save(dispute)
    world.announce("charge.dispute.funds_withdrawn", dispute)
    return dispute


def submit_evidence(world: World, dispute: Record, verdict: Verdict | None) -> Record:
    """The bank reads what the merchant sent; ``verdict`` is its answer, None while it thinks."""
    dispute["status"] = "under_review"
    dispute["evidence_details"].update(has_evidence=True, submission_count=1, submission_method="manual")
    world.save(dispute, "charge.dispute.updated")
    return dispute if verdict is None else close(world, dispute, verdict)


def close(world: World, dispute: Record, verdict: Verdict) -> Record:
    """The bank has decided: the money stays with the card's owner, or it comes back."""
    before = dispute["status"]
    dispute.update(status=verdict, is_charge_refundable=verdict == "won")
    if verdict == "won":
        _move(world, dispute, "dispute_reversal", dispute["amount"], 0)
    world.save(dispute)
    world.announce("charge.dispute.closed", dispute, {"status": before})
    if verdict == "won":
        world.announce("charge.dispute.funds_reinstated", dispute)
    return dispute


def _move(world: World, dispute: Record, category: str, amount: int, fee: int) -> None:
    """Write the line in Stripe's balance that a dispute makes, and show it in the dispute."""
    verb = "withdrawal" if amount < 0 else "reversal"
    source = {**dispute, "balance_transaction": new_id("balance_transaction"),
              "description": f"Chargeback {verb} for {dispute['charge']}"}  # fmt: skip
    moved = balance_entry(world, source, "adjustment", amount, fee)
    moved["reporting_category"] = category
    world.save(moved)
    dispute["balance_transactions"].append(moved)


def _new(world: World, charge: Record, reason: str) -> Record:
    now, code = world.now(clock_of(charge)), REASONS[reason]
    brand = charge["payment_method_details"]["card"]["brand"]
    return {
        "id": new_id("dispute"),
        "object": "dispute",
        "amount": charge["amount_captured"] - charge["amount_refunded"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(EVIDENCE), "customer_name": charge["billing_details"]["name"],
                     "customer_email_address": charge["billing_details"]["email"], "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": now + TIME_TO_ANSWER,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "intended_submission_method": None,
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "network_reason_code": code,
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {"brand": brand, "case_type": "chargeback", "network": brand, "network_reason_code": code},
            "type": "card",
        },
        "reason": reason,
        "status": "needs_response",
        "_private": {"test_clock": clock_of(charge)},
    }  # fmt: skip


TEXTS = ("access_activity_log", "billing_address", "cancellation_policy_disclosure", "cancellation_rebuttal",
         "customer_email_address", "customer_name", "customer_purchase_ip", "duplicate_charge_explanation",
         "duplicate_charge_id", "product_description", "refund_policy_disclosure", "refund_refusal_explanation",
         "service_date", "shipping_address", "shipping_carrier", "shipping_date", "shipping_tracking_number",
         "uncategorized_text")  # fmt: skip
"""The parts of the evidence that are plain text."""
FILES = ("cancellation_policy", "customer_communication", "customer_signature", "duplicate_charge_documentation",
         "receipt", "refund_policy", "service_documentation", "shipping_documentation",
         "uncategorized_file")  # fmt: skip
"""The parts that are uploaded files, which the simulator does not take."""
EVIDENCE = ("appeal", *TEXTS, *FILES)
