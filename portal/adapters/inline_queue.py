"""A bell that only remembers it was rung: tests drain the rows themselves."""

from __future__ import annotations

from portal.ports.queue import Bell


class RememberingBell:
    """Keeps the rings in order."""

    def __init__(self) -> None:
        self.rings: list[Bell] = []
        self.watched: list[int] = []

    def ring(self, bell: Bell) -> None:
        self.rings.append(bell)

    def look_after(self, purchase_id: int) -> None:
        self.watched.append(purchase_id)
