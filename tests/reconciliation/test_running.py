"""Runs against the real simulator, with drift made on purpose: events nobody delivered, rows changed behind our back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from portal.db import SYSTEM, scoped, transaction
from portal.kit.clock import ManualClock
from portal.payments.syncing import Syncing, sync_subscription
from portal.ports.gateway import KnownKey
from portal.reconciliation import looking, running, stages
from portal.reconciliation.models import ReconRun
from portal.subscriptions.models import Subscription
from tests.factories import make_account, make_api_key, make_organisation, make_subscription
from tests.payments.conftest import Shop, held
from tests.reconciliation.conftest import STRAY_HOUR, Recon, hear_of_money
from tests.stripe_world import StripeWorld

AsOwner = Callable[..., None]


@pytest.fixture
def calm(bought: int, shop: Shop, stripe_world: StripeWorld, syncing: Syncing) -> int:
    """A subscription about which everybody agrees."""
    hear_of_money(stripe_world, syncing)
    return bought


def test_when_everything_agrees_the_run_says_so(calm: int, recon: Recon) -> None:
    run = recon.run()
    assert (run.status, run.mismatched, run.unknown, run.healed) == ("done", 0, 0, 0)
    assert run.total == run.in_sync >= 5, "the subscription, its customer, its invoice, its payment, its price"
    assert recon.open() == []


def test_a_cancellation_that_nobody_delivered_is_found(
    calm: int, recon: Recon, stripe_world: StripeWorld, shop: Shop
) -> None:
    stripe_world.api("DELETE", f"subscriptions/{held(shop).stripe_subscription_id}")
    run = recon.run()
    (found,) = recon.open()
    assert (found.reason_code, found.cause, found.severity) == ("SUB_STATUS_DIFF", "event_lost", 2)
    assert found.differences[0] == {"field": "status", "ours": "active", "theirs": "canceled"}
    assert (found.at_risk, found.currency, found.whose) == (2900, "eur", "Tidewater Labs")
    assert (run.mismatched, run.by_code) == (1, {"SUB_STATUS_DIFF": 1})


def test_changes_at_the_provider_are_told_apart(calm: int, recon: Recon, stripe_world: StripeWorld, shop: Shop) -> None:
    stripe_id = held(shop).stripe_subscription_id
    stripe_world.api("POST", f"subscriptions/{stripe_id}", cancel_at_period_end="true")
    recon.run()
    assert recon.codes() == ["SUB_CANCEL_FLAG_DIFF"]
    item = stripe_world.api("GET", f"subscriptions/{stripe_id}")["items"]["data"][0]["id"]
    stripe_world.api(
        "POST",
        f"subscriptions/{stripe_id}",
        **{"items[0][id]": item, "items[0][quantity]": 3, "proration_behavior": "none"},
    )
    recon.run()
    assert recon.codes() == ["SUB_QTY_DIFF", "SUB_CANCEL_FLAG_DIFF"]


def test_rows_changed_behind_our_back_are_found(calm: int, recon: Recon, as_owner: AsOwner) -> None:
    as_owner("UPDATE subscriptions SET current_period_end = current_period_end + interval '1 year'")
    as_owner("UPDATE entitlements SET valid_to = valid_to + interval '2 years'")
    as_owner("UPDATE stripe_invoices SET total = 100, status = 'open'")
    recon.run()
    assert recon.codes() == ["INV_STATUS_DIFF", "INV_TOTAL_DIFF", "ENT_WINDOW_DIFF", "SUB_PERIOD_DIFF"]


def test_a_right_that_is_gone_and_one_that_should_be(calm: int, recon: Recon, as_owner: AsOwner) -> None:
    as_owner("DELETE FROM entitlements")
    recon.run()
    assert recon.codes() == ["ENT_MISSING"]


def test_what_only_the_provider_has(
    bought: int, recon: Recon, stripe_world: StripeWorld, as_owner: AsOwner, shop: Shop
) -> None:
    as_owner("DELETE FROM subscription_discounts; DELETE FROM entitlements; UPDATE purchases SET subscription_id = NULL;"
             " DELETE FROM subscriptions")  # fmt: skip
    recon.run()
    assert set(recon.codes()) == {"SUB_MISSING_LOCAL", "INV_MISSING", "PAY_UNCREDITED"}
    missing = next(one for one in recon.open() if one.reason_code == "SUB_MISSING_LOCAL")
    assert (missing.subscription_id, missing.account_id, missing.at_risk) == (None, shop.account.id, 2900)


def test_a_customer_that_is_nobody_s(calm: int, recon: Recon, stripe_world: StripeWorld, shop: Shop) -> None:
    made = stripe_world.api("POST", "customers", email="somebody@example.com", **{"metadata[account]": "999"})
    stripe_world.api("POST", "payment_methods/pm_card_visa/attach", customer=made["id"])
    method = stripe_world.api("GET", "payment_methods", customer=made["id"])["data"][0]["id"]
    price = stripe_world.api("GET", f"subscriptions/{held(shop).stripe_subscription_id}")["items"]["data"][0]["price"][
        "id"
    ]
    stripe_world.api(
        "POST", "subscriptions", customer=made["id"], default_payment_method=method, **{"items[0][price]": price}
    )
    recon.run()
    (found,) = recon.open()
    assert (found.reason_code, found.account_id) == ("CUSTOMER_UNMAPPED", None)


def test_bought_twice(calm: int, recon: Recon, stripe_world: StripeWorld, shop: Shop) -> None:
    first = stripe_world.api("GET", f"subscriptions/{held(shop).stripe_subscription_id}")
    price = first["items"]["data"][0]["price"]["id"]
    method = stripe_world.api("GET", "payment_methods", customer=first["customer"])["data"][0]["id"]
    stripe_world.api(
        "POST", "subscriptions", customer=first["customer"], default_payment_method=method, **{"items[0][price]": price}
    )
    recon.run()
    assert recon.codes() == ["INV_MISSING", "PAY_UNCREDITED", "SUB_DUPLICATE_LIVE"]


def test_prices_addresses_and_deliveries(
    calm: int, recon: Recon, stripe_world: StripeWorld, shop: Shop, as_owner: AsOwner, clock: ManualClock
) -> None:
    subscription = stripe_world.api("GET", f"subscriptions/{held(shop).stripe_subscription_id}")
    stripe_world.api("POST", f"prices/{subscription['items']['data'][0]['price']['id']}", active="false")
    stripe_world.api("POST", f"customers/{subscription['customer']}", email="elsewhere@example.com")
    as_owner(
        "UPDATE prices SET amount = 3100 WHERE stripe_price_id IS NOT NULL; UPDATE accounts SET email = 'cleo@example.com'"
    )
    as_owner(
        "INSERT INTO webhook_events (provider, endpoint, external_id, type, livemode, event_created_at, received_at, raw,"
        " raw_sha256, state, next_attempt_at) SELECT 'stripe', '/', 'evt_' || state, 'invoice.paid', false, now(),"
        " now() - interval '2 hours', '', '', state, now() FROM unnest(ARRAY['dead', 'retry']) state"
    )
    recon.run()
    assert sorted(recon.codes()) == ["EMAIL_DIFF", "EVENT_DEAD", "EVENT_STUCK", "PRICE_DRIFT", "PRICE_INACTIVE_IN_USE"]


def test_sums_that_are_not_those_of_the_log(calm: int, recon: Recon, as_owner: AsOwner, shop: Shop) -> None:
    hour = (recon.syncing.clock.now() - timedelta(days=6, hours=23)).replace(minute=0, second=0, microsecond=0)
    as_owner(STRAY_HOUR, calm, hour, shop.account.id)
    recon.run()
    (found,) = recon.open()
    assert (found.reason_code, found.repairs) == ("USAGE_ROLLUP_DIFF", ["recompute_usage"])
    assert {"field": "calls", "ours": 5, "theirs": 0} in found.differences


def test_what_was_read_a_moment_ago_is_left_for_the_next_run(
    calm: int, recon: Recon, stripe_world: StripeWorld, shop: Shop
) -> None:
    stripe_world.api("DELETE", f"subscriptions/{held(shop).stripe_subscription_id}")
    run = recon.run(age=timedelta(minutes=10))
    assert (run.skipped, recon.codes()) == (2, []), "the subscription and its payment"
    recon.run()
    assert recon.codes() == ["SUB_STATUS_DIFF"]


def test_what_has_a_delivery_on_its_way_is_left_for_the_next_run(
    calm: int, recon: Recon, stripe_world: StripeWorld, shop: Shop, as_owner: AsOwner, clock: ManualClock
) -> None:
    stripe_id = held(shop).stripe_subscription_id
    stripe_world.api("DELETE", f"subscriptions/{stripe_id}")
    as_owner("UPDATE subscriptions SET source_fetched_at = now() - interval '1 day'")
    as_owner(
        "INSERT INTO webhook_events (provider, endpoint, external_id, type, object_type, object_id, livemode,"
        " event_created_at, received_at, raw, raw_sha256, next_attempt_at) VALUES ('stripe', '/', 'evt_1',"
        " 'customer.subscription.deleted', 'subscription', %s, false, now(), %s, '', '', now())",
        stripe_id,
        clock.now() - timedelta(minutes=3),
    )
    run = recon.run(age=timedelta(minutes=10))
    assert (run.skipped, recon.codes()) == (2, []), "the subscription and its payment"
    clock.advance(timedelta(minutes=30))
    recon.run(age=timedelta(minutes=10))
    assert [(one.reason_code, one.cause) for one in recon.open()] == [
        ("SUB_STATUS_DIFF", "event_waiting"),
        ("SUB_STALE_SNAPSHOT", "event_waiting"),
    ]


def test_without_an_answer_nothing_is_called_equal(calm: int, recon: Recon, stripe_world: StripeWorld) -> None:
    stripe_world.control("faults", api=[{"kind": "error", "status": 500, "path": "/v1/subscriptions", "count": 1000}])
    run = recon.run()
    stripe_world.control("faults", method="DELETE")
    assert (run.status, run.error) == ("failed", "payments_unreachable")
    assert (run.in_sync, run.unknown, run.total) == (0, 1, 1)
    assert recon.open() == []


def test_silence_does_not_close_what_is_open(calm: int, recon: Recon, stripe_world: StripeWorld, shop: Shop) -> None:
    stripe_world.api("DELETE", f"subscriptions/{held(shop).stripe_subscription_id}")
    recon.run()
    stripe_world.control("faults", api=[{"kind": "error", "status": 503, "path": "/v1/subscriptions", "count": 1000}])
    recon.run()
    stripe_world.control("faults", method="DELETE")
    assert recon.codes() == ["SUB_STATUS_DIFF"]


def test_what_heals_between_two_looks_is_counted_as_that(
    calm: int, recon: Recon, stripe_world: StripeWorld, shop: Shop
) -> None:
    stripe_id = held(shop).stripe_subscription_id or ""
    stripe_world.api("DELETE", f"subscriptions/{stripe_id}")
    first = looking.KINDS["subscription"]([str(calm)], recon.asking)
    assert [one.code for one in first[0].mismatches] == ["SUB_STATUS_DIFF"]
    sync_subscription(stripe_id, recon.syncing)  # the delivery that was late arrives
    found = looking.settle("subscription", [str(calm)], recon.asking, first)
    assert [(one.verdict, one.mismatches) for one in found] == [("healed", ())]
    number = recon.begin()
    claimed = running._claim()
    assert claimed is not None
    with transaction(SYSTEM) as session:
        running._turn(session, claimed, stages.Page(tuple(found)), recon.syncing)
    run = recon.find(number or 0)
    assert (run.healed, run.mismatched, run.total) == (1, 0, 1)


def test_a_disagreement_keeps_its_age_and_closes_when_it_is_gone(
    calm: int, recon: Recon, stripe_world: StripeWorld, shop: Shop, clock: ManualClock
) -> None:
    stripe_id = held(shop).stripe_subscription_id
    stripe_world.api("POST", f"subscriptions/{stripe_id}", cancel_at_period_end="true")
    recon.run()
    (first,) = recon.open()
    clock.advance(timedelta(hours=5))
    recon.run()
    (second,) = recon.open()
    assert (second.id, second.first_seen_at) == (first.id, first.first_seen_at)
    assert second.last_seen_at == first.last_seen_at + timedelta(hours=5)
    stripe_world.api("POST", f"subscriptions/{stripe_id}", cancel_at_period_end="false")
    recon.run()
    assert recon.open() == []


def test_a_run_whose_worker_died_goes_on_where_it_stood(calm: int, recon: Recon, as_owner: AsOwner) -> None:
    whole = recon.run()
    number = recon.begin()
    assert recon.work()
    claimed = running._claim()
    assert claimed is not None, "a worker takes the next page and is killed"
    assert not recon.work(), "nobody else works it while the lease lasts"
    as_owner("UPDATE recon_runs SET lease_until = now() - interval '1 second' WHERE status = 'running'")
    while recon.work():
        pass
    resumed = recon.find(number or 0)
    assert (resumed.status, resumed.total, resumed.in_sync) == ("done", whole.total, whole.in_sync)


def test_a_worker_that_lost_its_lease_writes_nothing(calm: int, recon: Recon, as_owner: AsOwner) -> None:
    number = recon.begin()
    claimed = running._claim()
    assert claimed is not None
    page = running._page(claimed, recon.asking)
    as_owner("UPDATE recon_runs SET lease_token = gen_random_uuid()")
    with pytest.raises(running.LeaseLost), transaction(SYSTEM) as session:
        running._turn(session, claimed, page, recon.syncing)
    assert recon.find(number or 0).total == 0


def test_one_run_at_a_time_and_one_a_day(calm: int, recon: Recon) -> None:
    assert recon.begin(slot="2026-03-10") is not None
    assert recon.begin() is None, "one is running"
    while recon.work():
        pass
    assert recon.begin(slot="2026-03-10") is None, "the day had its run"
    assert recon.begin(slot="2026-03-11") is not None


def test_the_day_s_run_waits_for_its_hour(app: object, clock: ManualClock) -> None:
    rules = running.Rules(hour=2, days_back=7, age=timedelta(minutes=10), may_repair=True)
    midnight = clock.now().replace(hour=0, minute=30)
    for at, begins in (
        (midnight, False),
        (midnight + timedelta(hours=2), True),
        (midnight + timedelta(hours=9), False),
    ):
        with transaction(SYSTEM):
            assert (running.start_if_due(now=at, rules=rules) is not None) is begins
    with scoped(SYSTEM) as session:
        run = session.scalars(select(ReconRun)).one()
    assert (run.trigger, run.may_repair, run.slot) == ("schedule", True, midnight.date().isoformat())


def test_the_database_refuses_counters_that_do_not_add_up(app: object, recon: Recon) -> None:
    number = recon.begin()
    with pytest.raises(IntegrityError, match="recon_runs_adds_up"), transaction(SYSTEM) as session:
        session.execute(text("UPDATE recon_runs SET total = 5 WHERE id = :id"), {"id": number})


def test_many_subscriptions_are_worked_in_pages(calm: int, recon: Recon, shop: Shop, clock: ManualClock) -> None:
    for _number in range(90):
        account = make_account(make_organisation())
        make_subscription(account, *shop.free, clock.now())
    run = recon.run()
    assert run.by_code == {"ENT_MISSING": 90}
    assert run.mismatched == 90
    assert run.expected == run.total == 95, "with one customer, one invoice, one payment and one price"
    with scoped(SYSTEM) as session:
        assert session.scalar(select(func.count()).select_from(Subscription)) == 91


def test_keys_are_compared_with_a_gateway_that_keeps_a_copy(
    calm: int, recon: Recon, shop: Shop, clock: ManualClock, app: object
) -> None:
    row = held(shop)
    entitled, _text = make_api_key(row, b"pepper", clock.now() - timedelta(hours=1))
    revoked, _text = make_api_key(
        row, b"pepper", clock.now() - timedelta(hours=1), name="Old", revoked_at=clock.now() - timedelta(minutes=30)
    )

    class Remembering:
        needs_key_text = True
        holds_quotas = False

        def list_known(self, subscription_id: int | None = None) -> list[KnownKey]:
            return [KnownKey(entitled.id, is_let_in=False), KnownKey(revoked.id, is_let_in=True)]

    recon.gateway = Remembering()  # type: ignore[assignment]
    recon.run()
    found = {one.subject: one.repairs for one in recon.open()}
    assert found == {f"key:{entitled.id}": ["admit_key"], f"key:{revoked.id}": ["refuse_key"]}
