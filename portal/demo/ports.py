"""Which ports the demo uses: the three people see are asked for, the inner ones are found and remembered."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from portal.demo.state import State

PUBLIC = {"PORT": 8000, "GATEWAY_PORT": 8080, "SIMULATOR_PORT": 12111}
INNER = {"postgres": 15432, "valkey": 16379, "upstreams": 18090}
LOWEST_FREE_TO_USE = 1024


class PortError(RuntimeError):
    """A port cannot be used; the message names it and says what to type instead."""


@dataclass(frozen=True)
class Ports:
    """The TCP ports of one run, all on 127.0.0.1."""

    portal: int
    gateway: int
    simulator: int
    postgres: int
    valkey: int
    upstreams: int


def choose(
    state: State, environment: Mapping[str, str] = os.environ, ask: Callable[[str], bool] | None = None
) -> Ports:
    """Settle all ports. `ask` puts a yes-or-no question; without it (no terminal) a taken port raises PortError."""
    wanted = {name: _requested(name, environment) for name in PUBLIC}
    if len(set(wanted.values())) < len(wanted):
        raise PortError("PORT, GATEWAY_PORT and SIMULATOR_PORT must be three different ports.")
    taken = [name for name, port in wanted.items() if not is_free(port)]
    if taken:
        other = _others(wanted, taken)
        if ask is None or not ask(_question(wanted, taken, other)):
            raise PortError(_explanation(wanted, taken, other))
        wanted |= other
    inner = {name: _inner(name, state, avoid=wanted.values()) for name in INNER}
    return Ports(wanted["PORT"], wanted["GATEWAY_PORT"], wanted["SIMULATOR_PORT"], **inner)


def is_free(port: int) -> bool:
    """True when a server could listen there now; a port that only waits out its last connections counts as free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen()
        except OSError:
            return False
    return True


def first_free(start: int, avoid: Iterable[int] = ()) -> int:
    """The first free port from `start` upwards that is not in `avoid`."""
    avoided = set(avoid)
    for port in range(start, 65_536):
        if port not in avoided and is_free(port):
            return port
    raise PortError(f"No free port from {start} upwards.")


def _requested(name: str, environment: Mapping[str, str]) -> int:
    text = environment.get(name, "").strip() or str(PUBLIC[name])
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65_536):
        raise PortError(f"{name}={text} is not a port: use a number from 1 to 65535.")
    port = int(text)
    if port < LOWEST_FREE_TO_USE and os.geteuid() != 0:
        raise PortError(f"{name}={port} needs root; use a number from {LOWEST_FREE_TO_USE} to 65535.")
    return port


def _inner(name: str, state: State, avoid: Iterable[int]) -> int:
    """The remembered port, else the first free one near its usual place.

    The demo's APIs are published at their upstream's address, so that port may not wander.
    """
    known = state.remembered_port(name)
    if known is not None and known not in avoid and is_free(known):
        return known
    if known is not None and name == "upstreams":
        raise PortError(
            f"Port {known} is taken by another program, and the demo's APIs are published there. "
            "Free it, or begin again with: make demo-reset"
        )
    port = first_free(INNER[name], avoid)
    state.remember_port(name, port)
    return port


def _others(wanted: Mapping[str, int], taken: Iterable[str]) -> dict[str, int]:
    offered: dict[str, int] = {}
    for name in taken:
        start = max(wanted[name] + 1, LOWEST_FREE_TO_USE)
        offered[name] = first_free(start, {*wanted.values(), *offered.values()})
    return offered


def _question(wanted: Mapping[str, int], taken: Iterable[str], other: Mapping[str, int]) -> str:
    pairs = [f"port {wanted[name]} is taken; use {other[name]}" for name in taken]
    text = ", ".join(pairs)
    return f"{text[0].upper()}{text[1:]} instead?"


def _explanation(wanted: Mapping[str, int], taken: Iterable[str], other: Mapping[str, int]) -> str:
    lines = [f"Port {wanted[name]} ({name}) is taken by another program." for name in taken]
    command = " ".join(f"{name}={port}" for name, port in other.items())
    return "\n".join([*lines, f"Free it, or start on another one:  {command} make demo"])
