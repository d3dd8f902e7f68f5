"""The ten invariants of the inbox, each as a property: any order, any number of copies, loss, delay, death, company."""

# ruff: noqa: S608 - names of our own tables

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import psycopg
import pytest
import requests
from flask import Flask
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from portal.db import SYSTEM, enter_scope
from portal.kit.clock import ManualClock
from portal.ports.payments import PaymentsUnavailable
from portal.webhooks.faults import MAX_ATTEMPTS
from portal.webhooks.processing import work_due
from tests.stripe_world import StripeWorld, signature
from tests.webhooks.model import Books, expected
from tests.webhooks.world import Killed, World

ACTS = ("buy", "buy, to dispute", "try a failing card", "cancel later", "go on", "cancel now", "upgrade", "refund",
        "refund a part", "the refund fails", "win", "lose", "the card stops working")  # fmt: skip
LIVES = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 1)), min_size=2, max_size=6)
LUCK = st.integers(0, 2**32)
PHASES = (Phase.explicit, Phase.generate)  # a life is short: shrinking one takes longer than reading it


def examples(number: int) -> Any:
    shaken = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(max_examples=number, deadline=None, suppress_health_check=shaken, database=None, phases=PHASES)


@pytest.fixture
def world(app: Flask, stripe_world: StripeWorld, clock: ManualClock) -> Iterator[World]:
    address = app.config["SETTINGS"].sqlalchemy_url.replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as link:
        yield World(app, stripe_world, clock, link)
    enter_scope(SYSTEM)


def bought(world: World, *more: str) -> World:
    """A world in which the first buyer has bought, and then some."""
    world.begin()
    for what in ("buy", *more):
        world.act(what, 0)
    return world


def assert_equal_to_the_model(world: World) -> Books:
    books, wanted = world.books(), expected(world.provider(), world.customers(), world.now())
    for name in vars(wanted):
        assert getattr(books, name) == getattr(wanted, name), name
    return books


@given(life=LIVES, luck=LUCK, month=st.booleans())
@examples(5)
def test_w1_every_permutation_and_multiset_of_deliveries_ends_in_the_same_books(
    world: World, life: list[tuple[str, int]], luck: int, month: bool
) -> None:
    world.begin()
    dice = Random(luck)
    for number, (what, who) in enumerate([("buy", 0), *life]):
        world.act(what, who)
        if dice.random() < 0.5:
            world.carry(dice)
        if month and number == 1:
            world.a_month_passes()
    world.carry(dice)
    world.settle()
    note(str(world.books()))
    assert_equal_to_the_model(world)


@given(copies=st.integers(2, 4), workers=st.integers(2, 3), luck=LUCK)
@examples(2)
def test_w2_one_fact_has_one_effect_whatever_tells_it(world: World, copies: int, workers: int, luck: int) -> None:
    bought(world)
    letters = world.told() * copies
    letters += [{**told, "id": f"{told['id']}_again"} for told in world.told()]  # another event about the same fact
    Random(luck).shuffle(letters)
    for told in letters:
        world.hand_over(told)
    world.many_workers(workers)
    world.settle()
    counted = world.rows(
        "SELECT (SELECT count(*) FROM subscriptions), (SELECT count(*) FROM entitlements), (SELECT count(*) FROM payments),"
        " (SELECT count(*) FROM stripe_invoices), (SELECT count(*) FROM purchases WHERE status = 'complete'),"
        " (SELECT max(entitlement_version) FROM accounts),"
        " (SELECT count(*) FROM outbox_messages WHERE topic = 'entitlements.changed')"
    )
    assert counted == [(1, 1, 1, 1, 1, 1, 1)]
    assert_equal_to_the_model(world)


@given(life=LIVES, luck=LUCK)
@examples(2)
def test_w3_nothing_acknowledged_is_lost_and_everything_comes_to_an_end(
    world: World, life: list[tuple[str, int]], luck: int
) -> None:
    bought(world)
    for what, who in life:
        world.act(what, who)
    world.carry(Random(luck))
    world.settle()
    states = world.rows("SELECT DISTINCT state, lease_until FROM webhook_events")
    assert {(state, lease) for state, lease in states} <= {("done", None), ("ignored", None)}


@pytest.mark.parametrize("kind", ["checkout.session.completed", "invoice.paid", "charge.dispute.created"])
def test_w4_a_death_at_any_step_leaves_effect_and_done_together_or_neither(world: World, kind: str) -> None:
    world.begin()
    world.act("buy, to dispute" if "dispute" in kind else "buy", 0)
    world.act("refund", 0)
    world.hand_over(next(told for told in world.told() if told["type"] == kind))
    before, deaths = world.books(), 0
    with world.mortality():
        while True:
            world.payments.steps, world.payments.dies_at = 0, deaths + 1
            try:
                work_due(world.syncing)
            except Killed:
                deaths += 1
                world.payments.dies_at = None
                world.after_a_death()
                world.forgive_attempts()
                _together_or_neither(world, before)
            else:
                break
    assert deaths >= 12
    world.payments.dies_at = None
    assert world.rows("SELECT state FROM webhook_events") == [("done",)]
    world.settle()
    assert_equal_to_the_model(world)


def _together_or_neither(world: World, before: Books) -> None:
    """What is not done has changed nothing that it alone would change; a commit that was reached has done both."""
    world.look_around()
    ((state, told),) = world.rows("SELECT state, object_type FROM webhook_events")
    held = {"subscription": "subscriptions", "checkout.session": "purchases", "invoice": "invoices"}.get(
        told, "payments"
    )
    now = world.books()
    assert (state == "done") == (getattr(now, held) != getattr(before, held)), "W4"


@given(luck=LUCK)
@examples(3)
def test_w5_a_slow_read_never_overwrites_a_later_one_and_what_ended_stays_ended(world: World, luck: int) -> None:
    bought(world)
    world.settle()
    dice = Random(luck)
    slow = next(told for told in world.told() if told["type"] == "customer.subscription.created")
    world.hand_over({**slow, "id": "evt_slow"})

    def meanwhile() -> None:
        world.act(dice.choice(("cancel now", "cancel later", "upgrade")), 0)
        for told in world.told():
            world.hand_over(told)
        world.let_time_pass_for_others("evt_slow")
        work_due(world.syncing, limit=500)
        world.look_around()

    world.payments.meanwhile = meanwhile
    work_due(world.syncing, limit=1)
    world.look_around()
    world.settle()
    assert_equal_to_the_model(world)


@given(life=LIVES, luck=LUCK)
@examples(2)
def test_w6_no_access_without_proof_at_any_moment(world: World, life: list[tuple[str, int]], luck: int) -> None:
    bought(world)
    dice = Random(luck)
    for what, who in life:
        world.act(what, who)
        for told in dice.sample(world.told(), k=min(6, len(world.told()))):
            world.hand_over(told)
        world.work(dice)  # looks around after every few deliveries
    world.settle()
    assert set(world.books().rights) == set(expected(world.provider(), world.customers(), world.now()).rights)


@given(data=st.data())
@examples(40)
def test_w7_what_the_provider_did_not_sign_changes_nothing(world: World, data: st.DataObject) -> None:
    if not world.shops:
        bought(world)
    raw = requests.models.complexjson.dumps(world.told()[-1]).encode()
    at = world.clock.now().timestamp()
    header = signature(raw, at)
    kind = data.draw(st.sampled_from(("body", "signature", "time", "secret")))
    if kind == "body":
        place = data.draw(st.integers(0, len(raw) - 1))
        raw = raw[:place] + bytes([raw[place] ^ (1 << data.draw(st.integers(0, 7)))]) + raw[place + 1 :]
    elif kind == "signature":
        digits = data.draw(st.text("0123456789abcdef", min_size=64, max_size=64).filter(lambda it: it not in header))
        header = header[: header.index("v1=") + 3] + digits
    elif kind == "time":
        off = data.draw(st.integers(301, 10**9)) * data.draw(st.sampled_from((-1, 1)))
        header = signature(raw, max(0.0, at + off))
    else:
        header = signature(
            raw, at, data.draw(st.text(max_size=30).filter(lambda it: not it.startswith("whsec_test_0123")))
        )
    answer = world.app.test_client().post("/api/webhooks/stripe", data=raw, headers={"Stripe-Signature": header})
    assert answer.status_code == 400
    assert world.rows("SELECT count(*) FROM webhook_events") == [(0,)]


@pytest.mark.parametrize("lost", range(1, 5))
def test_w8_what_is_asked_again_after_a_lost_answer_happens_once(world: World, lost: int) -> None:
    world.begin()
    paths = ("/v1/customers", "/v1/checkout/sessions", "/v1/products", "/v1/prices")
    world.stripe.control("faults", api=[{"kind": "drop_answer", "method": "POST", "path": paths[lost - 1], "count": 4}])
    shop = world.shops[0]
    for _attempt in range(4):
        try:
            begun = world.checkout(shop)
        except PaymentsUnavailable:
            continue
        break
    again = world.checkout(shop)
    assert again.public_id == begun.public_id
    assert len(world._listed("customers")) == 1
    assert len(world._listed("checkout/sessions")) == 1
    assert len({price["lookup_key"] or price["id"] for price in world._listed("prices")}) == 2
    assert world.rows("SELECT count(*) FROM purchases") == [(1,)]


@given(luck=LUCK)
@examples(2)
def test_w9_a_poisoned_event_delays_no_other(world: World, luck: int) -> None:
    bought(world)
    letters = world.told()
    poison = {
        **letters[0],
        "id": "evt_poison",
        "type": "invoice.paid",
        "data": {"object": {"object": "invoice", "id": "in_poison"}},
    }
    letters.insert(Random(luck).randrange(len(letters)), poison)
    for told in letters:
        world.hand_over(told)
    world.payments.poisoned = "in_poison"
    work_due(world.syncing, limit=500)
    others = world.rows("SELECT DISTINCT state FROM webhook_events WHERE external_id <> 'evt_poison'")
    assert {state for (state,) in others} <= {"done", "ignored"}
    assert_equal_to_the_model(world)
    for _attempt in range(MAX_ATTEMPTS):
        world.let_time_pass()
        work_due(world.syncing, limit=500)
    poisoned = world.rows("SELECT state, attempts, outcome FROM webhook_events WHERE external_id = 'evt_poison'")
    assert poisoned == [("dead", MAX_ATTEMPTS, {"fault": "unexpected"})]


@given(life=LIVES, luck=LUCK)
@examples(2)
def test_w10_replaying_the_whole_list_writes_nothing_but_deliveries(
    world: World, life: list[tuple[str, int]], luck: int
) -> None:
    bought(world)
    for what, who in life:
        world.act(what, who)
    world.settle()
    before = _everything(world)
    letters = world.told()
    Random(luck).shuffle(letters)
    for told in letters:
        world.hand_over(told)
    assert work_due(world.syncing, limit=500) == 0
    assert _everything(world) == before
    assert world.rows("SELECT DISTINCT deliveries FROM webhook_events") == [(1,)]


_TABLES = ("subscriptions", "entitlements", "stripe_invoices", "purchases", "payments", "refunds", "disputes",
           "outbox_messages", "accounts", "audit_entries")  # fmt: skip


def _everything(world: World) -> list[Any]:
    """Every row with the transaction that wrote it, so that writing the same again shows too."""
    events = world.rows("SELECT to_jsonb(e) - 'deliveries' FROM webhook_events e ORDER BY id")
    return [events, *(world.rows(f"SELECT xmin::text, t.* FROM {name} t ORDER BY id") for name in _TABLES)]
