"""Error pages: right status, one heading, words, a way on, the request id; and nothing from the database."""

from __future__ import annotations

import re

import pytest
from flask import Flask, g

from portal.app import create_app
from portal.settings import Settings
from portal.web.problems import Problem
from portal.web.styleguide import STATUSES

PRODUCTION = {
    "secret_key": "8f0c2b7e94d1a65f3c8e07b2d49a1f6e",
    "key_pepper": "c41d7e0b93a85f26e1d04c7b8a92f35d",
    "stripe_secret_key": "sk_live_51Mercato8f0c2b7e94d1a65f3c8e",
    "stripe_webhook_secret": "whsec_8f0c2b7e94d1a65f3c8e07b2",
    "internal_admin_api_key": "3c8e07b2d49a1f6e8f0c2b7e94d1a65f",
    "gateway_log_token": "94d1a65f3c8e07b2d49a1f6e8f0c2b7e",
    "metrics_token": "d49a1f6e8f0c2b7e94d1a65f3c8e07b2",
}


@pytest.mark.parametrize("status", STATUSES)
def test_an_error_page_says_what_to_do(look_app: Flask, status: int) -> None:
    answer = look_app.test_client().get(
        f"/styleguide/errors/{status}", headers={"X-Request-Id": "seen-by-the-person-1"}
    )
    assert answer.status_code == status
    assert answer.mimetype == "text/html"
    assert answer.text.count("<h1") == 1
    assert "seen-by-the-person-1" in answer.text
    body = re.search(r'<div class="error-page">.*', answer.text, re.DOTALL)
    assert body
    assert "btn-primary" in body[0]
    assert "!" not in re.sub(r"<[^>]+>", "", body[0].split('class="request-id"')[0])


@pytest.mark.parametrize("status", [500, 503])
def test_failures_need_no_part_of_the_portal(look_app: Flask, status: int) -> None:
    """The template renders with an empty context: no session, no menu, no problem object."""
    with look_app.test_request_context("/"):
        text = look_app.jinja_env.get_template(f"errors/{status}.html").render()
    assert "app." in text
    assert f"Error {status}" in text


def test_an_unknown_refusal_uses_the_words_of_whoever_raised_it(look_app: Flask) -> None:
    with look_app.test_request_context("/"):
        g.request_id = "seen-by-the-person-2"
        problem = Problem(409, "already-subscribed", "You already use this plan", "Open it under Subscriptions.")
        text = look_app.jinja_env.get_template("errors/4xx.html").render(
            problem=problem, locale="en", locales=("en",), theme="auto"
        )
    assert "You already use this plan" in text
    assert "Open it under Subscriptions." in text


def test_the_wait_after_too_many_requests_is_told(look_app: Flask) -> None:
    assert "Try again in 30 seconds." in look_app.test_client().get("/styleguide/errors/429").text


def test_production_does_not_serve_the_guide(look_settings: Settings) -> None:
    values = {**look_settings.model_dump(), "environment": "production", **PRODUCTION}
    client = create_app(Settings(_env_file=None, **values)).test_client()
    assert client.get("/styleguide", base_url="https://localhost").status_code == 404
