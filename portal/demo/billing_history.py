"""What the demo's buyers lived through before today, as a calendar: each story is acts with dates.

Dates are counted from the moment of the first start; amounts are those of the plans (`portal.demo.people`).

| Who | What they see today |
|---|---|
| Greta Holm, Fjordline Logistics | Rates Pro for five months, every invoice paid; Almanac Plus, tried, paid once and ended |
| Finn Aalto, Saltmarsh Studio | Rates Pro: the card he put in last is declined since three days; access stays four more |
| Noor Haddad, Lanternfish | Almanac Plus: the trial ends in two days, then her card is charged |
| Ivo Petrov, Copperleaf | Rates Pro: his card was declined at checkout today; Almanac Plus: left unpaid, expired |
| Mina Sato, Paperkite | Rates Pro: cancelled, works for nine more days |
| Theo Brandt, Halyard Systems | Rates Scale: moves to Pro in eleven days |
| Runa Vik, Skerry Maps | Rates Pro: cancelled at the payment provider, and we never heard (`portal.demo.drift`) |
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from flask import Flask

from portal.app import create_app
from portal.db import SYSTEM, enter_scope, transaction
from portal.demo import drift, journal
from portal.demo.opening import admit
from portal.demo.past import Past, PastBroken, taking_deliveries
from portal.demo.people import N_, Person
from portal.demo.shopper import Shopper
from portal.demo.state import State
from portal.demo.usage import note_use
from portal.kit.clock import ManualClock, SystemClock, from_timestamp
from portal.kit.periods import add_intervals
from portal.metering.api_rollups import recompute_dirty_api_days
from portal.metering.rollups import recompute_dirty
from portal.web.plugs import Plugs, plugs

SPAN = timedelta(days=220)
"""How far back the world begins: before the first act."""
PROGRESS = "past.json"
SCALE_TRIAL = timedelta(days=14)
RATES, ALMANAC = "kestrel-data/rates", "kestrel-data/almanac"
PATHS = {
    RATES: ("/v1/latest", "/v1/latest", "/v1/latest", "/v1/convert", "/v1/convert", "/v1/currencies", "/v1/series"),
    ALMANAC: ("/v1/holidays/DE/2026", "/v1/working-days", "/v1/deadline", "/v1/sun", "/v1/sun"),
}
WORKS, DECLINED, FAILS_LATER = "4242424242424242", "4000000000000002", "4000000000000341"

CALLS_PER_DAY = {
    ("greta@fjordline.example", RATES): 40,
    ("greta@fjordline.example", ALMANAC): 12,
    ("finn@saltmarsh.example", RATES): 25,
    ("noor@lanternfish.example", ALMANAC): 30,
    ("mina@paperkite.example", RATES): 15,
    ("theo@halyard.example", RATES): 35,
    ("runa@skerry.example", RATES): 20,
}


PEOPLE = (
    Person("Greta Holm", "greta@fjordline.example", "Fjordline Logistics"),
    Person("Finn Aalto", "finn@saltmarsh.example", "Saltmarsh Studio"),
    Person("Noor Haddad", "noor@lanternfish.example", "Lanternfish"),
    Person("Ivo Petrov", "ivo@copperleaf.example", "Copperleaf"),
    Person("Mina Sato", "mina@paperkite.example", "Paperkite"),
    Person("Theo Brandt", "theo@halyard.example", "Halyard Systems"),
    Person("Runa Vik", "runa@skerry.example", "Skerry Maps"),
)
STORIES = {
    "greta@fjordline.example": N_("months of paid invoices, and a limit on what a period may cost"),
    "finn@saltmarsh.example": N_("payment overdue"),
    "noor@lanternfish.example": N_("trial about to end"),
    "ivo@copperleaf.example": N_("card declined at checkout"),
    "mina@paperkite.example": N_("cancelled, still running"),
    "theo@halyard.example": N_("smaller plan planned"),
    journal.JUNO.email: journal.STORY,
    "runa@skerry.example": N_("cancelled unheard"),
    "olive@mercato.example": N_("finds what does not agree under /admin/billing"),
}
"""What somebody who looks for a state of billing needs to know to sign in as the right person."""


@dataclass(frozen=True, slots=True)
class Act:
    """Something a person did at a moment."""

    at: datetime
    do: Callable[[], object]


def tell(app: Flask, state: State) -> None:
    """Live through the calendar up to the present. `app` takes the deliveries in and keeps the machine's time.

    A story that was interrupted goes on: the acts that are done are remembered, what they led to is in the world.
    """
    ports, present = _plugs_of(app), SystemClock().now()
    past = Past(ManualClock(present), os.environ["SIMULATOR_URL"])
    told = create_app(ports.settings, replace(ports, clock=past.clock))
    with taking_deliveries(app), told.app_context():
        enter_scope(SYSTEM)
        past.begin(present - SPAN)
        for person in PEOPLE:
            admit(person, past.clock.now())
        _live(past, state, present)
        past.arrive()
        _use(past.clock.now())
        greta, runa = (Shopper.named(one.email, one.organisation) for one in (PEOPLE[0], PEOPLE[-1]))
        drift.happen(runa, RATES, greta)


def _live(past: Past, state: State, present: datetime) -> None:
    progress = state.read(PROGRESS)
    today = from_timestamp(progress.get("today", int(present.timestamp())))
    for number, act in enumerate(calendar(past, today), 1):
        if number > progress.get("acts", 0):
            past.live_until(act.at)
            act.do()
            past.settle()
            state.write(PROGRESS, {"today": int(today.timestamp()), "acts": number})


def _plugs_of(app: Flask) -> Plugs:
    with app.app_context():
        return plugs()


def calendar(past: Past, today: datetime) -> list[Act]:
    """Return every act, in the order of time."""

    def ago(days: float, hours: float = 0) -> datetime:
        return today - timedelta(days=days, hours=hours)

    greta, finn, noor, ivo, mina, theo, runa = (partial(Shopper.named, one.email, one.organisation) for one in PEOPLE)
    renewal = ago(3, hours=2)
    acts = [
        Act(months_before(ago(11), 5), lambda: _buy(past, greta(), RATES, "pro", limit=5800)),
        Act(ago(100), lambda: _buy(past, greta(), ALMANAC, "plus")),
        Act(ago(75), lambda: greta().cancel(ALMANAC)),
        Act(months_before(renewal, 3), lambda: _buy(past, finn(), RATES, "pro")),
        Act(ago(20), lambda: finn().change_card(FAILS_LATER)),
        Act(ago(12, hours=-3), lambda: _buy(past, noor(), ALMANAC, "plus")),
        Act(ago(16), lambda: ivo().order(ALMANAC, "plus")),
        Act(ago(0, hours=3), lambda: _try(ivo(), RATES, "pro", DECLINED)),
        Act(months_before(ago(-9), 2), lambda: _buy(past, mina(), RATES, "pro")),
        Act(ago(4), lambda: mina().cancel(RATES)),
        Act(months_before(ago(-11), 2) - SCALE_TRIAL, lambda: _buy(past, theo(), RATES, "scale")),
        Act(ago(2), lambda: theo().switch(RATES, "pro")),
        Act(months_before(ago(-14), 2), lambda: _buy(past, runa(), RATES, "pro")),
    ]
    acts += [Act(at, act) for at, act in journal.acts(past, today)]
    return sorted(acts, key=lambda act: act.at)


def months_before(moment: datetime, months: int) -> datetime:
    """Return the moment so many months earlier, or a month more where that month is too short for the day.

    A subscription that begins then renews at exactly `moment`.
    """
    while add_intervals(earlier := add_intervals(moment, "month", -months), "month", months) != moment:
        months += 1
    return earlier


def _buy(past: Past, shopper: Shopper, api: str, plan: str, *, limit: int | None = None) -> None:
    page = shopper.order(api, plan, limit=limit)
    if page is not None:
        _expect(shopper.pay(page, WORKS), 303)
    past.settle()
    shopper.make_key(api)


def _try(shopper: Shopper, api: str, plan: str, card: str) -> None:
    page = shopper.order(api, plan)
    if page is not None:
        _expect(shopper.pay(page, card), 402)


def _expect(status: int, wanted: int) -> None:
    if status != wanted:
        raise PastBroken(f"a hosted page answered {status} instead of {wanted}")


def _use(now: datetime) -> None:
    """Let the calls of all those months come in, and be counted."""
    seen: dict[int, datetime] = {}
    for (email, api), per_day in CALLS_PER_DAY.items():
        organisation = next(one.organisation for one in PEOPLE if one.email == email)
        shopper = Shopper.named(email, organisation)
        until = min(shopper.held(api).ended_at or now, now)
        seen |= shopper.call(api, PATHS[api], per_day=per_day, until=until)
    note_use(plugs().settings.sqlalchemy_url.replace("+psycopg", ""), seen)
    with transaction(SYSTEM):
        while recompute_dirty(2_000) or recompute_dirty_api_days(2_000):
            pass
