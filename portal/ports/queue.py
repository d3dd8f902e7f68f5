"""The bell: tells a worker that rows are waiting. The rows are the work; a lost ring only costs a second."""

from __future__ import annotations

from typing import Literal, Protocol

Bell = Literal["inbox", "outbox", "rollups"]


class Queue(Protocol):
    """Rings for a kind of waiting rows."""

    def ring(self, bell: Bell) -> None:
        """Wake a worker for `bell`. Never raises: a broken bell is noticed by the polling worker."""
        ...

    def look_after(self, purchase_id: int) -> None:
        """Ask a worker to look after one open purchase now, because its buyer is watching. Never raises."""
        ...
