"""Mail: hand a letter to whoever delivers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail, ready to go.

    `key` is the same whenever the same letter is handed over again, after a crash for instance; it becomes the message
    id, by which mail programs recognise a repetition.
    """

    key: str
    to: str
    subject: str
    text: str
    html: str
    language: str


class MailRefused(Exception):
    """The receiving side will never take this letter: no such mailbox, no such address."""


class MailUnavailable(Exception):
    """The letter could not be handed over now (nobody answers, the credentials are wrong); later it may be."""


class Mail(Protocol):
    """Delivers letters."""

    def send(self, letter: Letter) -> None:
        """Hand a letter over; it is out of our hands when this returns. Raises MailRefused or MailUnavailable."""
        ...
