"""How the trail names who runs a command: there is no person signed in, only an account of the machine."""

from __future__ import annotations

import getpass


def command_actor() -> str:
    """Return `command:` and the login name of whoever runs this process, `command:unknown` for an account without one.

    Containers run under numbers that no password file knows.
    """
    try:
        return f"command:{getpass.getuser()}"
    except (OSError, KeyError):
        return "command:unknown"
