"""Where a logo is. The address holds what is to be seen, so it may be kept for ever."""

from __future__ import annotations

from flask import url_for

from portal.logos.types import SMALL


def logo_address(digest: str | None, size: int = SMALL) -> str | None:
    """Return the path of a logo in one of its sizes; None without one."""
    return url_for("logos.picture", digest=digest, size=size) if digest else None
