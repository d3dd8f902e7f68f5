"""The repair of a payment: mirror it again with what came back of it, and let the hold and the right follow."""

from __future__ import annotations

from sqlalchemy.orm import Session

from portal.db import SYSTEM, scoped
from portal.kit.money import Money
from portal.payments.rules import hold_of
from portal.payments.syncing import Also, Syncing, sync_payment
from portal.ports.billing import InvoiceSnapshot, PaymentSnapshot
from portal.reconciliation import other_facts, paid_facts
from portal.reconciliation.errors import ChangedMeanwhile, NotPossible
from portal.reconciliation.looking import Asking
from portal.reconciliation.paying import OurPayment, Standing, paid_of
from portal.reconciliation.plans import Plan, State
from portal.reconciliation.reading import ask_one
from portal.subscriptions.queries import find_by_stripe_id


def plan_payment(key: str, asking: Asking, syncing: Syncing, _force: bool) -> Plan:
    """Return the plan of making our rows say what the provider says of a payment."""
    theirs, invoice = _read(key, asking)
    with scoped(SYSTEM):
        ours, _named = paid_facts.list_payments([key]).get(key, (None, None))
        whose = other_facts.list_customers([theirs.customer_id]).get(theirs.customer_id) if theirs.customer_id else None
        standing = _standing(key, invoice, whose[0].account_id if whose else None)
    if whose is None or (ours is not None and ours.account_id != whose[0].account_id):
        raise NotPossible("unknown_customer")
    after = _told(theirs, standing)
    before: State = dict.fromkeys(after) if ours is None else _held(ours, standing)
    if standing is not None:
        before["hold"] = standing.hold
    if before == after:
        raise NotPossible("agrees_already")

    def check(session: Session, also: Also) -> None:
        _expect(key, after)
        also(session)

    def act(also: Also) -> None:
        sync_payment(key, syncing, lambda session: check(session, also))

    inputs = {"ours": repr(ours), "theirs": repr(theirs), "invoice": repr(invoice), "standing": repr(standing)}
    return Plan(before, after, inputs, act, whose[0].account_id)


def _read(key: str, asking: Asking) -> tuple[PaymentSnapshot, InvoiceSnapshot | None]:
    answer = ask_one(key, asking.payments.fetch_payment)
    if answer.value is None:
        raise NotPossible("gone_there" if answer.is_known else "provider_unreachable")
    if answer.value.invoice_id is None:
        return answer.value, None
    billed = ask_one(answer.value.invoice_id, asking.payments.fetch_invoice)
    if billed.value is None:
        raise NotPossible("gone_there" if billed.is_known else "provider_unreachable")
    return answer.value, billed.value


def _standing(key: str, invoice: InvoiceSnapshot | None, account_id: int | None) -> Standing | None:
    """Return what the hold rests on once the payment is mirrored; None when it pays no current period that we hold."""
    held = find_by_stripe_id(invoice.subscription_id) if invoice and invoice.subscription_id else None
    if invoice is None or held is None or held.account_id != account_id:
        return None
    return paid_facts.find_standing(held.id, invoice.created_at, but=key)


def _told(theirs: PaymentSnapshot, standing: Standing | None) -> State:
    refunds = {one.id: one.status for one in theirs.refunds}
    disputes = {one.id: one.status for one in theirs.disputes}
    state = _state(theirs.status, theirs.amount, theirs.amount_received, theirs.amount_refunded, refunds, disputes)
    return state if standing is None else {**state, "hold": hold_of([*standing.rest, paid_of(theirs)])}


def _held(ours: OurPayment, standing: Standing | None) -> State:
    state = _state(ours.status, ours.amount, ours.received, ours.refunded, ours.refunds, ours.disputes)
    return state if standing is None else {**state, "hold": standing.hold}


def _state(
    status: str, amount: Money, received: int, refunded: int, refunds: dict[str, str], disputes: dict[str, str]
) -> State:
    return {
        "status": status,
        "amount": amount.amount,
        "currency": amount.currency,
        "received": received,
        "refunded": refunded,
        "refund": _states(refunds),
        "dispute": _states(disputes),
    }


def _states(by_id: dict[str, str]) -> str | None:
    return ", ".join(by_id[one] for one in sorted(by_id)) or None


def _expect(key: str, after: State) -> None:
    """Refuse what has turned out otherwise than the preview said. Runs inside the unit of work that would keep it."""
    ours, _named = paid_facts.list_payments([key]).get(key, (None, None))
    now = _held(ours, ours.standing) if ours else {}
    if any(now.get(name) != value for name, value in after.items()):
        raise ChangedMeanwhile(f"payment:{key}")
