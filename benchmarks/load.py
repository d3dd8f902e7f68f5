"""Asking one address again and again, or posting many bodies once, over kept-alive connections.

Asking is done by `wrk` where there is one. Both of our own clients are single-threaded and send bytes made beforehand:
they share the cores with what they measure, so every microsecond they need is taken from it.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
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
    total = re.search(r"(\d+) requests in ([\d.]+)s", text)
    others = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    p50, p99 = (re.search(rf"{share}%\s+([\d.]+)(us|ms|s)", text) for share in (50, 99))
    if not (total and p50 and p99) or int(others[1] if others else 0) != (0 if status < 400 else int(total[1])):
        raise RuntimeError(text)
    return Load(int(total[1]), float(total[2]), float(p50[1]) * _UNITS[p50[2]], float(p99[1]) * _UNITS[p99[2]])


def _by_ourselves(
    port: int, path: str, headers: dict[str, str], *, seconds: float, connections: int, status: int
) -> Load:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{lines}\r\n".encode()
    times: list[float] = []
    begun = time.perf_counter()
    _use(port, connections, lambda: _Asker(request, b"HTTP/1.1 %d" % status, begun + seconds, times))
    took = time.perf_counter() - begun
    times.sort()
    return Load(len(times), took, times[len(times) // 2] * 1000, times[int(len(times) * 0.99)] * 1000)


Headers = Mapping[str, str] | Callable[[bytes], Mapping[str, str]]


def posts(path: str, bodies: Sequence[bytes], headers: Headers) -> list[bytes]:
    """Return whole requests, ready to send. `headers` may be made from each body (a signature)."""
    made = []
    for body in bodies:
        own = headers(body) if callable(headers) else headers
        lines = "".join(f"{name}: {value}\r\n" for name, value in own.items())
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{lines}"
        made.append(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return made


def send_all(port: int, requests: Sequence[bytes], *, connections: int = 8) -> int:
    """Send every request once and return how many were answered 200. Raises RuntimeError for any other answer."""
    todo, answered = iter(requests), list[int]()
    _use(port, connections, lambda: _Sender(todo, answered))
    return len(answered)


def _use(port: int, connections: int, make: Callable[[], _Connection]) -> None:
    """Open so many connections and return when all of them have done their work."""

    async def spell() -> None:
        loop = asyncio.get_running_loop()
        used = [make() for _ in range(connections)]
        for one in used:
            await loop.create_connection(lambda one=one: one, "127.0.0.1", port)  # type: ignore[misc]
        await asyncio.gather(*(one.done for one in used))

    uvloop.run(spell())


class _Connection(asyncio.Protocol):
    """Sends the next request when the one before is answered, until there is none. Any answer but the expected ends it."""

    def __init__(self, expected: bytes) -> None:
        self._expected, self._received = expected, b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def _next(self) -> bytes | None:
        raise NotImplementedError

    def _note(self) -> None:
        raise NotImplementedError

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._go_on()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
        if not found or length is None or len(body) < int(length[1]):
            return
        if not head.startswith(self._expected):
            self._end(RuntimeError(self._received[:600].decode(errors="replace")))
            return
        self._received = b""
        self._note()
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or RuntimeError("the server closed the connection"))

    def _go_on(self) -> None:
        request = self._next()
        if request is None:
            self._end(None)
        else:
            self._transport.write(request)

    def _end(self, problem: Exception | None) -> None:
        if self.done.done():
            return
        if problem is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(problem)
        self._transport.close()


class _Asker(_Connection):
    """Asks for the same thing until a moment, and notes how long each answer took."""

    def __init__(self, request: bytes, expected: bytes, until: float, times: list[float]) -> None:
        super().__init__(expected)
        self._request, self._until, self._times = request, until, times

    def _next(self) -> bytes | None:
        self._sent = time.perf_counter()
        return self._request if self._sent < self._until else None

    def _note(self) -> None:
        self._times.append(time.perf_counter() - self._sent)


class _Sender(_Connection):
    """Sends whatever nobody has sent yet, and counts the answers."""

    def __init__(self, todo: Iterator[bytes], answered: list[int]) -> None:
        super().__init__(b"HTTP/1.1 200")
        self._todo, self._answered = todo, answered

    def _next(self) -> bytes | None:
        return next(self._todo, None)

    def _note(self) -> None:
        self._answered.append(1)
