"""Walking the chain from its beginning, and saying in words what is wrong first."""

from __future__ import annotations

from sqlalchemy import text

from portal.audit.chain import find_head, find_link, find_seal, read_links
from portal.audit.rules import LONGEST_TRANSACTION, find_fault
from portal.audit.types import ChainState, Fault, Link, Seal, Walk
from portal.db import db

_AT_ONCE = 5_000
# Below the horizon of the last seal everything was sealed; and whatever waits longer than any transaction waits in vain.
_NEVER_SEALED = text("""
    SELECT e.id FROM audit_entries e
    WHERE (e.transaction_id < :horizon OR e.at < clock_timestamp() - :longest)
        AND NOT EXISTS (SELECT FROM audit_seals s WHERE s.entry_id = e.id)
    ORDER BY e.id LIMIT 1
""")
_WAITING = text("""
    SELECT count(*), min(e.at) FROM audit_entries e
    WHERE e.transaction_id >= :horizon AND NOT EXISTS (SELECT FROM audit_seals s WHERE s.entry_id = e.id)
""")


def walk(*, after: int = 0, expected: bytes | None = None) -> Walk:
    """Follow the chain behind a number, whose seal is then taken as given; stop at the first thing that is wrong.

    An `expected` head, kept from an earlier walk, must still be one of its links: else seals were taken from its end,
    or the whole chain was made anew. Reads every tenant's entries: run it as the system.
    """
    start = find_seal(after) if after else None
    walked = _follow(start, expected)
    if walked.fault is not None:
        return walked
    head = walked.head
    if expected is not None and walked.found_at is None:
        return Walk(walked.links, head, Fault("head unknown", None, None))
    never = _find_never_sealed(head)
    fault = Fault("entry never sealed", None, never) if never is not None else None
    return Walk(walked.links, head, fault, walked.found_at)


def check_newest(count: int) -> Walk:
    """Follow the last links alone, for whoever looks at the trail; what is wrong before them only `walk` finds."""
    head = find_head()
    return _follow(find_seal(head.number - count) if head else None, None)


def verify_entry(entry_id: int) -> tuple[Link, Fault | None] | None:
    """Return an entry's link and what is wrong with it or with the link before it; None while it is not sealed."""
    link = find_link(entry_id)
    if link is None:
        return None
    before = find_seal(link.seal.number - 1)
    return link, find_fault(before, link, None)


def read_state() -> ChainState:
    """Return how the chain stands, without walking it. Run it as the system."""
    head = find_head()
    waiting, since = db.session.execute(_WAITING, {"horizon": head.horizon if head else 0}).one()
    return ChainState(head, waiting, since)


def in_words(fault: Fault) -> str:
    """Say what is wrong, and what that means."""
    entry, number = f"Entry {fault.entry_id}", f"number {fault.number} of the chain"
    return {
        "entry changed": f"{entry} was changed after it was sealed as {number}.",
        "entry missing": f"{entry}, which was sealed as {number}, is missing.",
        "entry backdated": f"{entry} says that it was written before earlier seals were made, yet none of them holds it:"
        f" it was slipped in, and sealed as {number}.",
        "entry never sealed": f"{entry} was never sealed: it was slipped in behind the chain, or no worker is sealing.",
        "seal changed": f"The seal with {number} (entry {fault.entry_id}) was changed, or the one before it was.",
        "seal missing": f"The seal with {number} is missing.",
        "head unknown": "The chain does not hold the head you gave: seals were removed from its end, or it was made anew.",
    }[fault.kind]


def _follow(start: Seal | None, expected: bytes | None) -> Walk:
    before, earlier, links, found_at = start, None, 0, None
    while some := read_links(before.number if before else 0, _AT_ONCE):
        for link in some:
            if before is not None and before.sealed_at != link.seal.sealed_at:
                earlier = before  # the last of another run
            fault = find_fault(before, link, earlier)
            if fault is not None:
                return Walk(links, before, fault, found_at)
            before, links = link.seal, links + 1
            found_at = before.number if before.hash == expected else found_at
    return Walk(links, before, None, found_at)


def _find_never_sealed(head: Seal | None) -> int | None:
    values = {"horizon": head.horizon if head else 0, "longest": LONGEST_TRANSACTION}
    found: int | None = db.session.scalar(_NEVER_SEALED, values)
    return found
