"""Built files leave the process compressed, immutable and protected; everything else reaches the application."""

from __future__ import annotations

from pathlib import Path

import pytest
from werkzeug.test import Client
from werkzeug.wrappers import Response

from portal.web.assets import serving

STYLE = "app.0123456789ab.css"


@pytest.fixture
def client(tmp_path: Path) -> Client:
    (tmp_path / STYLE).write_text("body { color: inherit }")
    (tmp_path / f"{STYLE}.br").write_bytes(b"the brotli twin")
    (tmp_path / f"{STYLE}.gz").write_bytes(b"the larger gzip twin")
    (tmp_path / "manifest.json").write_text("{}")
    return Client(serving(Response("from the application"), tmp_path))


@pytest.mark.parametrize(
    ("accepted", "sent", "body"),
    [
        ("br, gzip", "br", b"the brotli twin"),
        ("gzip", "gzip", b"the larger gzip twin"),
        ("", None, b"body { color: inherit }"),
    ],
)
def test_the_smallest_form_the_browser_reads_is_sent(
    client: Client, accepted: str, sent: str | None, body: bytes
) -> None:
    answer = client.get(f"/static/dist/{STYLE}", headers={"Accept-Encoding": accepted})
    assert (answer.status_code, answer.headers.get("Content-Encoding"), answer.data) == (200, sent, body)
    assert answer.mimetype == "text/css"
    assert "Accept-Encoding" in answer.headers["Vary"]


def test_a_digested_name_is_kept_for_ever_and_a_plain_one_is_not(client: Client) -> None:
    assert "immutable" in client.get(f"/static/dist/{STYLE}").headers["Cache-Control"]
    assert "immutable" not in client.get("/static/dist/manifest.json").headers.get("Cache-Control", "")


def test_static_answers_are_protected_too(client: Client) -> None:
    headers = client.get(f"/static/dist/{STYLE}").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("path", ["/", "/static/dist/unknown.css", "/static/dist/../wsgi.py", "/static/dist/%00"])
def test_everything_else_reaches_the_application(client: Client, path: str) -> None:
    assert client.get(path).data == b"from the application"
