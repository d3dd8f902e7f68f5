"""The lock files can be trusted: everything pinned, everything hashed, nothing tied to one registry."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("runtime", "demo", "dev", "node")
PIN = re.compile(r"^(?P<name>[a-z0-9._-]+)==(?P<version>[^ ;]+)( ;[^\\]+)? \\$", re.IGNORECASE)


def pins(lock: str) -> dict[str, str]:
    lines = (ROOT / "requirements" / f"{lock}.txt").read_text().splitlines()
    return {found["name"].lower(): found["version"] for line in lines if (found := PIN.match(line))}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_is_a_pin_or_a_hash(lock: str) -> None:
    lines = (ROOT / "requirements" / f"{lock}.txt").read_text().splitlines()
    strange = [ln for ln in lines if not (ln.startswith(("#", "    --hash=sha256:")) or PIN.match(ln))]
    assert strange == [], "run `make lock` after changing a .in file"
    assert pins(lock)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_wish_is_in_its_lock(lock: str) -> None:
    wishes = (ROOT / "requirements" / f"{lock}.in").read_text().splitlines()
    names = {re.split(r"[\[=~<>; ]", wish)[0].lower() for wish in wishes if wish and not wish.startswith(("-", "#"))}
    assert names <= set(pins(lock)), "run `make lock` after changing a .in file"


@pytest.mark.parametrize(("wider", "narrower"), [("demo", "runtime"), ("dev", "demo")])
def test_development_and_demo_run_what_production_runs(wider: str, narrower: str) -> None:
    found = pins(wider)
    assert {name: found.get(name) for name in pins(narrower)} == pins(narrower)


def test_the_package_lock_is_exact_and_names_no_registry() -> None:
    wanted = json.loads((ROOT / "package.json").read_text())
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    for name, version in {**wanted["dependencies"], **wanted["devDependencies"]}.items():
        assert re.fullmatch(r"[\d.]+", version), f"{name} must be pinned exactly"
        assert locked[f"node_modules/{name}"]["version"] == version
        assert locked[f"node_modules/{name}"]["integrity"].startswith("sha512-")
    assert [name for name, entry in locked.items() if "resolved" in entry] == []
