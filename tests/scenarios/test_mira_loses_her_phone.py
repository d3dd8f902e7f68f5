"""Mira signs up, confirms, protects her account, loses her phone and comes back; nobody else gets in on the way.

10 March   she signs up and is in at once; she calls an API before her address is confirmed
10 March   she confirms in the evening, and sets up sign-in in two steps
2 April    her phone is stolen: the thief knows a code he saw, and later her password; neither is enough
3 April    a recovery code lets her in, and she begins again with a new phone
20 May     she forgets her password: the mail resets it, the code is still owed
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.kit.clock import ManualClock
from tests.mailbox import link_to, subjects_to, token_to

pytestmark = pytest.mark.scenario
MIRA, PASSWORD = "mira@berg.example", "heron tunnel marmalade"


@pytest.fixture
def laptop(app: Flask) -> FlaskClient:
    return app.test_client()


def test_mira_loses_her_phone(app: Flask, laptop: FlaskClient, clock: ManualClock) -> None:
    person = {"name": "Mira Berg", "email": MIRA, "password": PASSWORD, "organisation_name": "Berg Maps"}
    assert laptop.post("/signup", data=person).location == "/"
    assert "Hello, Mira" in laptop.get("/").text
    assert laptop.get("/settings/tokens").status_code == 403

    clock.set(datetime(2026, 3, 10, 20, 30, tzinfo=UTC))
    assert MIRA in laptop.get(link_to(MIRA)).text
    assert laptop.post("/confirm", data={"token": token_to(MIRA)}).status_code == 303
    assert laptop.get("/settings/tokens").status_code == 200
    phone, codes = _set_up(laptop, clock)

    clock.set(datetime(2026, 4, 2, 18, 0, tzinfo=UTC))
    seen = _code(phone, clock)
    assert _sign_in(laptop, seen) == 303
    thief = app.test_client()
    assert _sign_in(thief, seen) == 422, "the code he saw her type has been used"
    assert _sign_in(thief, "123456") == 422
    assert thief.get("/settings").status_code == 303

    clock.set(datetime(2026, 4, 3, 9, 0, tzinfo=UTC))
    assert _sign_in(laptop, codes[3]) == 303
    assert "9 recovery codes left" in laptop.get("/settings/second-factor").text
    laptop.post("/settings/second-factor/removal", data={"current_password": PASSWORD})
    new_phone, new_codes = _set_up(laptop, clock)
    stolen = _code(phone, clock)
    assert _sign_in(thief, stolen) == 422
    assert _sign_in(thief, codes[4]) == 422, "the old codes went with the old phone"
    assert not set(codes) & set(new_codes)

    clock.set(datetime(2026, 5, 20, 8, 0, tzinfo=UTC))
    tablet = app.test_client()
    assert tablet.post("/forgotten", data={"email": "MIRA@berg.example"}).status_code == 303
    answer = tablet.post("/reset", data={"token": token_to(MIRA), "new_password": "walnut ladder thunder"})
    assert answer.location == "/login/code"
    assert tablet.post("/login/code", data={"code": _code(new_phone, clock)}).location == "/"
    assert "Mira Berg" in tablet.get("/settings").text
    assert laptop.get("/settings").status_code == 303, "a new password ends every other session"
    assert subjects_to(MIRA) == [
        "Confirm your address",
        "Signing in now takes a code",
        "A recovery code was used",
        "Signing in no longer takes a code",
        "Signing in now takes a code",
        "Choose a new password",
        "Your password was changed",
    ]


def _set_up(browser: FlaskClient, clock: ManualClock) -> tuple[str, list[str]]:
    browser.post("/settings/second-factor", data={"current_password": PASSWORD})
    secret = re.findall(r"secret=([A-Z2-7]+)", browser.get("/settings/second-factor").text)[0]
    shown = browser.post("/settings/second-factor/confirmation", data={"code": _code(secret, clock)})
    assert shown.status_code == 201
    return secret, re.findall(r"^(?:.*<code>)?([0-9A-Z]{5}-[0-9A-Z]{5})", shown.text, re.M)


def _sign_in(browser: FlaskClient, code: str) -> int:
    browser.post("/logout")
    browser.post("/login", data={"email": MIRA, "password": PASSWORD})
    return browser.post("/login/code", data={"code": code}).status_code


def _code(secret: str, clock: ManualClock) -> str:
    return pyotp.TOTP(secret).at(int(clock.now().timestamp()))
