"""Fill an empty portal with the demo's people, APIs, plans and usage: `python -m portal.demo.world`.

Everything goes through the same functions that pages and commands use. Running it again repeats what is missing and
changes nothing else; what scripts need to know ends in `$PORTAL_STATE/seeded.json`.
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from typing import Any

from flask import Flask

from portal.app import create_app
from portal.db import SYSTEM, enter_scope
from portal.demo import billing_history, market
from portal.demo.opening import admit, put_up
from portal.demo.past import Past, taking_deliveries
from portal.demo.people import PASSWORD, PEOPLE, Person
from portal.demo.stalls import FIRST
from portal.demo.state import State
from portal.kit.clock import ManualClock, SystemClock
from portal.settings import load_settings
from portal.wiring import plug

LONG_HERE = timedelta(days=1_000)


def seed(app: Flask, past: Past, state: State) -> None:
    """Make the world, let its past happen, and write down how to enter it."""
    people = (*PEOPLE, *billing_history.PEOPLE)
    with app.app_context():
        enter_scope(SYSTEM)
        billing_history.begin(past)
        for person in people:
            admit(person, past.today - LONG_HERE)
        for api in FIRST:
            put_up(api, past.today)
        billing_history.tell(past, state)
        market.open_stalls(past.today)
        keys = market.let_customers_come(past.today)
        state.write(
            "seeded.json",
            {
                "people": [_entry(person) for person in people],
                "apps": [],
                "shops": [],
                "api_keys": keys,
            },
        )


def _entry(person: Person) -> dict[str, Any]:
    roles = [person.role, *(["operator"] if person.is_operator else [])]
    return {
        "name": person.name,
        "email": person.email,
        "password": PASSWORD,
        "roles": roles,
        "organisation": person.organisation,
        "story": billing_history.STORIES.get(person.email, ""),
    }


def main() -> None:
    """Seed the portal of this environment."""
    settings = load_settings()
    ports, today = plug(settings), SystemClock().now()
    clock = ManualClock(today)
    app = create_app(settings, replace(ports, clock=clock))
    with taking_deliveries(create_app(settings, ports)):
        seed(app, Past(clock, os.environ["SIMULATOR_URL"], today), State.at(settings.portal_state))


if __name__ == "__main__":
    main()
