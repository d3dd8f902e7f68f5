"""Asking one address again and again over kept-alive connections: by `wrk` where there is one, else by ourselves."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import time
from dataclasses import dataclass

import uvloop

_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True, slots=True)
class Load:
    """What one spell of asking gave. Times are milliseconds."""

    calls: int
    seconds: float
    p50: float
    p99: float


def tool() -> str:
    """Name what asks."""
    return "wrk" if shutil.which("wrk") else "own client"


def ask(port: int, path: str, headers: dict[str, str], *, seconds: float, connections: int, status: int = 200) -> Load:
    """Ask for `seconds` and return how that went. Raises RuntimeError when answers were not as expected."""
    by = _by_wrk if shutil.which("wrk") else _by_ourselves
    return by(port, path, headers, seconds=seconds, connections=connections, status=status)


def _by_wrk(port: int, path: str, headers: dict[str, str], *, seconds: float, connections: int, status: int) -> Load:
    flags = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency", *flags]
    text = subprocess.run(
        [*command, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True
    ).stdout
    if status == 200 and "Non-2xx" in text:
        raise RuntimeError(text)
    total = re.search(r"(\d+) requests in ([\d.]+)s", text)
    p50, p99 = (re.search(rf"{share}%\s+([\d.]+)(us|ms|s)", text) for share in (50, 99))
    if not (total and p50 and p99):
        raise RuntimeError(text)
    return Load(int(total[1]), float(total[2]), float(p50[1]) * _UNITS[p50[2]], float(p99[1]) * _UNITS[p99[2]])


def _by_ourselves(
    port: int, path: str, headers: dict[str, str], *, seconds: float, connections: int, status: int
) -> Load:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{lines}\r\n".encode()
    times: list[float] = []

    async def spell() -> float:
        loop, begun = asyncio.get_running_loop(), time.perf_counter()
        askers = [_Asker(request, b"HTTP/1.1 %d" % status, begun + seconds, times) for _ in range(connections)]
        for asker in askers:
            await loop.create_connection(lambda asker=asker: asker, "127.0.0.1", port)  # type: ignore[misc]
        await asyncio.gather(*(asker.done for asker in askers))
        return time.perf_counter() - begun

    took = uvloop.run(spell())
    times.sort()
    return Load(len(times), took, times[len(times) // 2] * 1000, times[int(len(times) * 0.99)] * 1000)


class _Asker(asyncio.Protocol):
    def __init__(self, request: bytes, expected: bytes, until: float, times: list[float]) -> None:
        self._request, self._expected, self._until, self._times = request, expected, until, times
        self._received, self._sent = b"", 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
        if not found or length is None or len(body) < int(length[1]):
            return
        if not head.startswith(self._expected):
            self.done.set_exception(RuntimeError(head.decode()))
            return
        now = time.perf_counter()
        self._times.append(now - self._sent)
        self._received = b""
        if now < self._until:
            self._ask()
        else:
            self._transport.close()
            self.done.set_result(None)

    def _ask(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._request)
