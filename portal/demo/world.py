"""Fill an empty portal with the demo's people, APIs, plans and usage: `python -m portal.demo.world`.

Everything goes through the same functions that pages and commands use. Running it again repeats what is missing and
changes nothing else; what scripts need to know ends in `$PORTAL_STATE/seeded.json`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Flask

from portal.app import create_app
from portal.db import SYSTEM, enter_scope, transaction
from portal.demo import billing_history, journal, market
from portal.demo.opening import admit, put_up
from portal.demo.people import PASSWORD, PEOPLE, Person
from portal.demo.stalls import FIRST
from portal.demo.state import State
from portal.payments.premium.offering import offer_premium
from portal.web.plugs import plugs

LONG_HERE = timedelta(days=1_000)  # the first people are older than anything that happened in the market


def seed(app: Flask, state: State) -> None:
    """Make the world, let its past happen, and write down how to enter it."""
    with app.app_context():
        enter_scope(SYSTEM)
        today = plugs().clock.now()
        for person in PEOPLE:
            admit(person, today - LONG_HERE)
        for api in FIRST:
            put_up(api, today)
        with transaction(SYSTEM):
            offer_premium(900, 9000, "eur", actor="demo")
        billing_history.tell(app, state)
        market.open_stalls(today)
        keys = market.let_customers_come(today)
        state.write(
            "seeded.json",
            {
                "people": [_entry(person) for person in (*PEOPLE, *billing_history.PEOPLE, journal.JUNO)],
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
    app = create_app()
    with app.app_context():
        folder = plugs().settings.portal_state
    seed(app, State.at(folder))


if __name__ == "__main__":
    main()
