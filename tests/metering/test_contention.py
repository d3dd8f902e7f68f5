"""Two batches that meet wait for each other; the one that loses begins again and nobody sees it."""

from __future__ import annotations

import threading

import psycopg
import pytest

from portal.kit.clock import ManualClock
from portal.settings import Settings
from tests.metering.conftest import Customer, Post, rows
from tests.metering.kong import of

pytestmark = pytest.mark.usefixtures("prepared")


def test_a_batch_that_waited_too_long_for_a_key_is_begun_again(
    post: Post, cleo: Customer, clock: ManualClock, settings: Settings
) -> None:
    entry = of(cleo.subscription.id, clock.now())
    key = entry["request"]["id"]
    with psycopg.connect(settings.sqlalchemy_url.replace("+psycopg", "")) as other:
        other.execute("INSERT INTO api_request_keys VALUES (%s, 1, now())", (key,))
        letting_go = threading.Timer(4.5, other.rollback)  # longer than `lock_timeout`
        letting_go.start()
        answer = post([entry])
        letting_go.join()
    assert (answer.status_code, answer.json["accepted"]) == (200, 1)
    assert rows("SELECT count(*) FROM api_requests_log") == [(1,)]
