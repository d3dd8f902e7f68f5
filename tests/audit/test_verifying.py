"""Whoever owns the database can change anything; the chain shows that it was done, and what was done first."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select

from jobs import recurring
from portal.audit.chain import find_link, find_seal
from portal.audit.models import AuditEntry, AuditSeal
from portal.audit.rules import entry_hash, sealed
from portal.audit.types import ChainBroken, Fault
from portal.audit.verifying import verify_entry, walk
from portal.db import SYSTEM, scoped
from tests.audit.conftest import Owner, act, seal

pytestmark = pytest.mark.usefixtures("app")


def found() -> Fault | None:
    with scoped(SYSTEM):
        return walk().fault


@pytest.fixture
def chain() -> None:
    """Six entries, sealed by three runs."""
    for _run in range(3):
        act(2, note="über")
        seal()


def test_an_untouched_chain_is_whole(chain: None) -> None:
    with scoped(SYSTEM):
        walked = walk()
        assert (walked.links, walked.fault) == (6, None)
        assert walked.head
        assert walk(after=4).links == 2
        assert verify_entry(3) is not None
        assert verify_entry(99) is None


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'user:2'",
        "reason = NULL",
        "reason = reason || ' '",
        "after = after || '{\"n\": 2}'",
        "before = NULL",
        "organisation_id = 1",
        "at = at + interval '1 microsecond'",
        "at = 'infinity'",
        "at = at - interval '4000 years'",
        "request_id = ''",
        "transaction_id = transaction_id - 1",
    ],
)
def test_a_changed_entry_is_found(chain: None, owner: Owner, change: str) -> None:
    owner(f"UPDATE audit_entries SET {change} WHERE id = 4")  # noqa: S608
    assert found() == Fault("entry changed", 4, 4)
    with scoped(SYSTEM):
        checked = verify_entry(4)
    assert checked is not None
    assert checked[1] == Fault("entry changed", 4, 4)


def test_a_missing_entry_is_found(chain: None, owner: Owner) -> None:
    owner("DELETE FROM audit_entries WHERE id = 2")
    assert found() == Fault("entry missing", 2, 2)


@pytest.mark.parametrize("age", ["0", "transaction_id"])
def test_an_entry_that_was_slipped_in_is_never_sealed_and_found(chain: None, owner: Owner, age: str) -> None:
    """With a transaction that was over long ago; it takes the place of a number that was rolled back, or any other."""
    columns = "(id, at, actor, action, subject, transaction_id) OVERRIDING SYSTEM VALUE"
    values = f"100, at, 'user:9', 'test.act', 'thing:1', {age}"
    owner(f"INSERT INTO audit_entries {columns} SELECT {values} FROM audit_entries WHERE id = 3")  # noqa: S608
    act()
    seal()
    assert found() == Fault("entry never sealed", None, 100)


def test_an_entry_that_was_slipped_in_with_an_old_date_is_found(owner: Owner) -> None:
    """Its transaction is of today, so the next run seals it; but the runs since its date did not see it."""
    act(2)
    owner("UPDATE audit_entries SET at = at - interval '30 days'")
    seal()
    owner(
        "INSERT INTO audit_entries (at, actor, action, subject)"
        " VALUES (now() - interval '20 days', 'user:9', 'test.act', 'thing:1')"
    )
    seal()
    assert found() == Fault("entry backdated", 3, 3)


def test_an_entry_that_waits_in_vain_is_found(owner: Owner) -> None:
    act()
    assert found() is None
    owner("UPDATE audit_entries SET at = at - interval '61 minutes'")
    assert found() == Fault("entry never sealed", None, 1)


@pytest.mark.parametrize(
    "change",
    [
        "hash = sha256('x')",
        "entry_hash = sha256('x')",
        "previous_hash = sha256('x')",
        "sealed_at = sealed_at + interval '1 second'",
        "horizon = horizon + 1",
        "entry_id = 60",
    ],
)
def test_a_changed_seal_is_found(chain: None, owner: Owner, change: str) -> None:
    owner(f"UPDATE audit_seals SET {change} WHERE number = 3")  # noqa: S608
    fault = found()
    assert fault is not None
    assert (fault.kind, fault.number) == ("seal changed", 3)


def test_a_missing_seal_is_found(chain: None, owner: Owner) -> None:
    owner("DELETE FROM audit_seals WHERE number = 1")
    assert found() == Fault("seal missing", 1, None)
    owner("DELETE FROM audit_seals WHERE number BETWEEN 3 AND 5")
    owner("UPDATE audit_seals SET number = number - 1")
    assert found() == Fault("seal changed", 1, 2)


def test_an_entry_and_its_seal_made_anew_break_what_follows(chain: None, owner: Owner) -> None:
    """Whoever changes an entry and reseals it would have to reseal everything after it."""
    owner("UPDATE audit_entries SET actor = 'user:2' WHERE id = 2")
    _reseal(owner, 2, 2)
    assert found() == Fault("seal changed", 3, 3)


def test_a_chain_made_anew_or_cut_short_is_found_by_a_head_that_was_kept(chain: None, owner: Owner) -> None:
    with scoped(SYSTEM):
        kept = walk().head
    assert kept is not None
    act(2)
    seal()
    with scoped(SYSTEM):
        assert walk(expected=kept.hash).found_at == 6
    owner("DELETE FROM audit_seals WHERE number > 5")
    owner("DELETE FROM audit_entries WHERE id > 5")
    with scoped(SYSTEM):
        assert walk().fault is None
        assert walk(expected=kept.hash).fault == Fault("head unknown", None, None)
    owner("UPDATE audit_entries SET actor = 'user:2' WHERE id = 2")
    _reseal(owner, 2, 5)
    with scoped(SYSTEM):
        assert walk().fault is None
        assert walk(expected=kept.hash).fault == Fault("head unknown", None, None)


def test_any_one_change_of_any_text_is_found(chain: None, owner: Owner) -> None:
    chance = random.Random(4)
    for _attack in range(30):
        column, number = chance.choice(["actor", "action", "subject", "reason"]), chance.randint(1, 6)
        with scoped(SYSTEM) as session:
            entry = session.scalars(select(AuditEntry).where(AuditEntry.id == number)).one()
            text = getattr(entry, column)
        place = chance.randrange(len(text))
        changed = text[:place] + chr(ord(text[place]) ^ 1 << chance.randrange(5)) + text[place + 1 :]
        changed = changed.replace("\x00", "\x01")
        owner(f"UPDATE audit_entries SET {column} = %s WHERE id = %s", changed, number)  # noqa: S608
        assert found() == Fault("entry changed", number, number), (column, changed)
        owner(f"UPDATE audit_entries SET {column} = %s WHERE id = %s", text, number)  # noqa: S608
    assert found() is None


def test_the_command_prints_the_head_and_proves_it(app: Flask, chain: None, owner: Owner) -> None:
    runner = app.test_cli_runner()
    first = runner.invoke(args=["audit", "verify"])
    assert (first.exit_code, first.output.splitlines()[0]) == (
        0,
        "6 entries, each as it was sealed; none is missing, none was slipped in.",
    )
    head = re.search(r"[0-9a-f]{64}", first.output)
    assert head
    act()
    assert runner.invoke(args=["audit", "seal"]).output == "1 sealed\n"
    again = runner.invoke(args=["audit", "verify", "--head", head[0]])
    assert again.exit_code == 0
    assert "number 6 of the chain" in again.output
    assert runner.invoke(args=["audit", "verify", "--head", "ab"]).exit_code == 2
    owner("UPDATE audit_entries SET reason = 'Nothing to see' WHERE id = 5")
    broken = runner.invoke(args=["audit", "verify"])
    assert broken.exit_code == 1
    assert broken.output == "Entry 5 was changed after it was sealed as number 5 of the chain.\n"
    owner("DELETE FROM audit_seals; DELETE FROM audit_entries")
    lost = runner.invoke(args=["audit", "verify", "--head", head[0]])
    assert lost.exit_code == 1
    assert "removed from its end" in lost.output


def test_an_empty_trail_is_no_fault(app: Flask) -> None:
    result = app.test_cli_runner().invoke(args=["audit", "verify"])
    assert (result.exit_code, result.output) == (0, "Nothing is sealed yet.\n")


def test_the_timetable_fails_aloud(chain: None, owner: Owner) -> None:
    assert recurring.verify_the_audit_trail() == "6 entries as they were sealed"
    owner("DELETE FROM audit_entries WHERE id = 1")
    with pytest.raises(ChainBroken, match="is missing"):
        recurring.verify_the_audit_trail()


def _reseal(owner: Owner, first: int, last: int) -> None:
    """Make seals anew from the entries as they read now, as somebody would who knows the code."""
    for number in range(first, last + 1):
        with scoped(SYSTEM) as session:
            entry_id = session.scalar(select(AuditSeal.entry_id).where(AuditSeal.number == number))
            link, before = find_link(entry_id or 0), find_seal(number - 1)
        assert link is not None
        assert link.fields is not None
        assert before is not None
        forged = sealed(replace(link.seal, entry_hash=entry_hash(link.fields), previous_hash=before.hash))
        owner(
            "UPDATE audit_seals SET entry_hash = %s, previous_hash = %s, hash = %s WHERE number = %s",
            forged.entry_hash,
            forged.previous_hash,
            forged.hash,
            number,
        )
