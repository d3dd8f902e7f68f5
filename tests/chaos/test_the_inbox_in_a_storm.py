"""Events in any order, up to three times or never, while everything is killed: the end is what the provider says."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from portal.demo import leftovers
from tests.browser.test_with_curl_only import Curl, until
from tests.chaos.test_killed_in_the_middle import age, pay, sign_up
from tests.stripe_world import StripeWorld
from tests.webhooks.model import Provider, expected
from tests.webhooks.world import listed, read_books, read_provider
from tests.whole_portal import ROOT, Portal

pytestmark = [pytest.mark.chaos, pytest.mark.browser]

BUYERS = 4
GROWN_UP = 4.0  # seconds: who is killed while it still imports its modules is interrupted in nothing
STORM = 12.0  # seconds at least
WEB_DIES = (3, 24)  # turns; in between it has the time to come up again on a slow machine


def test_the_books_after_a_storm_equal_the_model(running: Portal, tmp_path: Path) -> None:
    stripe = StripeWorld(str(running.facts["simulator_url"]), running.process)
    buyers = [sign_up(running, tmp_path / f"jar{n}", "Storm") for n in range(BUYERS)]
    plan = _plan_that_is_paid_at_once(running)
    stop, begun = threading.Event(), time.monotonic()
    saboteur = threading.Thread(target=_storm, args=(running, stripe, stop))
    saboteur.start()
    try:
        for curl in buyers:
            pay(curl, plan)
        customers = _customers(running)
        _live(stripe, list(customers))
        time.sleep(max(0.0, STORM - (time.monotonic() - begun)))
    finally:
        stop.set()
        saboteur.join()
    stripe.control("faults", method="DELETE")
    until(lambda: _is_up(buyers[0]), 30)
    stripe.control("deliveries/deliver_now")  # what is still on its way; what the storm swallowed stays swallowed
    assert "were missing" in _fill_gaps(running)
    with psycopg.connect(running.facts["database_url"], autocommit=True) as link:
        until(lambda: _undone(link) == [], 60)
        assert link.execute("SELECT type, last_error FROM webhook_events WHERE state = 'dead'").fetchall() == []
        lost = {event["id"] for event in listed(stripe, "events")} - _stored(link)
        assert lost == set()
        now = datetime.now(UTC)
        books = read_books(link, now, "Storm %")
        wanted = expected(_of(read_provider(stripe), customers), customers, int(now.timestamp()))
    assert len(wanted.subscriptions) == BUYERS
    assert vars(books) == vars(wanted)


def _plan_that_is_paid_at_once(portal: Portal) -> str:
    with psycopg.connect(portal.facts["database_url"]) as link:
        found = link.execute(
            "SELECT pr.plan_id FROM prices pr JOIN plans p ON p.id = pr.plan_id JOIN apis a ON a.product_id = p.product_id"
            " WHERE a.slug = 'rates' AND p.active AND pr.active AND pr.amount > 0 AND pr.trial_days = 0 ORDER BY pr.amount"
        ).fetchall()
    return str(found[0][0])


def _live(stripe: StripeWorld, customers: list[str]) -> None:
    """Let something else happen to each buyer: cancelled for later, given back, disputed and lost, cancelled at once."""
    for act, customer in zip(("later", "refund", "dispute", "now"), customers, strict=True):
        until(lambda customer=customer: bool(listed(stripe, "charges", customer=customer)), 30)
        charge = listed(stripe, "charges", customer=customer)[0]
        held = listed(stripe, "subscriptions", customer=customer)[0]
        if act == "later":
            stripe.api("POST", f"subscriptions/{held['id']}", cancel_at_period_end="true")
        elif act == "refund":
            stripe.api("POST", "refunds", charge=charge["id"])
        elif act == "dispute":
            stripe.control(f"charges/{charge['id']}/dispute")
            stripe.control(f"disputes/{listed(stripe, 'disputes', charge=charge['id'])[0]['id']}/close", verdict="lost")
        else:
            stripe.api("DELETE", f"subscriptions/{held['id']}")


def _storm(portal: Portal, stripe: StripeWorld, stop: threading.Event) -> None:
    """Shuffle, copy and lose deliveries; kill worker and web; crash PostgreSQL once; empty Redis now and then."""
    dice, turn = random.Random(8), 0
    stripe.control("faults", deliveries=[_trouble(dice) for _each in range(400)])
    while not stop.wait(1.0):
        turn += 1
        wanted = "granian" if turn in WEB_DIES else ("jobs.worker" if turn % 2 else "")
        for pid in leftovers.marked(portal.state) if wanted else []:
            if wanted in leftovers.command_line(pid) and age(pid) > GROWN_UP:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if turn % 5 == 0:
            redis.Redis.from_url(portal.facts["redis_url"]).flushall()
        if turn == 6:
            _crash_postgres(portal)


def _trouble(dice: random.Random) -> dict[str, Any]:
    kind = dice.choice(("reorder", "reorder", "duplicate", "fail", "drop"))
    return {"kind": kind, "seconds": 3.0, "count": 1}


def _crash_postgres(portal: Portal) -> None:
    """Kill a backend: PostgreSQL throws everybody out and recovers from its log, as after a power cut."""
    with contextlib.suppress(psycopg.Error), psycopg.connect(portal.facts["database_url"]) as link:
        os.kill(link.info.backend_pid, signal.SIGKILL)


def _customers(portal: Portal) -> dict[str, str]:
    """Return whose each customer is, in the order of the buyers."""
    found: list[tuple[str, str]] = []

    def are_known() -> bool:
        with contextlib.suppress(psycopg.Error), psycopg.connect(portal.facts["database_url"]) as link:
            found[:] = link.execute(
                "SELECT c.stripe_customer_id, o.name FROM stripe_customers c JOIN accounts a ON a.id = c.account_id"
                " JOIN organisations o ON o.id = a.organisation_id WHERE o.name LIKE 'Storm %%' ORDER BY a.id"
            ).fetchall()
        return len(found) == BUYERS

    until(are_known, 30)
    return dict(found)


def _of(provider: Provider, customers: dict[str, str]) -> Provider:
    provider.sessions = [one for one in provider.sessions if one["customer"] in customers]
    return provider


def _is_up(curl: Curl) -> bool:
    with contextlib.suppress(subprocess.CalledProcessError):
        return '"database":"ok"' in curl("/ready").replace(" ", "")
    return False


def _fill_gaps(portal: Portal) -> str:
    """Run the operator's command in the environment of the portal's own processes."""
    worker = next(pid for pid in leftovers.marked(portal.state) if "jobs." in leftovers.command_line(pid))
    pairs = (part.partition("=") for part in Path(f"/proc/{worker}/environ").read_text().split("\0") if part)
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "webhooks", "fill-gaps"]
    run = subprocess.run(
        command, cwd=ROOT, env={name: value for name, _, value in pairs}, capture_output=True, text=True, check=True
    )
    return run.stdout


def _undone(link: psycopg.Connection[Any]) -> list[Any]:
    return link.execute("SELECT id FROM webhook_events WHERE state IN ('pending', 'retry')").fetchall()


def _stored(link: psycopg.Connection[Any]) -> set[str]:
    return {name for (name,) in link.execute("SELECT external_id FROM webhook_events").fetchall()}
