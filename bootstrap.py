#!/usr/bin/env python3
"""From a fresh clone to a running portal, or to a passed test run, with Python and nothing else.

    python3 bootstrap.py demo        set up what is missing, then run the whole portal (make demo)
    python3 bootstrap.py test        set up what tests need, then run them all (make test)
    python3 bootstrap.py help        the rest

Standard library only, and readable by Python 3.8, so that an old one can say what is missing. Everything lands in
.venv, node_modules, static/dist and .state below this folder; every step is skipped when its lock file has not changed,
and an interrupted step begins again.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "installed.json"
OLDEST_PYTHON = (3, 11)
OTHER_PYTHONS = ("python3.14", "python3.13", "python3.12", "python3.11", "python3", "/usr/bin/python3")
OLDEST_NODE = 20
CONTAINS = {"demo": (), "dev": ("demo",), "node": ()}  # lock files, and those that each one includes
PORTABLE_BROWSER = ROOT / "tests" / "browser" / "chromium"


class SetupError(Exception):
    """Set-up cannot go on; the message says why and what to do."""


# --- what people see ---------------------------------------------------------------------------------------------


class Step:
    """One line of progress: alive on a terminal, two plain lines in a log, silent when there was nothing to do."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.started = time.monotonic()
        self.live = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self.finished = threading.Event()

    def __enter__(self) -> Step:
        if self.live:
            self.ticker = threading.Thread(target=self._tick, daemon=True)
            self.ticker.start()
        else:
            say(f"  … {self.title}")
        return self

    def __exit__(self, kind: object, error: object, at: object) -> None:
        self.finished.set()
        if self.live:
            self.ticker.join()
            sys.stdout.write("\r\033[K")
        say("  {} {:<58} {:>6.1f} s".format("✗" if kind else "✓", self.title, self.elapsed))

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.started

    def _tick(self) -> None:
        while not self.finished.wait(0.1):
            turn = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"[int(self.elapsed * 10) % 10]
            sys.stdout.write(f"\r  {turn} {self.title:<58} {self.elapsed:>6.0f} s")
            sys.stdout.flush()


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def run(command: list[str | Path], env: dict[str, str] | None = None, at: Path = ROOT) -> str:
    """Run a set-up command quietly; when it fails, its last words become the error."""
    words = [str(word) for word in command]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(words, cwd=str(at), env=env, check=False, **streams)
    output = done.stdout.decode(errors="replace").strip()
    if done.returncode:
        raise SetupError("`{}` failed:\n\n{}".format(" ".join(words), output[-3000:]))
    return output


# --- Python ------------------------------------------------------------------------------------------------------


def python_packages(lock: str) -> None:
    """Make .venv hold what requirements/<lock>.txt names."""
    wanted = digest(ROOT / "requirements" / f"{lock}.txt")
    if venv_works() and read_stamp().get(lock) == wanted:
        return
    if not venv_works() or not STAMP.exists():
        make_venv()
    installed = read_stamp()
    STAMP.unlink(missing_ok=True)  # an interruption from here on starts from an empty environment
    file = ROOT / "requirements" / f"{lock}.txt"
    count = sum(1 for line in file.read_text().splitlines() if "==" in line)
    with Step(f"Installing {count} pinned Python packages"):
        pip = [venv_program("python"), "-m", "pip", "--disable-pip-version-check", "--no-input"]
        run([*pip, "install", "--quiet", "--no-deps", "--require-hashes", "-r", file])
    installed[lock] = wanted
    for narrower in CONTAINS[lock]:
        installed[narrower] = digest(ROOT / "requirements" / f"{narrower}.txt")
    write_stamp(installed)


def make_venv() -> None:
    """An empty environment, from this Python or the best one on the machine."""
    python = find_python()
    if VENV.exists() and not os.access(str(VENV), os.W_OK):
        raise SetupError(f"{VENV} belongs to another user. Remove it, or clone the repository for yourself.")
    with Step(f"Creating the environment with {python}"):
        run([python, "-m", "venv", "--clear", VENV])
    write_stamp({})


def find_python() -> str:
    """The first Python of 3.11 or later that can make environments: this one, then those on PATH."""
    too_plain = ""
    for name in (sys.executable, *OTHER_PYTHONS):
        path = shutil.which(name)
        if path is None:
            continue
        version = asked(path, "import sys; print('%d.%d' % sys.version_info[:2])")
        if not version or tuple(int(part) for part in version.split(".")) < OLDEST_PYTHON:
            continue
        if asked(path, "import venv, ensurepip; print('yes')"):
            return path
        too_plain = too_plain or version
    if too_plain and can_apt():
        with Step(f"Installing python{too_plain}-venv with apt"):
            apt_install(f"python{too_plain}-venv")
        return find_python()
    if too_plain:
        raise SetupError(
            f"Python {too_plain} is here, but without the modules `venv` and `ensurepip`.\n"
            f"On Debian and Ubuntu: sudo apt install python{too_plain}-venv"
        )
    raise SetupError(
        "This needs Python {}.{} or later, with `venv`; {} is {}.\nInstall a newer one and run the same command "
        "again; it need not become the default.".format(*OLDEST_PYTHON, sys.executable, sys.version.split()[0])
    )


def asked(python: str, program: str) -> str:
    """What a Python prints for a one-line program; empty when it cannot run it."""
    try:
        done = subprocess.run([python, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return ""
    return done.stdout.decode().strip() if done.returncode == 0 else ""


def venv_works() -> bool:
    python = venv_program("python")
    return python.exists() and asked(str(python), "import sys; print(sys.version_info >= (3, 11))") == "True"


def venv_program(name: str) -> Path:
    return VENV / "bin" / name


def read_stamp() -> dict[str, str]:
    """The digest of each lock that is completely installed."""
    try:
        return dict(json.loads(STAMP.read_text()))
    except (OSError, ValueError):
        return {}


def write_stamp(installed: dict[str, str]) -> None:
    fresh = STAMP.with_suffix(".new")
    fresh.write_text(json.dumps(installed))
    fresh.replace(STAMP)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- the browser's files, and a browser --------------------------------------------------------------------------


def assets() -> None:
    """static/dist from pinned npm packages, with the system's npm or one from PyPI."""
    environment = with_node()
    current = [venv_program("python"), "-m", "portal.demo.assets"]
    if run([*current, "--check"], env=environment) == "yes":
        return
    with Step("Building styles, scripts and fonts"):
        run(current, env=environment)


def with_node() -> dict[str, str]:
    """An environment in which `npm` and `node` are found."""
    environment = in_venv()
    if system_node() is None:
        python_packages("node")
        for config in ("/usr/etc/npmrc", "/usr/local/etc/npmrc", "/etc/npmrc"):
            if os.path.exists(config):  # the machine's registry settings hold for our npm too
                environment.setdefault("NPM_CONFIG_GLOBALCONFIG", config)
        return environment
    environment["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), str(VENV / "bin")])
    return environment


def system_node() -> str | None:
    """The system's npm, when it and its node are there and new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    with contextlib.suppress(OSError, ValueError):
        version = subprocess.run([node, "--version"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()
        if int(version.strip().lstrip("v").split(".")[0]) >= OLDEST_NODE:
            return npm
    return None


def browser() -> str:
    """A Chromium for the browser tests: the system's, else from apt when we are root, else from npm."""
    found = system_browser()
    if found:
        return found
    if can_apt():
        with contextlib.suppress(SetupError), Step("Installing Chromium with apt"):
            apt_install("chromium")
        found = system_browser()
        if found:
            return found
    program = PORTABLE_BROWSER / "unpacked" / "browser"
    if not program.exists():
        with Step("Installing Chromium from npm"):
            run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], env=with_node(), at=PORTABLE_BROWSER)
            run([venv_program("python"), PORTABLE_BROWSER / "unpack.py"], env=in_venv())
    return str(program)


def system_browser() -> str | None:
    """A Chromium that starts; Ubuntu's `chromium-browser` is a placeholder that does not."""
    names = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    for name in names:
        path = shutil.which(name) if name else None
        if path:
            with contextlib.suppress(OSError):
                if subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0:
                    return path
    return None


def can_apt() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_install(package: str) -> None:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "-q"], env=quiet)
    run(["apt-get", "install", "-q", "-y", "--no-install-recommends", package], env=quiet)


# --- commands ----------------------------------------------------------------------------------------------------


def prepare(lock: str) -> None:
    """The environment and the assets; one set-up at a time in this folder."""
    with open(str(ROOT / ".setup.lock"), "w") as lock_file:
        try:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another set-up is running in this folder; waiting for it.")
            fcntl.flock(lock_file, fcntl.LOCK_EX)
        python_packages(lock)
        assets()


def in_venv() -> dict[str, str]:
    """The process environment with .venv's programs first."""
    path = os.pathsep.join([str(VENV / "bin"), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "VIRTUAL_ENV": str(VENV), "PATH": path}


def become(command: list[str | Path], environment: dict[str, str]) -> None:
    """Hand this process over, so that signals and the exit code need no translation."""
    sys.stdout.flush()
    os.chdir(str(ROOT))
    words = [str(word) for word in command]
    program = words[0] if os.sep in words[0] else shutil.which(words[0], path=environment["PATH"])
    if program is None:
        raise SetupError("{} was not found in {} or on PATH.".format(words[0], VENV / "bin"))
    os.execve(program, words, environment)  # noqa: S606 - becoming another program is the point


def demo(arguments: list[str]) -> None:
    """set up what is missing and run the portal with demo data until Ctrl-C"""
    prepare("demo")
    become([venv_program("python"), "-m", "portal.demo", "run", *arguments], in_venv())


def demo_reset(arguments: list[str]) -> None:
    """forget the demo's data and begin again at the next start"""
    prepare("demo")
    become([venv_program("python"), "-m", "portal.demo", "reset", *arguments], in_venv())


def test(arguments: list[str]) -> None:
    """set up what tests need and run pytest (arguments go to pytest)"""
    prepare("dev")
    environment = {**in_venv(), "CHROMIUM": browser()}
    (ROOT / "artifacts").mkdir(exist_ok=True)
    pytest = [str(venv_program("python")), "-m", "pytest"]
    if arguments:
        become([*pytest, "--junitxml=artifacts/tests.xml", *arguments], environment)
    # Tests of one file share servers, so files go to one worker each. Journeys want the machine for themselves.
    workers = str(min(4, os.cpu_count() or 1))
    quick = [*pytest, "-n", workers, "--dist", "loadfile", "-m", "not browser and not chaos"]
    journeys = [*pytest, "-m", "browser or chaos"]
    codes = [
        subprocess.call([*command, f"--junitxml=artifacts/{name}.xml"], env=environment, cwd=ROOT)
        for name, command in (("tests", quick), ("journeys", journeys))
    ]
    sys.exit(max(codes))


def run_tool(arguments: list[str]) -> None:
    """run any program in the developer's environment: `run ruff check`"""
    if not arguments:
        raise SetupError("Say what to run, for instance: python3 bootstrap.py run ruff check")
    prepare("dev")
    become(arguments, in_venv())


def build_assets(arguments: list[str]) -> None:
    """build static/dist (`--force` even when nothing changed)"""
    python_packages("demo")
    become([venv_program("python"), "-m", "portal.demo.assets", *arguments], with_node())


def lock_requirements(arguments: list[str]) -> None:
    """pin requirements/*.in anew into *.txt, with hashes, for every platform (`--upgrade` for newer versions)"""
    python_packages("dev")
    run([venv_program("python"), "-m", "pip", "install", "--quiet", "uv"])
    for lock in ("runtime", "demo", "dev", "node"):
        file = f"requirements/{lock}"
        fixed = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-annotate", "--quiet"]
        fixed += ["--override", "requirements/overrides.txt", "--custom-compile-command", "make lock"]
        run([venv_program("uv"), "pip", "compile", *fixed, *arguments, "-o", file + ".txt", file + ".in"])
    say("requirements/*.txt are pinned; commit them together with the .in files")


def show_help(_arguments: list[str]) -> None:
    """this list"""
    say(__doc__ or "")
    for name, command in COMMANDS.items():
        say(f"  {name:<12} {command.__doc__}")


COMMANDS = {
    "demo": demo,
    "demo-reset": demo_reset,
    "test": test,
    "run": run_tool,
    "assets": build_assets,
    "lock": lock_requirements,
    "help": show_help,
}


def main(words: list[str]) -> int:
    name = words[0] if words else "help"
    command = COMMANDS.get(name)
    if command is None:
        sys.stderr.write("There is no command {!r}; try: {}\n".format(name, ", ".join(COMMANDS)))
        return 2
    try:
        command(words[1:])
    except SetupError as problem:
        sys.stderr.write(f"\n{problem}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. Run the same command again to go on.\n")
        return 130
    return 0


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")
    sys.exit(main(sys.argv[1:]))
