"""A taken port is named, and another one is offered in words that can be typed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.demo import ports
from portal.demo.ports import PortError
from portal.demo.state import State


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State.at(tmp_path)


@pytest.fixture
def free() -> dict[str, str]:
    portal = ports.first_free(28_000)
    gateway = ports.first_free(portal + 1)
    return {
        "PORT": str(portal),
        "GATEWAY_PORT": str(gateway),
        "SIMULATOR_PORT": str(ports.first_free(gateway + 1)),
    }


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_free_ports_are_used_as_asked(state: State, free: dict[str, str]) -> None:
    chosen = ports.choose(state, free)
    assert [chosen.portal, chosen.gateway, chosen.simulator] == [int(port) for port in free.values()]
    assert len({*vars(chosen).values()}) == 6


def test_a_taken_port_is_named_with_a_command_that_works(state: State, free: dict[str, str], taken: int) -> None:
    with pytest.raises(PortError) as caught:
        ports.choose(state, free | {"PORT": str(taken)})
    text = str(caught.value)
    assert f"Port {taken} (PORT) is taken by another program." in text
    command = text.splitlines()[-1].split("  ")[1]
    assert command.endswith(" make demo")
    name, _, port = command.split(" ")[0].partition("=")
    assert name == "PORT"
    assert ports.is_free(int(port))


def test_every_taken_port_is_named_at_once(state: State, free: dict[str, str], taken: int) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        asked = free | {"PORT": str(taken), "GATEWAY_PORT": str(other.getsockname()[1])}
        with pytest.raises(PortError, match=r"(?s)\(PORT\).*\(GATEWAY_PORT\).*PORT=\d+ GATEWAY_PORT=\d+ make demo"):
            ports.choose(state, asked)


def test_on_a_terminal_yes_takes_the_offer(state: State, free: dict[str, str], taken: int) -> None:
    questions: list[str] = []

    def yes(question: str) -> bool:
        questions.append(question)
        return True

    chosen = ports.choose(state, free | {"GATEWAY_PORT": str(taken)}, ask=yes)
    assert questions == [f"Port {taken} is taken; use {chosen.gateway} instead?"]
    assert chosen.gateway != taken


def test_on_a_terminal_no_leaves_with_the_explanation(state: State, free: dict[str, str], taken: int) -> None:
    with pytest.raises(PortError, match="is taken"):
        ports.choose(state, free | {"PORT": str(taken)}, ask=lambda _: False)


@pytest.mark.parametrize("wrong", ["eighty", "0", "65536", "-1", "80 80", "8000.0", "٨٠٠٠"])
def test_what_is_not_a_port_is_refused_by_name(state: State, free: dict[str, str], wrong: str) -> None:
    with pytest.raises(PortError, match="PORT="):
        ports.choose(state, free | {"PORT": wrong})


def test_one_port_cannot_serve_twice(state: State, free: dict[str, str]) -> None:
    with pytest.raises(PortError, match="three different ports"):
        ports.choose(state, free | {"GATEWAY_PORT": free["PORT"]})


def test_inner_ports_are_remembered_and_replaced_when_taken(state: State, free: dict[str, str]) -> None:
    first = ports.choose(state, free)
    assert ports.choose(state, free) == first
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", first.postgres))
        listener.listen()
        assert ports.choose(state, free).postgres != first.postgres


def test_the_port_where_demo_apis_are_published_does_not_wander(state: State, free: dict[str, str], taken: int) -> None:
    state.remember_port("upstreams", taken)
    with pytest.raises(PortError, match=rf"Port {taken} .*make demo-reset"):
        ports.choose(state, free)
