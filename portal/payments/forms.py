"""What a buyer types on the review page. Everything typed is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from portal.identity.rules import clean_name, is_clean

MAX_KEY_NAME = 80


@dataclass(frozen=True, slots=True)
class Choices:
    """A code as typed, a name for the first key (None: whatever we call it), the tick at the terms.

    `spending_limit` is as typed; None while the field was not shown yet, so that a limit can be suggested.
    """

    code: str = ""
    key_name: str | None = None
    accepts_terms: bool = False
    only_checks: bool = False
    spending_limit: str | None = None


def read_choices(typed: Mapping[str, str]) -> Choices:
    """Read the form. A key's name that cannot be shown is left out: the key gets its usual one."""
    name = clean_name(typed.get("key_name", "")[: MAX_KEY_NAME * 4])[:MAX_KEY_NAME]
    return Choices(
        code=typed.get("code", "").replace("\x00", "").strip()[:60],
        key_name=name if name and is_clean(name) else None,
        accepts_terms=typed.get("terms") == "1",
        only_checks=typed.get("act") == "check",
        spending_limit=typed.get("spending_limit"),
    )
