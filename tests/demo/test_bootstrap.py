"""Set-up does what is missing, nothing twice, and begins again after an interruption."""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("demo", "dev", "node")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose locks ask for nothing, so that installing them is quick."""
    shutil.copy(ROOT / "bootstrap.py", tmp_path)
    (tmp_path / "requirements").mkdir()
    for lock in LOCKS:
        (tmp_path / "requirements" / f"{lock}.txt").write_text(f"# {lock}: nothing\n")
    return tmp_path


def load(checkout: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap_under_test", checkout / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fake_python(folder: Path, version: str, *, complete: bool) -> str:
    """A program that answers like a Python of that version, with or without `venv` and `ensurepip`."""
    path = folder / f"python-{version}"
    path.write_text(
        f'#!/bin/sh\ncase "$2" in *version_info*) echo {version};; *) {"echo yes" if complete else "exit 1"};; esac\n'
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_an_environment_is_made_once_and_updated_when_its_lock_changes(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bootstrap = load(checkout)
    bootstrap.python_packages("demo")
    assert "Creating the environment" in capsys.readouterr().out
    bootstrap.python_packages("demo")
    assert capsys.readouterr().out == ""
    (checkout / "requirements" / "demo.txt").write_text("# other\n")
    bootstrap.python_packages("demo")
    said = capsys.readouterr().out
    assert "Installing" in said
    assert "Creating" not in said


def test_the_wider_lock_covers_the_narrower_one(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bootstrap = load(checkout)
    bootstrap.python_packages("dev")
    capsys.readouterr()
    bootstrap.python_packages("demo")
    assert capsys.readouterr().out == ""


def test_an_interrupted_install_begins_with_an_empty_environment(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bootstrap = load(checkout)
    bootstrap.python_packages("demo")
    bootstrap.STAMP.unlink()
    half_installed = checkout / ".venv" / "half-installed"
    half_installed.touch()
    bootstrap.python_packages("demo")
    assert "Creating the environment" in capsys.readouterr().out
    assert not half_installed.exists()
    assert bootstrap.venv_works()


def test_a_failed_install_is_explained_and_not_taken_for_done(checkout: Path) -> None:
    bootstrap = load(checkout)
    (checkout / "requirements" / "demo.txt").write_text("./no-such-folder-anywhere\n")
    with pytest.raises(bootstrap.SetupError, match="no-such-folder-anywhere"):
        bootstrap.python_packages("demo")
    assert "demo" not in bootstrap.read_stamp()


def test_an_environment_whose_python_is_gone_is_made_anew(checkout: Path) -> None:
    bootstrap = load(checkout)
    bootstrap.python_packages("demo")
    (checkout / ".venv" / "bin" / "python").unlink()
    assert not bootstrap.venv_works()
    bootstrap.python_packages("demo")
    assert bootstrap.venv_works()


@pytest.mark.parametrize("content", ["", "{", '["demo"]', "\x00"])
def test_a_damaged_stamp_counts_as_nothing_installed(checkout: Path, content: str) -> None:
    bootstrap = load(checkout)
    bootstrap.VENV.mkdir()
    bootstrap.STAMP.write_text(content)
    assert bootstrap.read_stamp() == {}


@pytest.fixture
def pythons(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ModuleType]:
    """Make exactly these Pythons the ones on the machine, for an ordinary user."""

    def only(*paths: str) -> ModuleType:
        bootstrap = load(checkout)
        monkeypatch.setattr(sys, "executable", paths[0])
        monkeypatch.setattr(bootstrap, "OTHER_PYTHONS", paths[1:])
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        return bootstrap

    return only


def test_a_newer_python_elsewhere_is_found(checkout: Path, pythons: Callable[..., ModuleType]) -> None:
    old, newer = fake_python(checkout, "3.9", complete=True), fake_python(checkout, "3.12", complete=True)
    assert pythons(old, "no-such-python", newer).find_python() == newer


def test_a_python_without_venv_is_passed_over_for_one_with(checkout: Path, pythons: Callable[..., ModuleType]) -> None:
    plain, complete = fake_python(checkout, "3.13", complete=False), fake_python(checkout, "3.11", complete=True)
    assert pythons(plain, complete).find_python() == complete


def test_only_old_pythons_is_said_plainly(checkout: Path, pythons: Callable[..., ModuleType]) -> None:
    bootstrap = pythons(fake_python(checkout, "3.9", complete=True))
    with pytest.raises(bootstrap.SetupError, match=r"needs Python 3\.11 or later"):
        bootstrap.find_python()


def test_a_python_without_venv_says_what_to_install(checkout: Path, pythons: Callable[..., ModuleType]) -> None:
    bootstrap = pythons(fake_python(checkout, "3.11", complete=False))
    with pytest.raises(bootstrap.SetupError, match=r"sudo apt install python3\.11-venv"):
        bootstrap.find_python()


def test_an_unknown_command_names_the_known_ones() -> None:
    ran = subprocess.run(
        [sys.executable, "bootstrap.py", "dmeo"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert "'dmeo'" in ran.stderr
    assert "demo-reset" in ran.stderr


def test_help_needs_no_set_up(checkout: Path) -> None:
    ran = subprocess.run([sys.executable, "bootstrap.py"], cwd=checkout, capture_output=True, text=True, check=False)
    assert ran.returncode == 0
    assert "set up what is missing" in ran.stdout
    assert not (checkout / ".venv").exists()
