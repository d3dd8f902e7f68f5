"""The code after the password: setting up, signing in, codes that work once, recovery codes, switching off."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.db import SYSTEM, scoped, transaction
from portal.identity import second_factor, totp
from portal.identity.models import RecoveryCode, SecondFactor, User
from portal.identity.pages.entering import sealer
from portal.kit.clock import ManualClock
from portal.kit.sealing import Sealer
from tests.identity.conftest import PASSWORD
from tests.mailbox import subjects_to, token_to
from tests.sign_in import sign_in_as

STEP = timedelta(seconds=30)
NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)


class Phone:
    """An authenticator app: it knows the secret and the time."""

    def __init__(self, secret: str, clock: ManualClock) -> None:
        self.secret, self.clock = secret.replace(" ", ""), clock

    def code(self, ahead: int = 0) -> str:
        return pyotp.TOTP(self.secret).at(int(self.clock.now().timestamp()) + 30 * ahead)


def set_up(browser: FlaskClient, clock: ManualClock) -> tuple[Phone, list[str]]:
    """Go through the pages as a person does; returns the phone and the recovery codes."""
    browser.post("/settings/second-factor", data={"current_password": PASSWORD})
    page = browser.get("/settings/second-factor").text
    found = re.search(r"<code>([A-Z2-7 ]{39})</code>", page)
    assert found is not None
    phone = Phone(found[1], clock)
    shown = browser.post("/settings/second-factor/confirmation", data={"code": phone.code()})
    assert shown.status_code == 201
    return phone, re.findall(r"^(?:.*<code>)?([0-9A-Z]{5}-[0-9A-Z]{5})", shown.text, re.M)


@pytest.fixture
def hers(client: FlaskClient, cleo: User) -> FlaskClient:
    return sign_in_as(client, cleo)


@pytest.fixture
def kit(hers: FlaskClient, clock: ManualClock) -> tuple[Phone, list[str]]:
    """Cleo's phone and recovery codes, half an hour after she set it up."""
    made = set_up(hers, clock)
    clock.advance(timedelta(minutes=30))
    return made


def password(browser: FlaskClient, **more: str) -> str:
    answer = browser.post("/login", data={"email": "cleo@example.com", "password": PASSWORD, **more})
    assert answer.status_code == 303
    return str(answer.location)


def give(browser: FlaskClient, code: str) -> int:
    return browser.post("/login/code", data={"code": code}).status_code


class TestSettingUp:
    def test_the_page_shows_a_picture_the_key_and_ten_codes_once(self, hers: FlaskClient, clock: ManualClock) -> None:
        phone, codes = set_up(hers, clock)
        assert len(set(codes)) == 10
        page = hers.get("/settings/second-factor").text
        assert not any(code in page for code in codes)
        assert phone.secret not in page
        assert "10 recovery codes left" in page
        assert subjects_to("cleo@example.com") == ["Signing in now takes a code"]

    def test_the_picture_is_drawn_here_and_the_address_is_what_apps_read(self, hers: FlaskClient) -> None:
        hers.post("/settings/second-factor", data={"current_password": PASSWORD})
        page = hers.get("/settings/second-factor").text
        assert 'src="data:image/svg+xml' in page
        address = re.search(r'href="(otpauth://totp/[^"]+)"', page)
        assert address is not None
        assert unquote(address[1]).startswith("otpauth://totp/Mercato:Cleo@Example.com?secret=")

    def test_nothing_is_on_until_the_app_has_shown_a_code(self, app: Flask, hers: FlaskClient) -> None:
        hers.post("/settings/second-factor", data={"current_password": PASSWORD})
        assert hers.post("/settings/second-factor/confirmation", data={"code": "000000"}).status_code == 422
        assert password(app.test_client()) == "/"

    @pytest.mark.parametrize("given", ["", "wrong", "x" * 2000])
    def test_it_takes_the_password(self, hers: FlaskClient, given: str) -> None:
        assert hers.post("/settings/second-factor", data={"current_password": given}).status_code == 422
        with scoped(SYSTEM) as session:
            assert session.scalars(select(SecondFactor)).all() == []

    def test_beginning_again_makes_another_secret_and_never_replaces_one_that_is_on(
        self, hers: FlaskClient, clock: ManualClock, app: Flask
    ) -> None:
        pages = []
        for _ in range(2):
            hers.post("/settings/second-factor", data={"current_password": PASSWORD})
            pages.append(re.findall(r"secret=([A-Z2-7]+)", hers.get("/settings/second-factor").text)[0])
        assert pages[0] != pages[1]
        phone = Phone(pages[1], clock)
        hers.post("/settings/second-factor/confirmation", data={"code": phone.code()})
        hers.post("/settings/second-factor", data={"current_password": PASSWORD})
        browser = app.test_client()
        password(browser)
        assert give(browser, phone.code(1)) == 303

    def test_the_secret_is_sealed_and_the_codes_are_hashes(self, kit: tuple[Phone, list[str]]) -> None:
        phone, codes = kit
        with scoped(SYSTEM) as session:
            row = session.scalars(select(SecondFactor)).one()
            assert phone.secret.encode() not in row.sealed_secret
            hashes = session.scalars(select(RecoveryCode.code_hash)).all()
        assert len(hashes) == 10
        assert not any(code.replace("-", "").encode() in kept for code in codes for kept in hashes)


class TestSigningIn:
    def test_the_password_alone_opens_nothing(self, app: Flask, kit: tuple[Phone, list[str]]) -> None:
        browser = app.test_client()
        assert password(browser, next="/usage?range=7d") == "/login/code?next=/usage?range%3D7d"
        assert browser.get("/settings").status_code == 303
        assert browser.get("/login/code").status_code == 200

    def test_the_code_opens_and_leads_on(self, app: Flask, kit: tuple[Phone, list[str]]) -> None:
        browser = app.test_client()
        password(browser)
        answer = browser.post("/login/code", data={"code": kit[0].code(), "next": "/usage"})
        assert (answer.status_code, answer.location) == (303, "/usage")
        assert "Cleo" in browser.get("/settings").text
        elsewhere = app.test_client()
        password(elsewhere)
        assert elsewhere.post("/login/code", data={"code": kit[0].code(1), "next": "//evil.example"}).location == "/"

    @pytest.mark.parametrize("ahead", [-1, 0, 1])
    def test_a_phone_may_be_half_a_minute_off(self, app: Flask, kit: tuple[Phone, list[str]], ahead: int) -> None:
        browser = app.test_client()
        password(browser)
        assert give(browser, f" {kit[0].code(ahead)[:3]} {kit[0].code(ahead)[3:]} ") == 303

    @pytest.mark.parametrize("ahead", [-2, 2, 100])
    def test_no_more_than_that(self, app: Flask, kit: tuple[Phone, list[str]], ahead: int) -> None:
        browser = app.test_client()
        password(browser)
        assert give(browser, kit[0].code(ahead)) == 422

    def test_a_code_works_once_whoever_looked_over_her_shoulder(
        self, app: Flask, kit: tuple[Phone, list[str]], clock: ManualClock
    ) -> None:
        code, before = kit[0].code(), kit[0].code(-1)
        hers, thief = app.test_client(), app.test_client()
        password(hers)
        password(thief)
        assert give(hers, code) == 303
        assert give(thief, code) == 422
        assert give(thief, before) == 422
        clock.advance(STEP)
        assert give(thief, code) == 422

    def test_ten_wrong_codes_an_hour_and_then_not_even_the_right_one(
        self, app: Flask, kit: tuple[Phone, list[str]], clock: ManualClock
    ) -> None:
        browser = app.test_client()
        answers = []
        for number in range(12):
            password(browser)
            answers.append(give(browser, f"{number:06}"))
        assert answers == [422] * 10 + [429] * 2
        assert give(browser, kit[0].code()) == 429
        clock.advance(timedelta(hours=1, seconds=1))
        password(browser)
        assert give(browser, kit[0].code()) == 303

    def test_the_question_ends_after_ten_minutes(
        self, app: Flask, kit: tuple[Phone, list[str]], clock: ManualClock
    ) -> None:
        browser = app.test_client()
        password(browser)
        clock.advance(timedelta(minutes=10))
        answer = browser.post("/login/code", data={"code": kit[0].code()})
        assert answer.location == "/login"
        assert browser.get("/settings").status_code == 303

    def test_without_the_password_there_is_no_question(self, app: Flask, kit: tuple[Phone, list[str]]) -> None:
        browser = app.test_client()
        assert browser.get("/login/code").location == "/login"
        assert browser.post("/login/code", data={"code": kit[0].code()}).location == "/login"

    def test_a_new_password_by_mail_still_owes_the_code(self, app: Flask, kit: tuple[Phone, list[str]]) -> None:
        browser = app.test_client()
        browser.post("/forgotten", data={"email": "cleo@example.com"})
        data = {"token": token_to("cleo@example.com"), "new_password": "walnut ladder thunder"}
        assert browser.post("/reset", data=data).location == "/login/code"
        assert browser.get("/settings").status_code == 303
        assert give(browser, kit[0].code()) == 303

    @pytest.mark.parametrize(
        "code", ["", " ", "\x00", "123", "1234567", "٣٣٣٣٣٣", "x" * 100_000, "abcde-fghij", "-" * 50]
    )
    def test_what_is_no_code_is_refused_clearly(self, app: Flask, kit: tuple[Phone, list[str]], code: str) -> None:
        browser = app.test_client()
        password(browser)
        answer = browser.post("/login/code", data={"code": code})
        assert answer.status_code == 422
        assert 'id="f-code-problem"' in answer.text


class TestRecovery:
    def test_each_code_opens_once_and_she_hears_of_it(self, app: Flask, kit: tuple[Phone, list[str]]) -> None:
        typed = kit[1][0].lower().replace("-", " ")
        for expected in (303, 422):
            browser = app.test_client()
            password(browser)
            assert give(browser, typed) == expected
        assert "A recovery code was used" in subjects_to("cleo@example.com")

    def test_new_codes_end_the_old_ones(self, app: Flask, hers: FlaskClient, kit: tuple[Phone, list[str]]) -> None:
        assert hers.post("/settings/second-factor/codes", data={"current_password": "wrong"}).status_code == 422
        fresh = hers.post("/settings/second-factor/codes", data={"current_password": PASSWORD})
        assert fresh.status_code == 201
        browser = app.test_client()
        password(browser)
        assert give(browser, kit[1][0]) == 422
        assert give(browser, re.findall(r"[0-9A-Z]{5}-[0-9A-Z]{5}", fresh.text)[0]) == 303


class TestSwitchingOff:
    def test_it_takes_the_password_and_then_the_password_is_enough(
        self, app: Flask, hers: FlaskClient, kit: tuple[Phone, list[str]]
    ) -> None:
        assert hers.post("/settings/second-factor/removal", data={"current_password": "no"}).status_code == 422
        assert password(app.test_client()) == "/login/code"
        assert hers.post("/settings/second-factor/removal", data={"current_password": PASSWORD}).status_code == 303
        assert password(app.test_client()) == "/"
        assert subjects_to("cleo@example.com")[-1] == "Signing in no longer takes a code"
        with scoped(SYSTEM) as session:
            acts = session.scalars(select(AuditEntry.action)).all()
            assert session.scalars(select(RecoveryCode)).all() == []
        assert {"second-factor.on", "second-factor.off"} <= set(acts)

    def test_acts_on_what_is_off_lead_back_to_the_page(self, hers: FlaskClient) -> None:
        for act in ("codes", "removal", "confirmation"):
            answer = hers.post(f"/settings/second-factor/{act}", data={"current_password": PASSWORD, "code": "123456"})
            assert answer.location == "/settings/second-factor"

    def test_a_stranger_is_asked_to_sign_in(self, client: FlaskClient) -> None:
        assert client.get("/settings/second-factor").location == "/login?next=/settings/second-factor"


def test_a_key_that_was_replaced_still_opens_and_the_secret_is_sealed_anew(
    app: Flask, kit: tuple[Phone, list[str]], clock: ManualClock, cleo: User
) -> None:
    old = sealer()
    rotated = Sealer(("a key that is new and long enough 1234", *app.config["SETTINGS"].sealers))
    with transaction(SYSTEM):
        owed = second_factor.owe_code(cleo.id, now=clock.now())
    with transaction(SYSTEM):
        second_factor.settle(owed, kit[0].code(), now=clock.now(), sealer=rotated, pepper=b"x")
    with scoped(SYSTEM) as session:
        sealed = session.scalars(select(SecondFactor.sealed_secret)).one()
    assert old.is_outdated(sealed)
    assert rotated.open(sealed, f"second factor of user {cleo.id}").decode() == kit[0].secret


@given(st.text(max_size=60))
def test_no_text_is_a_failure(text: str) -> None:
    found = totp.matching_step("JBSWY3DPEHPK3PXP", totp.plain_code(text), NOW)
    assert found is None or abs(found - int(NOW.timestamp()) // 30) <= 1


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_the_vectors_of_rfc_6238(seconds: int, code: str) -> None:
    """Appendix B, SHA-1, the last six of its eight digits."""
    then = datetime.fromtimestamp(seconds, UTC)
    assert totp.matching_step("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", code, then) == seconds // 30


def test_the_page_that_shows_the_secret_is_sent_as_it_is_and_kept_nowhere(hers: FlaskClient) -> None:
    browser = {"Accept-Encoding": "br"}
    before = hers.get("/settings/second-factor", headers=browser)
    assert before.headers["Content-Encoding"] == "br"
    hers.post("/settings/second-factor", data={"current_password": PASSWORD})
    page = hers.get("/settings/second-factor", headers=browser)
    assert re.search(r"<code>[A-Z2-7 ]{39}</code>", page.text)
    assert "Content-Encoding" not in page.headers
    assert {"no-store", "no-transform"} <= {each.strip() for each in page.headers["Cache-Control"].split(",")}
