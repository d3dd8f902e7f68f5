"""A blocked API is told to its provider and to whoever subscribes, once per block; and that it is back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from jobs import drain
from portal.catalog import operating
from portal.catalog.models import Api
from portal.db import SYSTEM, scoped, transaction
from portal.identity.models import Membership, User
from portal.kit.clock import ManualClock
from portal.outbox.models import OutboxMessage
from portal.subscriptions import telling
from portal.subscriptions.models import Subscription
from tests.factories import make_account, make_api, make_organisation, make_plan, make_subscription, make_user
from tests.mailbox import mails_to, subjects_to

REASON = "It sends back other people's keys (ticket 417)"


@dataclass
class Town:
    """Rates of Kestrel, and Harbour that pays for it."""

    rates: Api
    ada: User
    pat: User
    cleo: User
    dan: User
    vera: User
    held: Subscription


@pytest.fixture
def town(app: Flask, clock: ManualClock) -> Town:
    provider, harbour = make_organisation("Kestrel"), make_organisation("Harbour")
    rates = make_api(provider, "Rates")
    paid = make_plan(rates, "pro", amount=2_900)
    held = make_subscription(make_account(harbour), *paid, clock.now(), stripe_subscription_id="sub_1")
    return Town(
        rates,
        make_user("Ada", organisation=provider),
        make_user("Pat", organisation=provider, role="developer"),
        make_user("Cleo", organisation=harbour, role="billing", time_zone="Europe/Berlin"),
        make_user("Dan", organisation=harbour, role="developer", locale="de"),
        make_user("Vera", organisation=harbour, role="viewer"),
        held,
    )


def block(town: Town, clock: ManualClock) -> None:
    with transaction(SYSTEM):
        operating.block(town.rates.id, reason=REASON, actor="user:1", now=clock.now())


def release(town: Town, clock: ManualClock) -> None:
    with transaction(SYSTEM):
        operating.release(town.rates.id, reason="Mended", actor="user:1", now=clock.now())


def change(town: Town, **values: object) -> None:
    with transaction(SYSTEM) as session:
        session.execute(update(Subscription).where(Subscription.id == town.held.id).values(**values))


def test_the_provider_reads_the_reason_and_what_to_do(town: Town, clock: ManualClock) -> None:
    block(town, clock)
    [mail] = mails_to(town.ada.email)
    assert mail.subject == "The marketplace has blocked Rates"
    assert REASON in mail.text
    assert "Put right what the reason names" in mail.text
    assert f"/provider/apis/{town.rates.id}" in mail.text
    assert mails_to(town.pat.email) == [], "who does not manage the provider is not written to"
    release(town, clock)
    assert subjects_to(town.ada.email)[1:] == ["Rates is back in the market"]
    assert "Mended" in mails_to(town.ada.email)[0].text


def test_whoever_pays_or_calls_is_told_what_it_means_for_them(town: Town, clock: ManualClock) -> None:
    block(town, clock)
    [mail] = mails_to(town.cleo.email)
    assert mail.subject == "Calls to Rates are refused"
    assert "Since 10 March 2026, 10:00 (Europe/Berlin) every call is refused" in mail.text
    assert "Nothing was done to your keys" in mail.text
    assert "€29.00 on 10 April 2026 unless it is cancelled before" in mail.text
    assert f"/subscriptions/{town.held.id}" in mail.text
    assert REASON not in mail.text, "the reason is the provider's to read"
    [german] = mails_to(town.dan.email)
    assert "Rates" in german.subject
    assert german.text.startswith("Guten Tag")
    assert mails_to(town.vera.email) == []


def test_it_is_told_once_per_block_and_again_when_it_is_back(town: Town, clock: ManualClock) -> None:
    block(town, clock)
    block(town, clock)
    drain.outbox()
    drain.outbox()
    assert len(mails_to(town.cleo.email)) == 1
    clock.advance(timedelta(days=2))
    release(town, clock)
    assert subjects_to(town.cleo.email) == ["Calls to Rates are refused", "Rates is back"]
    assert "Since 12 March 2026, 10:00 (Europe/Berlin) calls pass again" in mails_to(town.cleo.email)[0].text
    clock.advance(timedelta(days=1))
    block(town, clock)
    assert len(mails_to(town.cleo.email)) == 3, "another block is another cause"


def test_what_is_over_before_anybody_was_told_is_not_told(town: Town, clock: ManualClock) -> None:
    block(town, clock)
    release(town, clock)
    for person in (town.cleo, town.dan, town.ada):
        assert "refused" not in " ".join(subjects_to(person.email))
    assert mails_to(town.cleo.email) == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"stripe_subscription_id": None}, "It is free, so it costs nothing to wait."),
        ({"cancel_at_period_end": True}, "It was cancelled and ends on 10 April 2026. Nothing more is charged."),
    ],
)
def test_the_letter_says_what_this_subscription_costs(
    town: Town, clock: ManualClock, values: dict[str, object], said: str
) -> None:
    change(town, **values)
    block(town, clock)
    assert said in mails_to(town.cleo.email)[0].text
    assert "so does its price" not in mails_to(town.cleo.email)[0].text
    release(town, clock)
    cancelled = "Until then it can be kept" in mails_to(town.cleo.email)[0].text
    assert cancelled == ("cancel_at_period_end" in values)


def test_who_has_ended_it_or_left_is_not_told(town: Town, clock: ManualClock) -> None:
    block(town, clock)
    with transaction(SYSTEM) as session:
        assert telling.tell_holders(_door(session)) == 2
        session.execute(update(Membership).where(Membership.user_id == town.dan.id).values(role="viewer"))
    assert (len(mails_to(town.cleo.email)), len(mails_to(town.dan.email))) == (1, 0)
    change(town, status="canceled", ended_at=clock.now())
    release(town, clock)
    assert len(mails_to(town.cleo.email)) == 1


def test_many_subscribers_are_told_page_by_page_and_the_act_writes_two_rows(town: Town, clock: ManualClock) -> None:
    plan = make_plan(town.rates, "free", amount=0)
    people = []
    for number in range(7):
        organisation = make_organisation(f"Town {number}")
        people.append(make_user(f"Person{number}", organisation=organisation))
        make_subscription(make_account(organisation), *plan, clock.now())
    block(town, clock)
    with scoped(SYSTEM) as session:
        kinds = session.scalars(select(OutboxMessage.topic).where(OutboxMessage.topic.in_(("mail", "api.door")))).all()
        assert sorted(kinds) == ["api.door", "mail"], "one to the provider's only manager, one word to the worker"
    with transaction(SYSTEM) as session:
        facts = _door(session)
        assert telling.tell_holders(facts, page=3) == 4, "Harbour's two, and two more"
        assert telling.tell_holders(facts, page=3) == 0, "the same page again says nothing new"
        pages = select(func.count()).select_from(OutboxMessage).where(OutboxMessage.topic == "api.door")
        assert session.scalar(pages) == 2
    for person in people:
        assert len(mails_to(person.email)) == 1


def _door(session: object) -> dict[str, str]:
    found = session.scalars(  # type: ignore[attr-defined]
        select(OutboxMessage.payload).where(OutboxMessage.topic == "api.door").order_by(OutboxMessage.id)
    ).first()
    return dict(found)
