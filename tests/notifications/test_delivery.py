"""Mails are delivered after their cause, once as far as that can be, and tried again while nobody takes them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from jobs import drain, recurring
from portal.adapters.smtp_mail import SmtpMail
from portal.app import create_app
from portal.db import SYSTEM, scoped, transaction
from portal.identity.models import Invitation, Organisation, User
from portal.kit.clock import ManualClock
from portal.notifications.models import KeptMail
from portal.notifications.queries import list_kept
from portal.notifications.service import LETTERS, deliver
from portal.outbox.models import OutboxMessage
from portal.outbox.service import Pending, announce_mail
from portal.payments.models import StripeInvoice
from portal.ports.mail import Letter, MailRefused, MailUnavailable
from portal.projects.models import Account
from portal.settings import Settings, unsafe_settings
from portal.web.plugs import Plugs
from portal.wiring import plug
from tests.factories import make_account, make_api, make_organisation, make_plan, make_subscription, make_user
from tests.mailbox import mails_to, token_to

MIRA = {
    "name": "Mira Berg",
    "email": "mira@example.com",
    "password": "heron tunnel marmalade",
    "organisation_name": "Berg",
}


@dataclass
class Postbox:
    """A way to send mail that fails as it is told, and keeps what it was handed."""

    failures: list[Exception] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)

    def send(self, letter: Letter) -> None:
        self.letters.append(letter)
        if self.failures:
            raise self.failures.pop(0)


@pytest.fixture
def postbox(app: Flask) -> Postbox:
    box = Postbox()
    plugged: Plugs = app.extensions["portal"]
    app.extensions["portal"] = replace(plugged, mail=box)
    return box


def waiting() -> list[OutboxMessage]:
    with scoped(SYSTEM) as session:
        return list(session.scalars(select(OutboxMessage).where(OutboxMessage.state == "waiting")))


def is_due_again() -> None:
    with transaction(SYSTEM) as session:
        session.execute(update(OutboxMessage).values(run_at=OutboxMessage.created_at))


def test_it_is_tried_again_with_the_same_letter_until_somebody_takes_it(client: FlaskClient, postbox: Postbox) -> None:
    postbox.failures = [MailUnavailable("nobody answers")] * 3
    client.post("/signup", data=MIRA)
    for _ in range(4):
        drain.outbox()
        is_due_again()
    assert len(postbox.letters) == 4
    assert len({(letter.key, letter.text) for letter in postbox.letters}) == 1  # also the same link
    assert waiting() == []


def test_a_mailbox_that_does_not_exist_is_not_tried_again(client: FlaskClient, postbox: Postbox) -> None:
    postbox.failures = [MailRefused("550")]
    client.post("/signup", data=MIRA)
    drain.outbox()
    assert waiting() == []


def test_a_mail_whose_link_has_ended_while_it_waited_is_not_sent(
    client: FlaskClient, postbox: Postbox, clock: ManualClock
) -> None:
    postbox.failures = [MailUnavailable("away")]
    client.post("/signup", data=MIRA)
    drain.outbox()
    clock.advance(timedelta(hours=49))
    is_due_again()
    drain.outbox()
    assert len(postbox.letters) == 1
    assert waiting() == []


def test_a_crash_between_handing_over_and_writing_it_down_sends_the_same_letter(
    app: Flask, client: FlaskClient, postbox: Postbox, clock: ManualClock
) -> None:
    client.post("/signup", data=MIRA)
    facts = waiting()[0].payload
    for _ in range(2):
        deliver(facts, postbox, settings=app.config["SETTINGS"], clock=clock)
    assert postbox.letters[0] == postbox.letters[1]


def test_nothing_is_sent_when_its_cause_was_rolled_back(app: Flask, postbox: Postbox) -> None:
    person = make_user("Mira", email_confirmed_at=None)

    def fail() -> None:
        with transaction(SYSTEM):
            announce_mail("identity.confirm", "x", user_id=person.id)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    drain.outbox()
    assert postbox.letters == []


def test_no_letter_needs_a_person_who_is_gone(app: Flask, clock: ManualClock, postbox: Postbox) -> None:
    facts = {
        "user_id": 999,
        "invitation_id": 999,
        "organisation_id": 999,
        "email": "x@example.com",
        "before": "y@example.com",
        "subscription_id": 999,
        "invoice_id": 999,
        "step": 0,
        "api_id": 999,
        "change": "blocked",
        "since": "2026-03-10T10:00:00+00:00",
        "at": "2026-03-10T10:00:00+00:00",
        "reason": "Leaks keys",
    }
    for kind in LETTERS:
        told = deliver({"kind": kind, "cause": kind, **facts}, postbox, settings=app.config["SETTINGS"], clock=clock)
        assert told is False, kind


def test_nobody_answering_is_pending_so_it_is_never_given_up(
    app: Flask, client: FlaskClient, postbox: Postbox, clock: ManualClock
) -> None:
    postbox.failures = [MailUnavailable("away")]
    client.post("/signup", data=MIRA)
    with pytest.raises(Pending):
        deliver(waiting()[0].payload, postbox, settings=app.config["SETTINGS"], clock=clock)


class TestWords:
    def everything(self, app: Flask, clock: ManualClock, postbox: Postbox, locale: str) -> list[Letter]:
        """Every letter there is, to somebody who reads `locale`."""
        organisation = make_organisation("Harbour <& Söhne>")
        known = make_user("Cleo", organisation=organisation, locale=locale, time_zone="Europe/Berlin")
        fresh = make_user("Mira", email_confirmed_at=None, locale=locale, time_zone="Asia/Kolkata")
        twin = make_user("Twin", email=known.email.upper(), email_confirmed_at=None)
        with transaction(SYSTEM) as session:
            asked = Invitation(
                organisation_id=organisation.id, email="ben@example.com", role="viewer", locale=locale,
                created_at=clock.now(), expires_at=clock.now() + timedelta(days=7),
            )  # fmt: skip
            session.add(asked)
        of = {"user_id": known.id, "organisation_id": organisation.id, "before": "old@example.com"}
        wishes = [
            ("identity.confirm", {"user_id": fresh.id}),
            ("identity.confirm", {"user_id": twin.id}),
            ("identity.reset", {"email": known.email}),
            ("identity.address", {"user_id": known.id, "email": "new@example.com"}),
            ("identity.invitation", {"invitation_id": asked.id}),
            *((kind, of) for kind in LETTERS if kind not in ("identity.confirm", "identity.reset", "identity.address")
              and kind != "identity.invitation" and not kind.startswith(("billing.", "api.", "subscription."))),
            *((kind, {"user_id": known.id, **more}) for kind, more in self.money(organisation, clock)),
            *((kind, {"user_id": known.id, **more}) for kind, more in self.doors(organisation, clock)),
        ]  # fmt: skip
        for number, (kind, facts) in enumerate(wishes):
            assert deliver(
                {"kind": kind, "cause": str(number), **facts}, postbox, settings=app.config["SETTINGS"], clock=clock
            ), kind
        return postbox.letters

    def money(self, organisation: Organisation, clock: ManualClock) -> list[tuple[str, dict[str, int]]]:
        """What every letter about money is about: four subscriptions and two invoices, each in the state it needs."""
        now, account = clock.now(), make_account(organisation)
        states: dict[str, dict[str, Any]] = {
            "billing.overdue": {"status": "past_due", "grace_until": now + timedelta(days=4)},
            "billing.recovered": {"status": "active"},
            "billing.trial-ending": {"status": "trialing", "trial_end": now + timedelta(days=3)},
            "billing.ended": {"status": "canceled", "stripe_subscription_id": "sub_ended"},
        }
        found = []
        for number, (kind, state) in enumerate(states.items()):
            api = make_api(organisation, f"Rates {number}")
            held = make_subscription(account, *make_plan(api), now, **state)
            with transaction(SYSTEM) as session:
                invoice = StripeInvoice(
                    account_id=account.id, subscription_id=held.id, stripe_invoice_id=f"in_{number}", currency="eur",
                    status="open" if kind == "billing.overdue" else "paid", total=2900, amount_due=2900,
                    amount_paid=0 if kind == "billing.overdue" else 2900, period_start=now,
                    period_end=now + timedelta(days=30), invoiced_at=now, source_fetched_at=now,
                )  # fmt: skip
                session.add(invoice)
            found.append((kind, {"subscription_id": held.id, "invoice_id": invoice.id, "step": 3}))
        return found

    def doors(self, organisation: Organisation, clock: ManualClock) -> list[tuple[str, dict[str, Any]]]:
        """What the letters about a shut API are about: one that is shut and one that is open again, both subscribed to."""
        now, found = clock.now(), list[tuple[str, dict[str, Any]]]()
        with scoped(SYSTEM) as session:
            account = session.scalars(select(Account).where(Account.organisation_id == organisation.id)).one()
        for change, state in (("blocked", "blocked"), ("released", "published")):
            shut = {"blocked_at": now, "blocked_reason": "Leaks keys", "blocked_from": "published"}
            api = make_api(organisation, f"Tides {change}", state=state, **(shut if state == "blocked" else {}))
            held = make_subscription(account, *make_plan(api), now, stripe_subscription_id=f"sub_{change}")
            facts = {"change": change, "api_id": api.id, "since": now.isoformat(), "at": now.isoformat()}
            found += [
                (f"api.{change}", {**facts, "reason": "Leaks keys"}),
                (f"subscription.api-{change}", {**facts, "subscription_id": held.id}),
            ]
        return found

    @pytest.mark.parametrize("locale", ["en", "de"])
    def test_every_letter_is_written_in_the_reader_s_language(
        self, app: Flask, clock: ManualClock, postbox: Postbox, locale: str
    ) -> None:
        letters = self.everything(app, clock, postbox, locale)
        greeting = {"en": "Hello", "de": "Guten Tag"}[locale]
        for letter in letters:
            assert letter.language == locale
            assert letter.text.startswith(greeting), letter.subject
            assert f'<html lang="{locale}">' in letter.html
            assert 5 < len(letter.subject) <= 70, letter.subject
            assert "!" not in letter.text
            assert "%(" not in letter.text + letter.subject

    def test_both_forms_say_the_same_and_names_are_only_names(
        self, app: Flask, clock: ManualClock, postbox: Postbox
    ) -> None:
        for letter in self.everything(app, clock, postbox, "en"):
            assert "<& Söhne>" not in letter.html
            for address in re.findall(r"https?://\S+", letter.text):
                assert address.rstrip(".").replace("&", "&amp;") in letter.html
        asked = next(letter for letter in postbox.letters if letter.to == "ben@example.com")
        assert "Harbour <& Söhne>" in asked.text
        assert "Harbour &lt;&amp; Söhne&gt;" in asked.html

    def test_times_are_in_the_reader_s_zone(self, app: Flask, clock: ManualClock, postbox: Postbox) -> None:
        letters = self.everything(app, clock, postbox, "en")
        assert "until 12 March 2026, 14:30 (Asia/Kolkata)" in letters[0].text
        assert "until 10 March 2026, 11:00 (Europe/Berlin)" in letters[2].text


class TestThePage:
    def test_it_shows_every_mail_with_its_links_to_press(self, client: FlaskClient) -> None:
        client.post("/signup", data=MIRA)
        token = token_to("mira@example.com")
        page = client.get("/mail").text
        assert "Confirm your address" in page
        assert f'href="http://127.0.0.1:8000/confirm?token={token}"' in page
        assert "Confirm your address" not in client.get("/mail?to=somebody-else").text.split("<main")[1]

    def test_one_mail_is_shown_as_it_is_and_may_run_nothing(self, client: FlaskClient) -> None:
        client.post("/signup", data=MIRA | {"name": "<script>alert(1)</script>"})
        number = mails_to("mira@example.com")[0].id
        answer = client.get(f"/mail/{number}")
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "<script>" not in answer.text
        assert client.get("/mail/999999").status_code == 404

    @pytest.mark.parametrize("text", ["%", "\x00", "' OR 1=1 --", "x" * 9000, "_"])
    def test_no_search_is_a_failure(self, client: FlaskClient, text: str) -> None:
        client.post("/signup", data=MIRA)
        drain.outbox()
        page = client.get("/mail", query_string={"to": text})
        assert page.status_code == 200
        assert ("mira@example.com ·" in page.text) == (text == "\x00")

    def test_a_month_later_they_are_gone(self, client: FlaskClient) -> None:
        client.post("/signup", data=MIRA)
        assert len(mails_to("mira@example.com")) == 1
        with transaction(SYSTEM) as session:
            session.execute(update(KeptMail).values(kept_at=KeptMail.kept_at - timedelta(days=400)))
        recurring.forget_old_sessions()
        with scoped(SYSTEM):
            assert list_kept() == []


def test_somebody_who_confirmed_before_the_mail_was_written_gets_none(client: FlaskClient, clock: ManualClock) -> None:
    client.post("/signup", data=MIRA)
    with transaction(SYSTEM) as session:
        session.execute(update(User).values(email_confirmed_at=clock.now()))
    assert mails_to("mira@example.com") == []


class TestWhereMailsGo:
    PRODUCTION = {
        "environment": "production",
        "secret_key": "0f8c1d2e3b4a59687786f5e4d3c2b1a0-web",
        "key_pepper": "9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d-key",
        "public_url": "https://market.example.org",
        "enable_billing": False,
        "password_memory_kib": 19_456,
        "password_passes": 2,
        "gateway_allow_private_upstreams": False,
        "internal_admin_api_key": "",
        "gateway_log_token": "",
        "metrics_token": "",
        "mail_url": "smtps://mercato:s%40fe@mail.example.org",
        "mail_from": "no-reply@market.example.org",
    }

    def production(self, settings: Settings, **change: Any) -> Settings:
        return Settings(_env_file=None, **{**settings.model_dump(), **self.PRODUCTION, **change})

    def test_in_production_nobody_reads_them_here(self, settings: Settings) -> None:
        chosen = self.production(settings)
        assert unsafe_settings(chosen) == []
        app = create_app(chosen, plug(chosen))
        assert isinstance(app.extensions["portal"].mail, SmtpMail)
        for path in ("/mail", "/mail/1"):
            assert app.test_client().get(path, base_url="https://market.example.org").status_code == 404

    @pytest.mark.parametrize(
        "change",
        [{"mail_url": ""}, {"mail_url": "mail.example.org"}, {"mail_from": "Mercato"}, {"sealing_keys": "too short"}],
    )
    def test_production_does_not_start_without_them(self, settings: Settings, change: dict[str, str]) -> None:
        faults = unsafe_settings(self.production(settings, **change))
        assert len(faults) == 1
        assert faults[0].startswith(next(iter(change)).upper()) or "MAIL_FROM" in faults[0]

    def test_a_new_sealing_key_goes_in_front_and_the_others_still_open(self, settings: Settings) -> None:
        chosen = self.production(settings, sealing_keys=" new-key-0123456789abcdef0123456789 , old-key ")
        assert chosen.sealers == ("new-key-0123456789abcdef0123456789", "old-key", chosen.secret_key)
