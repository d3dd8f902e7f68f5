"""Texts of strangers in the shapes that rows and addresses need."""

from __future__ import annotations

import re
from typing import Any


def words(text: str) -> str:
    """Return the words in a path or identifier: `GET /exchangeRates/{base_id}` is "GET exchange Rates base id"."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text)
    return " ".join(dict.fromkeys(re.findall(r"\w+", spaced.replace("_", " "))))[:1000]


def slugify(text: str, longest: int = 80) -> str:
    """Return lower-case letters, digits and hyphens, never empty."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:longest].strip("-") or "api"


def free_slug(text: str, taken: set[str]) -> str:
    """Return an address for a name that is not taken yet, and take it."""
    # operationIds are often camelCase; an address reads better with the words apart.
    slug = found = slugify(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", text))
    n = 2
    while found in taken:
        found = f"{slug}-{n}"
        n += 1
    taken.add(found)
    return found


def safe_link(url: Any) -> str | None:
    """Return a web address that may be a link, else None: a document may hold `javascript:` and worse."""
    if isinstance(url, str) and re.match(r"https?://[^\s<>\"']{1,1500}$", url.strip()):
        return url.strip()
    return None


def line_of(value: Any) -> str:
    """Return a text as one line; nothing for what is no text."""
    return " ".join(value.split()) if isinstance(value, str) else ""


def text_of(value: Any, limit: int) -> str:
    """Return a text, cut at a limit; nothing for what is no text."""
    text = value.strip() if isinstance(value, str) else ""
    return text if len(text) <= limit else text[: limit - 1] + "…"
