"""General limits: counted per caller, in Redis or beside it, and never a failure of their own."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from werkzeug.test import TestResponse

from portal.app import create_app
from portal.kit.clock import ManualClock
from portal.settings import Settings
from portal.web.plugs import Plugs
from tests.factories import make_app_key, make_organisation, make_project, make_user
from tests.sign_in import Browser, sign_in_as

NOWHERE = "redis://127.0.0.1:1/0"


def limited(app: Flask, settings: Settings, redis_url: str) -> FlaskClient:
    """A browser on a second application over the same database, with limits switched on."""
    ports: Plugs = app.extensions["portal"]
    changed = settings.model_copy(update={"rate_limits": True, "redis_url": redis_url})
    other = create_app(changed, replace(ports, settings=changed))
    other.test_client_class = Browser
    return other.test_client()


def theme(client: FlaskClient, ip: str = "192.0.2.1") -> int:
    answer = client.post("/preferences/theme", data={"theme": "dark"}, environ_overrides={"REMOTE_ADDR": ip})
    return answer.status_code


@pytest.mark.parametrize("where", ["redis", "nowhere"])
def test_writing_is_limited_per_caller_with_and_without_redis(
    app: Flask, settings: Settings, redis_connection: Redis, where: str
) -> None:
    client = limited(app, settings, settings.redis_url if where == "redis" else NOWHERE)
    answers = [theme(client) for _ in range(125)]
    assert answers[:120] == [303] * 120
    assert set(answers[120:]) == {429}
    assert theme(client, "192.0.2.2") == 303
    sign_in_as(client, make_user("Cleo", organisation=make_organisation()))
    assert theme(client) == 303


def test_reading_pages_is_not_limited(app: Flask, settings: Settings, redis_connection: Redis) -> None:
    client = limited(app, settings, settings.redis_url)
    assert {client.get("/login").status_code for _ in range(150)} == {200}


def test_codes_cannot_be_tried_out_by_reading(app: Flask, settings: Settings, redis_connection: Redis) -> None:
    client = limited(app, settings, settings.redis_url)
    answers = [client.get(f"/subscribe/1?code=GUESS-{n}").status_code for n in range(62)]
    assert answers == [303] * 60 + [429] * 2, "60 an hour, then the page does not ask the provider any more"
    assert client.get("/subscribe/1").status_code == 303


def test_nor_by_programs(app: Flask, settings: Settings, redis_connection: Redis) -> None:
    client = limited(app, settings, settings.redis_url)
    answers = [client.post("/api/subscriptions", json={"plan_id": 1, "code": f"GUESS-{n}"}) for n in range(62)]
    assert [answer.status_code for answer in answers] == [401] * 60 + [429] * 2
    assert answers[-1].mimetype == "application/problem+json"


def test_a_refusal_says_when_to_come_back(app: Flask, settings: Settings, redis_connection: Redis) -> None:
    client = limited(app, settings, settings.redis_url)
    for _ in range(30):
        assert client.post("/signup", data={}).status_code == 422
    answer = client.post("/signup", data={})
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 3600
    assert client.get("/signup").status_code == 200


def test_flushing_redis_in_between_fails_nothing(app: Flask, settings: Settings, redis_connection: Redis) -> None:
    client = limited(app, settings, settings.redis_url)
    assert theme(client) == 303
    redis_connection.flushall()
    assert theme(client) == 303


def test_an_app_has_a_rate_of_its_own(
    app: Flask, settings: Settings, redis_connection: Redis, clock: ManualClock
) -> None:
    project = make_project("space_journal")
    _slow, slow = make_app_key(project, settings.pepper, clock.now(), requests_per_minute=3)
    _quick, quick = make_app_key(project, settings.pepper, clock.now())
    client = limited(app, settings, settings.redis_url)

    def ask(key: str, user: int) -> TestResponse:
        asked = f"/api/v1/entitlements?user_id=user_{user}&project_id={project.id}"
        return client.get(asked, headers={"X-API-Key": key})

    assert [ask(slow, user).status_code for user in range(5)] == [200, 200, 200, 429, 429]
    refused = ask(slow, 9)
    assert (refused.mimetype, int(refused.headers["Retry-After"]) <= 60) == ("application/problem+json", True)
    assert ask(quick, 9).status_code == 200, "one app does not use up another's rate"
