"""One simulator per run, emptied before every test; a receiver for webhooks."""

from collections.abc import Iterator

import pytest
import stripe

from tests.simulator.receiver import Receiver, listening
from tests.simulator.running import Running, in_thread


@pytest.fixture(scope="package")
def running() -> Iterator[Running]:
    with in_thread() as found:
        yield found


@pytest.fixture
def simulator(running: Running) -> Running:
    running.control("reset")
    return running


@pytest.fixture
def client(simulator: Running) -> stripe.StripeClient:
    return simulator.client()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as found:
        yield found
