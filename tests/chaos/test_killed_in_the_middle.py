"""Pull the plug on web and worker while somebody is paying: nothing is lost, nothing happens twice."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
import time
import uuid
from pathlib import Path

import psycopg
import pytest
import redis

from portal.demo import leftovers
from tests.browser.test_with_curl_only import Curl, until
from tests.whole_portal import Portal

pytestmark = [pytest.mark.chaos, pytest.mark.browser]

BUYERS = 5
GROWN_UP = 4.0  # seconds: a process that is killed while it still imports its modules is interrupted in nothing
PASSWORD = "quiet otter bakes rye 9"


def test_killing_web_and_worker_during_checkouts_loses_nothing(running: Portal, tmp_path: Path) -> None:
    buyers = [sign_up(running, tmp_path / f"jar{n}") for n in range(BUYERS)]
    plan = re.findall(r'href="/subscribe/(\d+)"', buyers[0]("/marketplace/kestrel-data/rates/pricing"))[-1]
    stop = threading.Event()
    saboteur = threading.Thread(target=_pull_plugs, args=(running, stop))
    saboteur.start()
    try:
        purchases = [(curl, pay(curl, plan)) for curl in buyers]
        for curl, purchase in purchases:
            until(lambda curl=curl, purchase=purchase: "You are in" in _patiently(curl, purchase), 60)
    finally:
        stop.set()
        saboteur.join()
    with psycopg.connect(running.facts["database_url"]) as link:
        rows = link.execute(
            "SELECT a.name, count(DISTINCT s.id), count(DISTINCT e.id), count(DISTINCT p.id) FROM accounts a"
            " LEFT JOIN subscriptions s ON s.account_id = a.id LEFT JOIN entitlements e ON e.account_id = a.id"
            " LEFT JOIN purchases p ON p.account_id = a.id AND p.status = 'complete'"
            " WHERE a.name LIKE 'Plug %' GROUP BY a.name"
        ).fetchall()
        dead = link.execute("SELECT count(*) FROM webhook_events WHERE state = 'dead'").fetchone()
    assert len(rows) == BUYERS
    assert {tuple(counts) for _name, *counts in rows} == {(1, 1, 1)}
    assert dead == (0,)


def sign_up(portal: Portal, jar: Path, name: str = "Plug") -> Curl:
    """Make a person with an organisation whose name begins so, and return their curl."""
    curl = Curl(portal.url, jar)
    email, organisation = f"{uuid.uuid4().hex[:10]}@example.com", f"{name} {uuid.uuid4().hex[:8]}"
    curl.form("/signup", name="Cleo Marsh", email=email, password=PASSWORD, organisation_name=organisation)
    return curl


def pay(curl: Curl, plan: str) -> str:
    """Choose the paid plan and pay, trying again wherever the portal is away; return the purchase's path."""
    found: list[str] = []

    def begun() -> bool:
        token = re.search(r'name="csrf_token" value="([^"]+)"', _patiently(curl, f"/subscribe/{plan}"))
        if token is None:
            return False
        fields = ("--data-urlencode", f"csrf_token={token[1]}", "--data-urlencode", "terms=1")
        answer = _patiently(curl, f"/subscribe/{plan}", "-i", *fields)
        location = re.search(r"(?im)^location: (\S+/c/pay/\S+)", answer)
        found[:] = [location[1]] if location else []
        return bool(found)

    until(begun, 60)
    card = {"number": "4242424242424242", "expiry": "12 / 34", "cvc": "123", "name": "Cleo Marsh"}
    fields = [part for field, value in card.items() for part in ("--data-urlencode", f"{field}={value}")]
    paid = curl(found[0], "-i", *fields)
    back = re.search(r"(?im)^location: \S+(/purchases/[0-9a-f-]{36})", paid)
    assert back is not None, paid[:500]
    return back[1]


def _patiently(curl: Curl, path: str, *options: str) -> str:
    try:
        return curl(path, *options)
    except Exception:
        return ""


def _pull_plugs(portal: Portal, stop: threading.Event) -> None:
    """Kill the worker every other second, all of the web every eighth, and empty Redis now and then."""
    turn = 0
    while not stop.wait(1.0):
        turn += 1
        wanted = "granian" if turn % 8 == 3 else ("jobs.worker" if turn % 2 else "")
        for pid in leftovers.marked(portal.state) if wanted else []:
            if wanted in leftovers.command_line(pid) and age(pid) > GROWN_UP:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if turn % 5 == 0:
            redis.Redis.from_url(portal.facts["redis_url"]).flushall()


def age(pid: int) -> float:
    """Return for how many seconds a process has been running; 0 when it is gone already."""
    with contextlib.suppress(FileNotFoundError):
        return time.time() - os.stat(f"/proc/{pid}").st_ctime
    return 0.0
