"""Money that goes back after it came: disputes, what the bank says of them, refunds that could not be passed on."""

from typing import Any

import pytest
import requests
import stripe

from tests.simulator.running import Running
from tests.simulator.shop import checkout, cleo, plan, submit, types


def charged(client: stripe.StripeClient, method: str = "pm_card_visa", amount: int = 2900) -> stripe.Charge:
    """A charge of a card, by way of an intent."""
    intent = client.v1.payment_intents.create(
        {"amount": amount, "currency": "eur", "customer": cleo(client, None).id, "payment_method": method,
         "confirm": True, "expand": ["latest_charge"]}
    )  # fmt: skip
    assert isinstance(intent.latest_charge, stripe.Charge)
    return intent.latest_charge


def the_dispute(client: stripe.StripeClient) -> stripe.Dispute:
    return client.v1.disputes.list().data[0]


def test_the_card_whose_owner_disputes_pays_first(client: stripe.StripeClient) -> None:
    session = checkout(client, line_items=[{"price": plan(client).id, "quantity": 1}])
    assert submit(session.url, "4000000000000259").status_code == 303
    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    dispute = client.v1.disputes.list({"expand": ["data.charge"]}).data[0]
    assert (dispute.reason, dispute.status, dispute.amount) == ("fraudulent", "needs_response", 2900)
    assert isinstance(dispute.charge, stripe.Charge)
    assert dispute.charge.disputed
    assert [(each.amount, each.fee, each.net) for each in dispute.balance_transactions] == [(-2900, 2000, -4900)]
    seen = types(client)
    created = seen.index("charge.dispute.created")
    assert seen.index("charge.succeeded") < created < seen.index("charge.dispute.funds_withdrawn")


@pytest.mark.parametrize("verdict", ["won", "lost"])
def test_the_bank_decides(client: stripe.StripeClient, simulator: Running, verdict: str) -> None:
    charge = charged(client)
    simulator.control(f"charges/{charge.id}/dispute", reason="product_not_received")
    dispute = the_dispute(client)
    simulator.control(f"disputes/{dispute.id}/close", verdict=verdict)
    ended = client.v1.disputes.retrieve(dispute.id)
    assert (ended.status, sum(each.amount for each in ended.balance_transactions)) == (
        verdict,
        0 if verdict == "won" else -2900,
    )
    closed = client.v1.events.list({"type": "charge.dispute.closed"}).data[0]
    assert closed.data.previous_attributes is not None
    assert closed.data.previous_attributes.status == "needs_response"
    assert ("charge.dispute.funds_reinstated" in types(client)) == (verdict == "won")


@pytest.mark.parametrize(
    ("evidence", "status"),
    [("winning_evidence", "won"), ("losing_evidence", "lost"), ("we sent it by post", "under_review")],
)
def test_evidence_goes_to_the_bank(client: stripe.StripeClient, evidence: str, status: str) -> None:
    charged(client, "pm_card_createDispute")
    answered = client.v1.disputes.update(the_dispute(client).id, {"evidence": {"uncategorized_text": evidence}})
    assert answered.status == status
    assert client.v1.disputes.retrieve(answered.id).evidence_details.has_evidence


def test_giving_in_loses_once(client: stripe.StripeClient) -> None:
    charged(client, "pm_card_createDispute")
    dispute = the_dispute(client)
    assert client.v1.disputes.close(dispute.id).status == "lost"
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        client.v1.disputes.close(dispute.id)
    assert types(client).count("charge.dispute.closed") == 1


def test_a_disputed_charge_cannot_be_refunded_until_the_dispute_is_won(
    client: stripe.StripeClient, simulator: Running
) -> None:
    charge = charged(client, "pm_card_createDispute")
    with pytest.raises(stripe.InvalidRequestError, match="charged back"):
        client.v1.refunds.create({"charge": charge.id})
    simulator.control(f"disputes/{the_dispute(client).id}/close", verdict="won")
    assert client.v1.refunds.create({"charge": charge.id}).status == "succeeded"


def test_a_refund_that_the_bank_sends_back(client: stripe.StripeClient, simulator: Running) -> None:
    charge = charged(client)
    first = client.v1.refunds.create({"charge": charge.id, "amount": 900})
    client.v1.refunds.create({"charge": charge.id})
    assert client.v1.charges.retrieve(charge.id).refunded
    simulator.control(f"refunds/{first.id}/fail", reason="lost_or_stolen_card")
    failed = client.v1.refunds.retrieve(first.id, {"expand": ["failure_balance_transaction"]})
    assert (failed.status, failed.failure_reason) == ("failed", "lost_or_stolen_card")
    assert isinstance(failed.failure_balance_transaction, stripe.BalanceTransaction)
    assert failed.failure_balance_transaction.net == 900
    after = client.v1.charges.retrieve(charge.id)
    assert (after.amount_refunded, after.refunded) == (2000, False)
    assert {"refund.updated", "charge.refund.updated", "refund.failed"} <= set(types(client))


def test_controls_say_what_they_take(client: stripe.StripeClient, simulator: Running) -> None:
    charge = charged(client, "pm_card_createDispute")
    refused: list[tuple[str, dict[str, Any], int]] = [
        (f"charges/{charge.id}/dispute", {}, 400),
        (f"disputes/{the_dispute(client).id}/close", {"verdict": ["won"]}, 400),
        (f"disputes/{the_dispute(client).id}/close", {"verdict": "undecided"}, 400),
        ("refunds/re_unknown/fail", {}, 404),
        ("charges/ch_unknown/dispute", {"reason": {}}, 404),
    ]
    for path, body, status in refused:
        assert requests.post(f"{simulator.url}/_simulator/{path}", json=body, timeout=20).status_code == status
