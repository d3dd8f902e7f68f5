"""How an entry and a seal are written down for hashing, and what can be wrong with a link. docs/algorithms/audit.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

from portal.audit.types import Fault, Link, Seal

BEGINNING = bytes(32)  # what the first seal names as its predecessor
# No transaction of ours lasts so long; an entry that is sealed later than this was not written when it says.
LONGEST_TRANSACTION = timedelta(hours=1)


def encode(title: str, fields: Sequence[str | None]) -> bytes:
    """Return the one way to write down some fields: a title, then each with its length in bytes; `-` is no value.

    Because every length is said, no two lists of fields read alike.
    """
    lines = [title.encode()]
    for field in fields:
        raw = None if field is None else field.encode()
        lines.append(b"-" if raw is None else b"%d:%s" % (len(raw), raw))
    return b"\n".join(lines) + b"\n"


def entry_hash(fields: Sequence[str | None]) -> bytes:
    """Return the hash of an entry, given its fields as text in the order of the documentation."""
    return sha256(encode("audit-entry/1", fields)).digest()


def seal_hash(seal: Seal) -> bytes:
    """Return the hash that a seal must carry: over its predecessor's and over all that it says itself."""
    said = (str(seal.number), str(seal.entry_id), seal.sealed_text, str(seal.horizon))
    hashes = (seal.entry_hash.hex(), seal.previous_hash.hex())
    return sha256(encode("audit-seal/1", (*said, *hashes))).digest()


def sealed(seal: Seal) -> Seal:
    """Return a seal with its hash."""
    return replace(seal, hash=seal_hash(seal))


def find_fault(before: Seal | None, link: Link, pass_before: Seal | None) -> Fault | None:
    """Return what is wrong with a link that follows `before`, or None.

    `pass_before` is the last seal of an earlier sealing run, if there was one: an entry that was written before that
    run would have been sealed by it.
    """
    seal, number = link.seal, before.number + 1 if before else 1
    if seal.number != number:
        return Fault("seal missing", number, None)
    if seal.hash != seal_hash(seal) or seal.previous_hash != (before.hash if before else BEGINNING):
        return Fault("seal changed", seal.number, seal.entry_id)
    if link.fields is None:
        return Fault("entry missing", seal.number, seal.entry_id)
    if entry_hash(link.fields) != seal.entry_hash:
        return Fault("entry changed", seal.number, seal.entry_id)
    if pass_before and link.at is not None and link.at + LONGEST_TRANSACTION < pass_before.sealed_at:
        return Fault("entry backdated", seal.number, seal.entry_id)
    return None
