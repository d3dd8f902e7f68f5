"""Hashing an entry and a seal: the worked example of the documentation, and that nothing reads like something else."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from portal.audit.rules import BEGINNING, encode, entry_hash, sealed
from portal.audit.types import Seal
from tests.worked_tables import worked_rows

FIELDS = st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=6), max_size=4)


def test_entries_hash_as_documented() -> None:
    for case, fields, expected in worked_rows("audit.md", "Entries"):
        assert entry_hash(fields).hex() == expected, case


def test_seals_hash_as_documented() -> None:
    hashes = {int(fields[0]): entry_hash(fields) for _case, fields, _hash in worked_rows("audit.md", "Entries")}
    before = BEGINNING
    for case, number, entry_id, at, horizon, expected in worked_rows("audit.md", "Seals"):
        instant = datetime.fromisoformat(at).replace(tzinfo=UTC)
        seal = sealed(Seal(number, entry_id, hashes[entry_id], before, horizon, instant, at))
        assert seal.hash.hex() == expected, case
        before = seal.hash


@given(FIELDS, FIELDS)
def test_different_fields_never_read_alike(one: list[str | None], other: list[str | None]) -> None:
    assert (encode("t", one) == encode("t", other)) == (one == other)


def test_no_value_is_not_an_empty_one() -> None:
    assert encode("t", [None]) != encode("t", [""]) != encode("t", ["-"])
