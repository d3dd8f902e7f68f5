"""The sealing job: behind the commits, only what is over, in order, once."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from jobs import drain
from portal.audit import sealing
from portal.audit.models import AuditEntry, AuditSeal
from portal.audit.service import record
from portal.audit.verifying import read_state, walk
from portal.db import SYSTEM, db, enter_scope, scoped, transaction
from portal.settings import Settings
from tests.audit.conftest import Owner, act, seal

pytestmark = pytest.mark.usefixtures("app")
INSERT = "INSERT INTO audit_entries (actor, action, subject) VALUES ('user:2', 'slow.act', 'thing:9') RETURNING id"


def sealed_entries() -> list[int]:
    with scoped(SYSTEM) as session:
        return list(session.scalars(select(AuditSeal.entry_id).order_by(AuditSeal.number)))


def test_what_was_recorded_is_sealed_in_order_and_once() -> None:
    act(3)
    assert drain.seals() == 3
    assert drain.seals() == 0
    act(2)
    assert drain.seals() == 2
    assert sealed_entries() == [1, 2, 3, 4, 5]
    with scoped(SYSTEM):
        assert walk().links == 5


def test_an_entry_whose_transaction_is_open_is_waited_for(settings: Settings) -> None:
    """The later entry is committed first: it waits behind the earlier one, whose transaction may yet be rolled back."""
    address = settings.sqlalchemy_url.replace("+psycopg", "")
    with psycopg.connect(address) as slow:
        (taken,) = slow.execute(INSERT).fetchone() or (0,)
        act()
        assert seal() == 0
        with scoped(SYSTEM):
            assert read_state().waiting == 1
        slow.commit()
    assert seal() == 2
    assert sealed_entries() == [taken, taken + 1]


def test_a_number_that_was_rolled_back_leaves_no_hole(settings: Settings) -> None:
    with psycopg.connect(settings.sqlalchemy_url.replace("+psycopg", "")) as slow:
        slow.execute(INSERT)
        act()
        slow.rollback()
    assert seal() == 1
    with scoped(SYSTEM):
        assert walk().fault is None
    assert sealed_entries() == [2]


def test_recording_waits_for_nobody(settings: Settings) -> None:
    """While a run is sealing and holds its lock, acts are recorded, and a second run does nothing."""
    act()
    with transaction(SYSTEM) as session:
        session.execute(text("SELECT pg_advisory_xact_lock(7301027)"))
        with psycopg.connect(settings.sqlalchemy_url.replace("+psycopg", "")) as other:
            other.execute("SET lock_timeout = '200ms'")
            other.execute(INSERT)
            other.commit()
            found = other.execute("SELECT pg_try_advisory_xact_lock(7301027)").fetchone()
            assert found == (False,)
    assert seal() == 2


def test_many_writers_and_two_sealers_leave_one_whole_chain(app: Flask) -> None:
    """Transactions that overlap, dawdle and give up, with sealing all the while: everything committed is sealed once."""
    over, kept = threading.Event(), []

    def write(number: int) -> None:
        chance = random.Random(number)
        with app.app_context():
            enter_scope(SYSTEM)
            for n in range(25):
                try:
                    with transaction(SYSTEM) as session:
                        record("busy.act", f"thing:{number}-{n}", actor=f"user:{number}")
                        session.flush()
                        time.sleep(chance.random() / 200)
                        if chance.random() < 0.2:
                            raise InterruptedError
                    kept.append(f"thing:{number}-{n}")
                except InterruptedError:
                    continue
            db.session.remove()

    def keep_sealing() -> None:
        with app.app_context():
            while not over.is_set():
                seal()
            db.session.remove()

    with ThreadPoolExecutor(8) as pool:
        sealers = [pool.submit(keep_sealing) for _ in range(2)]
        for writer in [pool.submit(write, n) for n in range(6)]:
            writer.result()
        over.set()
        for sealer in sealers:
            sealer.result()
    seal()
    with scoped(SYSTEM) as session:
        walked = walk()
        subjects = set(session.scalars(select(AuditEntry.subject)))
    assert walked.fault is None
    assert walked.links == len(kept) > 80
    assert subjects == set(kept)


def test_entries_from_before_the_chain_are_sealed_by_its_first_run(owner: Owner) -> None:
    act(3)
    owner("UPDATE audit_entries SET transaction_id = 0, at = at - interval '2 years'")
    act()
    assert seal() == 4
    with scoped(SYSTEM):
        assert walk().fault is None


def test_a_dump_restored_into_a_new_cluster_goes_on(owner: Owner) -> None:
    """There, transactions are counted from the beginning: seals and entries bear numbers this cluster has not reached."""
    act(2)
    owner("UPDATE audit_entries SET transaction_id = transaction_id + 1000000000")
    _seal_in_the_old_cluster(horizon=2_000_000_000)
    act()
    owner("UPDATE audit_entries SET transaction_id = transaction_id + 2000000000 WHERE id = 3")
    act()
    assert seal() == 2
    act()
    assert seal() == 1
    with scoped(SYSTEM):
        walked = walk()
    assert (walked.fault, walked.links) == (None, 5)


def _seal_in_the_old_cluster(horizon: int) -> None:
    now = text(
        "SELECT CAST(:horizon AS bigint) AS horizon, at, (at AT TIME ZONE 'UTC')::text AS at_text FROM now() AS at"
    )
    with transaction(SYSTEM) as session:
        row = session.execute(now, {"horizon": horizon}).one()
        session.add_all(AuditSeal(**sealing._values(one)) for one in list(sealing._seals(None, row)))


@pytest.mark.parametrize("column", ["id", "at", "transaction_id"])
def test_the_portal_cannot_say_what_is_the_databases_to_say(column: str) -> None:
    value = "now()" if column == "at" else "1"
    statement = f"INSERT INTO audit_entries ({column}, actor, action, subject) VALUES ({value}, 'a', 'b', 'c')"  # noqa: S608
    with pytest.raises(DBAPIError, match=r"permission denied|GENERATED ALWAYS"), transaction(SYSTEM) as session:
        session.execute(text(statement))


def test_seals_cannot_be_changed_and_requests_cannot_read_them() -> None:
    act()
    seal()
    for statement in ("UPDATE audit_seals SET number = 7", "DELETE FROM audit_seals", "TRUNCATE audit_seals"):
        with pytest.raises(DBAPIError, match=r"permission denied|append-only"), transaction(SYSTEM) as session:
            session.execute(text(statement))
    with pytest.raises(DBAPIError, match="permission denied"), transaction() as session:
        session.execute(text("SET LOCAL ROLE portal_app"))
        session.execute(text("SELECT count(*) FROM audit_seals"))
