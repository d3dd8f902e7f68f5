"""Mail that stays here: letters are kept in the database, where development and the demo read them at /mail."""

from __future__ import annotations

from portal.db import SYSTEM, in_transaction
from portal.kit.clock import Clock
from portal.notifications import service
from portal.ports.mail import Letter, MailRefused


class KeptMail:
    """Keeps each letter once, whatever how often it is handed over."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def send(self, letter: Letter) -> None:
        if "\n" in letter.subject or "@" not in letter.to or not letter.to.isprintable():
            raise MailRefused("this letter cannot be addressed")
        in_transaction(lambda _session: service.keep(letter, now=self._clock.now()), scope=SYSTEM)
