"""Mail as people read it: announcements are delivered as the worker does it, then read from where they are kept."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from jobs import drain
from portal.db import SYSTEM, scoped
from portal.notifications.queries import list_kept
from portal.notifications.types import KeptView


def mails_to(address: str) -> list[KeptView]:
    """Every mail to an address, newest first."""
    drain.outbox()
    with scoped(SYSTEM):
        return [mail for mail in list_kept(limit=500) if mail.recipient.lower() == address.lower()]


def subjects_to(address: str) -> list[str]:
    """The subjects of every mail to an address, oldest first."""
    return [mail.subject for mail in reversed(mails_to(address))]


def link_to(address: str) -> str:
    """The path of the first link in the newest mail to an address that has one."""
    for mail in mails_to(address):
        found = re.search(r"https?://\S+\?token=\S+", mail.text)
        if found:
            parts = urlsplit(found[0])
            return f"{parts.path}?{parts.query}"
    raise AssertionError(f"no mail to {address} carries a link")


def token_to(address: str) -> str:
    """The secret part of that link."""
    return link_to(address).partition("token=")[2]
