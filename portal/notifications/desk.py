"""The desk at which a mail is written: what every letter needs to know, and the pen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import current_app

from portal.notifications.rendering import in_language_of, render
from portal.notifications.types import Draft, Reader
from portal.ports.mail import Letter


@dataclass(frozen=True, slots=True)
class Desk:
    """`key` names the letter and its cause; the same letter written again has the same key."""

    key: str
    now: datetime
    pepper: bytes
    product: str
    public_url: str

    def write(self, reader: Reader, words: Callable[[], Draft]) -> Letter:
        """Return the letter that `words` says, said in the reader's language."""
        with in_language_of(reader):
            return render(self.key, reader, words())

    def link(self, endpoint: str, **values: str) -> str:
        """Return the full address of a page of ours; a worker has no request to take the host from."""
        path = current_app.url_map.bind("mail.invalid").build(endpoint, values)
        return self.public_url.rstrip("/") + path
