"""What a demo remembers is private, random, complete, and held by one supervisor at a time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from portal.demo.state import SECRETS, State, StateInUseError


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State.at(tmp_path / "state")


def test_secrets_are_made_once_and_differ_between_states(state: State, tmp_path: Path) -> None:
    first = state.secrets()
    assert set(first) == set(SECRETS)
    assert len(set(first.values())) == len(SECRETS)
    assert State.at(tmp_path / "state").secrets() == first
    assert not set(first.values()) & set(State.at(tmp_path / "other").secrets().values())


@pytest.mark.parametrize("name", ["secrets.json", "demo.json"])
def test_only_the_owner_can_read_what_is_written(state: State, name: str) -> None:
    (state.folder / name).touch(mode=0o644)
    state.write(name, {"a": 1})
    assert (state.folder / name).stat().st_mode & 0o777 == 0o600
    assert state.read(name) == {"a": 1}


def test_a_secret_that_a_newer_version_needs_is_added_and_the_others_stay(state: State) -> None:
    state.write("secrets.json", {"SECRET_KEY": "kept"})
    assert state.secrets()["SECRET_KEY"] == "kept"
    assert set(json.loads((state.folder / "secrets.json").read_text())) == set(SECRETS)


def test_the_secrets_satisfy_the_rules_of_production(state: State) -> None:
    made = state.secrets()
    assert all(len(value) >= 32 for value in made.values())
    assert made["STRIPE_WEBHOOK_SECRET"].startswith("whsec_")


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "\x00"])
def test_a_file_that_was_cut_short_reads_as_empty(state: State, content: str) -> None:
    (state.folder / "ports.json").write_text(content)
    assert state.read("ports.json") == {}
    assert state.remembered_port("postgres") is None


def test_a_second_supervisor_is_told_who_holds_the_state(state: State) -> None:
    with state.hold(), pytest.raises(StateInUseError, match=r"^\d+$"):
        state.hold()
    state.hold().close()
