"""What is read is sent compressed, to whom can read it; what an act answers is not."""

from __future__ import annotations

import gzip

import brotli
import pytest
from flask import Flask, Response
from flask.testing import FlaskClient

from portal.web import compression

LONG = "<p>The same words again.</p>" * 200


@pytest.fixture
def client() -> FlaskClient:
    app = Flask(__name__)
    compression.register(app)

    @app.after_request
    def _vary(response: Response) -> Response:
        response.vary.add("Cookie")
        return response

    app.add_url_rule("/long", "long", lambda: LONG, methods=["GET", "POST"])
    app.add_url_rule("/secret", "secret", lambda: (LONG, {"Cache-Control": "private, no-store, no-transform"}))
    app.add_url_rule("/short", "short", lambda: "<p>Ready</p>")
    app.add_url_rule("/picture", "picture", lambda: Response(LONG, mimetype="image/png"))
    app.add_url_rule("/missing", "missing", lambda: (LONG, 404))
    app.add_url_rule("/rows.csv", "rows", lambda: Response((f"{n},a row\n" for n in range(2000)), mimetype="text/csv"))
    return app.test_client()


def test_a_browser_gets_brotli(client: FlaskClient) -> None:
    answer = client.get("/long", headers={"Accept-Encoding": "gzip, deflate, br, zstd"})
    assert answer.headers["Content-Encoding"] == "br"
    assert brotli.decompress(answer.data).decode() == LONG
    assert int(answer.headers["Content-Length"]) == len(answer.data) < len(LONG) / 20
    assert {"cookie", "accept-encoding"} == {name.lower() for name in answer.vary}


def test_an_older_program_gets_gzip(client: FlaskClient) -> None:
    answer = client.get("/long", headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(answer.data).decode() == LONG


def test_an_export_is_compressed_as_it_is_made(client: FlaskClient) -> None:
    answer = client.get("/rows.csv", headers={"Accept-Encoding": "br"})
    assert brotli.decompress(answer.data).decode().splitlines()[-1] == "1999,a row"


@pytest.mark.parametrize("wish", ["", "identity", "br;q=0", "br;q=0, gzip;q=0.0", "zstd, deflate", "," * 5000])
def test_whoever_reads_no_compression_gets_none(client: FlaskClient, wish: str) -> None:
    answer = client.get("/long", headers={"Accept-Encoding": wish})
    assert (answer.status_code, answer.text) == (200, LONG)
    assert "Content-Encoding" not in answer.headers
    assert "accept-encoding" in {name.lower() for name in answer.vary}, "a cache keeps both forms apart"


@pytest.mark.parametrize("wish", ["br;q=nan, ;q=, *;q=-1", "\x00, br;q=\x7f", "br;q=" + "9" * 400, "*"])
def test_a_wish_that_makes_no_sense_breaks_nothing(client: FlaskClient, wish: str) -> None:
    answer = client.get("/long", headers={"Accept-Encoding": wish})
    read = {"br": brotli.decompress, "gzip": gzip.decompress}.get(answer.headers.get("Content-Encoding", ""), bytes)
    assert (answer.status_code, read(answer.data).decode()) == (200, LONG)


def test_a_page_that_shows_a_secret_is_sent_as_it_is(client: FlaskClient) -> None:
    answer = client.get("/secret", headers={"Accept-Encoding": "br"})
    assert answer.text == LONG
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize("path", ["/short", "/picture"])
def test_what_would_not_shrink_is_left(client: FlaskClient, path: str) -> None:
    assert "Content-Encoding" not in client.get(path, headers={"Accept-Encoding": "br"}).headers


def test_what_an_act_answers_is_never_compressed(client: FlaskClient) -> None:
    answer = client.post("/long", headers={"Accept-Encoding": "br"})
    assert "Content-Encoding" not in answer.headers
    assert answer.text == LONG
