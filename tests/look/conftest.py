"""The look needs no database: the application is built over addresses where nothing listens, which also proves it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask, render_template_string, request
from werkzeug.serving import make_server

from portal.app import create_app
from portal.demo import assets
from portal.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"

FORM = """
{% from "_ui/form.html" import hidden_csrf, error_summary, field %}{% from "_ui/button.html" import button %}
<form id="trial" class="form" method="post" action="/trial" hx-post="/trial" hx-target="#trial" hx-swap="outerHTML">
{{ hidden_csrf() }}{{ error_summary(problems) }}
{{ field("email", "Work email", value=email, error=problems[0][1] if problems else none) }}
{{ button("Save", kind="primary") }}</form>
"""
PAGE = (
    '{% extends "layout.html" %}{% block title %}Trial{% endblock %}{% block content %}<h1>Trial</h1>FORM{% endblock %}'
)


@pytest.fixture(scope="session")
def built() -> Path:
    """static/dist as the sources at hand make it."""
    assets.build()
    return ROOT / "static" / "dist"


@pytest.fixture(scope="session")
def look_settings() -> Settings:
    """Settings without any server behind them."""
    return Settings(
        _env_file=None,
        environment="test",
        database_url="postgresql://nobody:nothing@127.0.0.1:1/none",
        redis_url="redis://127.0.0.1:1/0",
        secret_key="t" * 16 + "est-secret-key-for-tests-only",
        key_pepper="test-pepper-for-tests-only-0123456789",
        stripe_webhook_secret="whsec_test_0123456789abcdef",
        internal_admin_api_key="internal-admin-key-for-tests",
        gateway_log_token="gateway-log-token-for-tests",
        metrics_token="metrics-token-for-tests",
    )


@pytest.fixture(scope="session")
def look_app(built: Path, look_settings: Settings) -> Flask:
    """The whole application with the style guide and one small form of our own."""
    app = create_app(look_settings)

    @app.route("/trial", methods=["GET", "POST"])
    def trial() -> str | tuple[str, int]:
        email = request.form.get("email", "")
        problems = [("f-email", "Enter an email address")] if request.method == "POST" and "@" not in email else []
        fragment = request.headers.get("HX-Request") == "true"
        source = FORM if fragment else PAGE.replace("FORM", FORM)
        return render_template_string(source, problems=problems, email=email), 422 if problems else 200

    return app


@pytest.fixture(scope="session")
def address(look_app: Flask) -> Iterator[str]:
    """Where the application answers a browser."""
    server = make_server("127.0.0.1", 0, look_app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
