"""What the demo's operator finds: two things that changed at the payment provider without our hearing of them.

Both are true. A customer cancels on the provider's own page in a minute in which the endpoint of our deliveries is
switched off there, as happens when somebody edits it; and somebody writes another address into a customer at the
provider, of which no delivery tells us. One comparison runs before, when everything agrees, and one after.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from portal.db import SYSTEM, scoped, transaction
from portal.demo.past import PATIENCE_SECONDS, PastBroken
from portal.demo.shopper import Shopper
from portal.payments.changing import syncing_from
from portal.projects.queries import find_customer
from portal.reconciliation import running
from portal.reconciliation.queries import list_runs
from portal.web.plugs import plugs

ELSEWHERE = "accounts-payable@fjordline.example"


def happen(quitter: Shopper, api: str, moved: Shopper) -> None:
    """Let `quitter` leave an API unheard, and the provider write to another address of `moved`. Safe to repeat."""
    with scoped(SYSTEM):
        done = len(list_runs(2))
        customer = find_customer(moved.buyer.account_id, livemode=plugs().settings.livemode)
    if done == 2:
        return
    if done == 0:
        compare()
    with _unheard():
        quitter.cancel_there(api)
    if _ask("GET", f"customers/{customer}")["email"] != ELSEWHERE:
        _ask("POST", f"customers/{customer}", email=ELSEWHERE)
    compare(slot=plugs().clock.now().date().isoformat())


def compare(slot: str | None = None) -> None:
    """Run one whole comparison, also of what was read a moment ago, and repair nothing.

    With a `slot` it is the one of the day: the timetable's would repair what the demo is to show.
    """
    ports = plugs()
    rules = running.rules_of(ports.settings)
    with transaction(SYSTEM):
        running.start(
            "command",
            actor="demo",
            now=ports.clock.now(),
            days_back=rules.days_back,
            age=timedelta(0),
            slot=slot,
        )
    syncing = syncing_from(ports.payments, ports.clock, ports.settings)
    while running.work_page(syncing, ports.gateway):
        pass


@contextmanager
def _unheard() -> Iterator[None]:
    """Switch every endpoint off at the provider for the length of a block."""
    endpoints = [one["id"] for one in _ask("GET", "webhook_endpoints")["data"]]
    try:
        for endpoint in endpoints:
            _ask("POST", f"webhook_endpoints/{endpoint}", disabled="true")
        yield
    finally:
        for endpoint in endpoints:
            _ask("POST", f"webhook_endpoints/{endpoint}", disabled="false")


def _ask(method: str, path: str, **fields: str) -> Any:
    """Act as somebody in the provider's dashboard, which the product itself never does."""
    where = urlsplit(os.environ["SIMULATOR_URL"])
    headers = {
        "Authorization": f"Bearer {plugs().settings.stripe_secret_key}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    link = HTTPConnection(where.hostname or "", where.port, timeout=PATIENCE_SECONDS)
    try:
        link.request(method, f"/v1/{path}", urlencode(fields) or None, headers)
        answer = link.getresponse()
        body = json.loads(answer.read())
    finally:
        link.close()
    if answer.status != 200:
        raise PastBroken(f"the provider's dashboard answered {answer.status} to {method} {path}")
    return body
