"""`python -m portal.demo run` runs the whole portal; `python -m portal.demo reset` forgets its data."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from portal.demo import leftovers
from portal.demo.ports import PortError
from portal.demo.run import ROOT, run
from portal.demo.servers import ServerStartError, forget_postgres
from portal.demo.state import State, StateInUseError
from portal.demo.supervisor import ProcessFailedError


def main(words: list[str]) -> int:
    """Returns the exit code."""
    state = State.at(Path(os.environ.get("PORTAL_STATE") or ROOT / ".state"))
    try:
        if words == ["run"]:
            run(state)
        elif words == ["reset"]:
            reset(state)
        else:
            sys.stderr.write(f"{__doc__}\n")
            return 2
    except StateInUseError as owner:
        sys.stderr.write(
            f"\nA demo already runs on {state.folder} (process {owner}). Stop it first, with Ctrl-C there.\n"
        )
        return 1
    except (PortError, ServerStartError, ProcessFailedError) as problem:
        sys.stderr.write(f"\n{problem}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def reset(state: State) -> None:
    """Forget everything this state holds, also what had to be kept outside it."""
    with state.hold():
        leftovers.end(leftovers.marked(state.folder))
        forget_postgres(state.folder / "postgres")
        for entry in state.folder.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry.name != "lock":
                entry.unlink()
    sys.stdout.write(f"The demo's data in {state.folder} is gone; `make demo` begins again.\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
