"""Asking what a user may do, with the key of an app, against a Flask that says a fixed body."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask, Response

from benchmarks import load
from benchmarks.ground import Ground, ground, web
from benchmarks.harness import Arm, compare
from portal.db import SYSTEM, db, in_transaction
from portal.entitlements.models import Entitlement
from portal.kit.tokens import keyed_hash, new_token
from portal.projects.models import Account, App, AppKey, Feature, Project

SECONDS = float(os.environ.get("BENCH_SECONDS", "3"))
BODY = b'{"entitlements":[],"padding":"' + b"x" * 400 + b'"}'
PATH = "/api/v1/entitlements"

app = Flask(__name__)


@app.get(PATH)
def hello() -> Response:
    """The limit: a route of Flask's that says the same bytes every time."""
    return Response(BODY, mimetype="application/json")


@app.get("/live")
def live() -> str:
    """For whoever waits until it runs."""
    return "ok"


def bare(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """The same without Flask."""
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))])
    return (BODY,)


def run() -> None:
    """Measure one user asked about all the time, and many users asked about in turns through the database."""
    with ground() as here:
        key = _fill(here)
        with (
            web(here) as port,
            web(here, "benchmarks.entitlements:app") as limit,
            web(here, "benchmarks.entitlements:bare") as least,
        ):
            headers = {"X-API-Key": key}
            asked = f"{PATH}?user_id=user_1&project_id=2"
            found = compare(
                "The rights of one user, one web process",
                [
                    Arm("hello through Flask", _ask(limit, PATH, {})),
                    Arm("rights, key checked", _ask(port, asked, headers)),
                    Arm("hello without Flask", _ask(least, PATH, {})),
                    Arm("rights at an instant, never remembered", _ask(port, f"{asked}&as_of={_now()}", headers)),
                ],
                unit="answers",
                baseline="hello through Flask",
                meaning=(
                    "1 means as many answers as a Flask that says a fixed body. An answer is given again for at most one"
                    " second; the last arm asks PostgreSQL and checks the key each time."
                ),
            )
            found.goal("rights, key checked", at_least=0.9)


def _ask(port: int, path: str, headers: dict[str, str]) -> Callable[[], int]:
    def ask() -> int:
        return load.ask(port, path, headers, seconds=SECONDS, connections=16).calls

    return ask


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _fill(here: Ground) -> str:
    token = new_token("sk_app")
    now = datetime.now(UTC)

    def write(session: Any) -> None:
        project = Project(name="bench")
        session.add(project)
        session.flush()
        app_row = App(project_id=project.id, name="bench", requests_per_minute=100_000)
        features = [Feature(project_id=project.id, code=f"f{n}", name=f"F{n}") for n in range(3)]
        account = Account(project_id=project.id, external_id="user_1", kind="user")
        session.add_all([app_row, account, *features])
        session.flush()
        session.add(
            AppKey(
                app_id=app_row.id, project_id=project.id, public_id=token.public_id, last_four="0000", created_by="bench",
                key_hash=keyed_hash(token.text, here.settings.pepper), created_at=now,
            )
        )  # fmt: skip
        for feature in features:
            session.add(
                Entitlement(
                    account_id=account.id, feature_id=feature.id, source="manual", source_id=0, granted_by="bench",
                    reason="bench", valid_from=now - timedelta(days=1),
                )
            )  # fmt: skip

    in_transaction(write, scope=SYSTEM)
    db.session.remove()
    return token.text
