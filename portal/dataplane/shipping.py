"""Sending the request log to the portal: at least once, in order of segments, for as long as it takes."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import aiohttp
import structlog

from portal.dataplane.spool import Spool

log = structlog.get_logger(__name__)

_PAUSE = 0.15  # entries of this long travel together
_POISON = (400, 413, 415, 422)


class Shipper:
    """Posts segments as JSON arrays and removes each once the portal answered 2xx.

    An answer that says the bytes themselves are wrong splits the segment until the faulty entry stands alone, which is
    set aside; every other answer means "later". The portal recognises repeats by request id.
    """

    def __init__(self, spool: Spool, url: str, token: str) -> None:
        self._spool, self._url, self._token = spool, url, token
        self.failures = 0

    async def run(self) -> None:
        """Send for ever."""
        while self._url:
            await self._spool.has_work.wait()
            await asyncio.sleep(_PAUSE)
            while (path := self._spool.oldest()) is not None:
                if await self._ship(path):
                    self.failures = 0
                    continue
                self.failures += 1
                await asyncio.sleep(random.uniform(0.5, 1) * min(30.0, 0.5 * 2 ** min(self.failures, 6)))  # noqa: S311

    async def finish(self, within: float) -> None:
        """Send what is left at the end; what the portal does not take stays on disk for the next start."""
        try:
            async with asyncio.timeout(within):
                while self._url and (path := self._spool.oldest()) is not None and await self._ship(path):
                    pass
        except TimeoutError:
            log.warning("the rest of the request log is sent at the next start", segments=self._spool.backlog)

    async def _ship(self, path: Path) -> bool:
        try:
            lines = _whole_lines(path.read_bytes())
        except OSError as problem:
            log.error("a segment of the request log cannot be read", path=path.name, error=str(problem))
            self._spool.set_aside(path)
            return True
        taken, rejected = await self._send(lines)
        if not taken:
            return False
        if rejected:
            log.error("the portal refuses log entries for good", entries=len(rejected), path=path.name)
            path.write_bytes(b"\n".join(rejected) + b"\n")
            self._spool.set_aside(path)
        else:
            self._spool.remove(path)
        return True

    async def _send(self, lines: list[bytes]) -> tuple[bool, list[bytes]]:
        if not lines:
            return True, []
        status = await self._post(b"[" + b",".join(lines) + b"]")
        if 200 <= status < 300:
            return True, []
        if status not in _POISON:
            return False, []
        if len(lines) == 1:
            return True, lines
        middle = len(lines) // 2
        first, wrong_first = await self._send(lines[:middle])
        second, wrong_second = await self._send(lines[middle:]) if first else (False, [])
        return first and second, wrong_first + wrong_second

    async def _post(self, body: bytes) -> int:
        headers = {"Content-Type": "application/json", "X-Gateway-Token": self._token}
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as session,
                session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as problem:
            if self.failures % 20 == 0:
                log.warning("the portal does not take the request log; kept on disk", error=type(problem).__name__)
            return 0
        if answer.status >= 300 and self.failures % 20 == 0:
            log.warning("the portal does not take the request log; kept on disk", status=answer.status)
        return answer.status


def _whole_lines(content: bytes) -> list[bytes]:
    """Return the complete lines; a last one without its newline was cut by a crash while being written."""
    return [line for line in content.split(b"\n")[:-1] if line.startswith(b"{") and line.endswith(b"}")]
