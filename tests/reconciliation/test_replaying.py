"""A delivery that was given up is worked again from the list of disagreements, with its trace, and never by accident."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.db import SYSTEM, scoped
from portal.reconciliation import repairing
from portal.reconciliation.errors import ChangedMeanwhile, NotPossible, UnknownRecord
from portal.webhooks.leases import claim
from portal.webhooks.models import WebhookEvent
from tests.payments.conftest import Shop, held
from tests.reconciliation.conftest import Recon, order
from tests.stripe_world import StripeWorld, hidden_fields

AsOwner = Callable[..., None]
_DELIVERY = (
    "INSERT INTO webhook_events (provider, endpoint, external_id, type, object_type, object_id, livemode,"
    " event_created_at, received_at, raw, raw_sha256, state, attempts, next_attempt_at) VALUES ('stripe', '/', 'evt_1',"
    " 'customer.subscription.deleted', 'subscription', %s, false, now(), now() - interval '2 hours', '', '', %s, 12,"
    " now() + interval '1 hour') RETURNING id"
)


@pytest.fixture
def given_up(bought: int, shop: Shop, stripe_world: StripeWorld, as_owner: AsOwner) -> str:
    """A cancellation that was delivered and given up, as its subject."""
    stripe_id = held(shop).stripe_subscription_id
    stripe_world.api("DELETE", f"subscriptions/{stripe_id}")
    as_owner(_DELIVERY, stripe_id, "dead")
    return f"event:{delivery().id}"


def delivery() -> WebhookEvent:
    with scoped(SYSTEM) as session:
        return session.scalars(select(WebhookEvent)).one()


def test_replaying_works_it_at_once_and_leaves_its_trace(given_up: str, recon: Recon, shop: Shop) -> None:
    recon.run()
    (dead,) = (one for one in recon.open() if one.reason_code == "EVENT_DEAD")
    assert dead.repairs == ["replay_event"]
    wanted = order(given_up, "replay_event", mismatch_id=dead.id)
    shown = repairing.preview(wanted, recon.asking, recon.syncing)
    assert (shown.before["state"], shown.after["state"]) == ("dead", "pending")
    assert delivery().state == "dead", "looking changes nothing"
    done = repairing.apply(wanted, shown.source_hash, recon.asking, recon.syncing)
    assert (done.outcome, delivery().state, held(shop).status) == ("agrees", "done", "canceled")
    assert "EVENT_DEAD" not in recon.codes()
    assert [one.step for one in recon.actions()] == ["applied", "verified"]
    with scoped(SYSTEM) as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.subject == given_up)).one()
    assert (entry.action, entry.reason) == ("reconciliation.replay_event", "ticket 12")


def test_one_that_waits_begins_anew_unless_a_worker_has_it(given_up: str, recon: Recon, as_owner: AsOwner) -> None:
    as_owner("UPDATE webhook_events SET state = 'retry', next_attempt_at = now()")
    (taken,) = claim(1)
    wanted = order(given_up, "replay_event")
    shown = repairing.preview(wanted, recon.asking, recon.syncing)
    with pytest.raises(NotPossible) as refused:
        repairing.apply(wanted, shown.source_hash, recon.asking, recon.syncing)
    assert refused.value.why == "being_worked"
    assert (delivery().lease_token, recon.actions()) == (taken.lease_token, [])
    as_owner("UPDATE webhook_events SET lease_until = NULL, next_attempt_at = now() + interval '1 hour'")
    shown = repairing.preview(wanted, recon.asking, recon.syncing)
    assert repairing.apply(wanted, shown.source_hash, recon.asking, recon.syncing).outcome == "agrees"


def test_one_that_fails_again_differs_again_and_can_be_replayed_again(
    given_up: str, recon: Recon, stripe_world: StripeWorld
) -> None:
    stripe_world.control("faults", api=[{"kind": "error", "status": 500, "path": "/v1/subscriptions", "count": 1000}])
    wanted = order(given_up, "replay_event")
    shown = repairing.preview(wanted, recon.asking, recon.syncing)
    assert repairing.apply(wanted, shown.source_hash, recon.asking, recon.syncing).outcome == "differs"
    stripe_world.control("faults", method="DELETE")
    assert delivery().state == "retry"
    shown = repairing.preview(wanted, recon.asking, recon.syncing)
    again = repairing.apply(wanted, shown.source_hash, recon.asking, recon.syncing)
    assert (again.outcome, again.is_repeated) == ("agrees", False)


def test_what_was_worked_meanwhile_is_not_worked_again(given_up: str, recon: Recon, as_owner: AsOwner) -> None:
    wanted = order(given_up, "replay_event")
    shown = repairing.preview(wanted, recon.asking, recon.syncing)
    as_owner("UPDATE webhook_events SET last_error = 'another'")
    with pytest.raises(ChangedMeanwhile):
        repairing.apply(wanted, shown.source_hash, recon.asking, recon.syncing)
    as_owner("UPDATE webhook_events SET state = 'done', done_at = now()")
    with pytest.raises(NotPossible) as refused:
        repairing.preview(wanted, recon.asking, recon.syncing)
    assert refused.value.why == "worked_already"
    for nobody in ("event:999", "event:x"):
        with pytest.raises(UnknownRecord):
            repairing.preview(order(nobody, "replay_event"), recon.asking, recon.syncing)


def test_olive_replays_it_on_the_page(given_up: str, recon: Recon, olive: FlaskClient) -> None:
    recon.run()
    (dead,) = (one for one in recon.open() if one.reason_code == "EVENT_DEAD")
    address = f"/admin/billing/mismatches/{dead.id}"
    shown = olive.get(f"{address}?repair=replay_event").text
    assert "Replay" in shown
    assert "Given up" in shown
    done = olive.post(f"{address}/repair", data={**hidden_fields(shown), "reason": "fixed it"}, follow_redirects=True)
    assert "everything agrees" in done.text
    assert "fixed it" in olive.get(f"/admin/webhooks/{delivery().id}").text
