"""The demo upstreams as a process of their own, and every operation that their documents describe."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
import urllib3

from portal.demo.servers import free_port
from tests.dataplane.conftest import wait_until


@pytest.fixture(scope="package")
def base() -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "portal.upstreams", "--port", str(port)])
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return urllib3.request("GET", url, retries=False).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    try:
        wait_until(answers, 20)
        yield url
    finally:
        process.terminate()
        process.wait(10)
