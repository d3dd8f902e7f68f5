"""Pure rules of mails."""

from __future__ import annotations

import re
from collections.abc import Iterator

_LINK = re.compile(r"(https?://[^\s<>\"]+)")


def split_links(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the parts of a text in order, and whether each is an address."""
    for part in _LINK.split(text):
        if part:
            yield part, bool(_LINK.fullmatch(part))
