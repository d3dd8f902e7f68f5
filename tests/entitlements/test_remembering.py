"""An answer is given again for a moment, never beyond a boundary, and the last one while nothing better can be had."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import Client

from portal.entitlements.remembering import Remembered
from portal.web.doors import Doors

ABOUT = (2, "user_42")
ASKED = {"HTTP_X_API_KEY": "sk_app_x", "QUERY_STRING": "user_id=user_42&project_id=2"}
LONG = timedelta(days=1)


@pytest.fixture
def seconds() -> list[float]:
    """Seconds that pass only when told."""
    return [1000.0]


@pytest.fixture
def known(seconds: list[float]) -> Remembered:
    return Remembered(seconds=lambda: seconds[0])


def test_an_answer_is_given_again_for_a_second(known: Remembered, seconds: list[float]) -> None:
    known.keep(ASKED, ABOUT, b"yes", allows=True, lasts=LONG)
    assert known.find(ASKED) == b"yes"
    seconds[0] += 0.99
    assert known.find(ASKED) == b"yes"
    seconds[0] += 0.02
    assert known.find(ASKED) is None
    assert known.find_last(ASKED) == b"yes"
    seconds[0] += 299
    assert known.find_last(ASKED) is None


def test_it_does_not_outlive_a_right_that_ends_sooner(known: Remembered, seconds: list[float]) -> None:
    known.keep(ASKED, ABOUT, b"yes", allows=True, lasts=timedelta(milliseconds=300))
    seconds[0] += 0.31
    assert known.find(ASKED) is None
    assert known.find_last(ASKED) is None


def test_no_is_never_the_last_known(known: Remembered) -> None:
    known.keep(ASKED, ABOUT, b"no", allows=False, lasts=LONG)
    assert known.find(ASKED) == b"no"
    assert known.find_last(ASKED) is None


def test_another_key_or_question_is_another_answer() -> None:
    known = Remembered()
    known.keep(ASKED, ABOUT, b"yes", allows=True, lasts=LONG)
    assert known.find({**ASKED, "HTTP_X_API_KEY": "sk_app_y"}) is None
    assert known.find({**ASKED, "QUERY_STRING": "user_id=user_43&project_id=2"}) is None


def test_a_change_is_forgotten_at_once_for_whom_it_is_about() -> None:
    known = Remembered()
    other = {**ASKED, "QUERY_STRING": "user_id=user_43&project_id=2"}
    known.keep(ASKED, ABOUT, b"yes", allows=True, lasts=LONG)
    known.keep(other, (2, "user_43"), b"yes", allows=True, lasts=LONG)
    known.forget(ABOUT)
    assert known.find(ASKED) is None
    assert known.find(other) == b"yes"


def test_the_least_recently_kept_give_way() -> None:
    known = Remembered(most=2)
    for number in range(3):
        known.keep({**ASKED, "QUERY_STRING": str(number)}, ABOUT, b"yes", allows=True, lasts=LONG)
    assert [known.find({**ASKED, "QUERY_STRING": str(number)}) for number in range(3)] == [None, b"yes", b"yes"]


@pytest.mark.parametrize(("status", "shown"), [("503 Service Unavailable", "yes"), ("403 Forbidden", "refused")])
def test_the_last_known_stands_in_only_while_the_view_is_unavailable(
    app: Flask, known: Remembered, seconds: list[float], status: str, shown: str
) -> None:
    def behind(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response(status, [("Content-Type", "text/plain")])
        return [b"refused"]

    doors = Doors(app, {})
    doors._behind = behind  # type: ignore[method-assign,assignment]  # a view that says what the test wants
    doors.open_reading("/rights", known)
    asked = Client(doors)
    headers = {"X-API-Key": "sk_app_x"}
    question = {"HTTP_X_API_KEY": "sk_app_x", "QUERY_STRING": "user_id=u"}
    known.keep(question, ABOUT, b"yes", allows=True, lasts=LONG)
    seconds[0] += 2
    answer = asked.get("/rights?user_id=u", headers=headers)
    assert answer.text == shown
    assert ("Warning" in answer.headers) == (shown == "yes")
    seconds[0] += 301
    assert asked.get("/rights?user_id=u", headers=headers).text == "refused"


def test_who_sends_a_cookie_is_not_answered_by_the_door(app: Flask, known: Remembered) -> None:
    doors = Doors(app, {})
    doors.open_reading("/nowhere", known)
    known.keep({"QUERY_STRING": ""}, ABOUT, b"yes", allows=True, lasts=LONG)
    assert Client(doors).get("/nowhere").text == "yes"
    person = Client(doors)
    person.set_cookie("session", "x")
    assert person.get("/nowhere").status_code == 404
