"""Request data to values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from flask_babel import gettext as _
from werkzeug.datastructures import FileStorage, MultiDict

from portal.catalog.documents import MAX_BYTES
from portal.catalog.rules import SLUG
from portal.catalog.searching import clean_text
from portal.catalog.types import CATEGORIES, Search
from portal.pricing.volumes import FARTHEST as MOST_CALLS
from portal.web.formatting import number

_LAST_PAGE = 5_000


def read_search(args: MultiDict[str, str]) -> Search:
    """Return the search that an address asks for. What makes no sense is ignored: an address is shared and mistyped."""
    text = clean_text(args.get("q", ""))
    category, price, provider = args.get("category"), args.get("price"), args.get("provider", "")
    sort = args.get("sort", "")
    if sort not in (("relevance", "used", "newest", "name") if text else ("used", "newest", "name")):
        sort = "relevance" if text else "newest"
    return Search(
        text=text,
        category=category if category in CATEGORIES else None,
        price="free" if price == "free" else "paid" if price == "paid" else None,
        provider=provider if SLUG.match(provider) else None,
        sort=cast("Any", sort),
        page=_page(args),
    )


def _page(args: Mapping[str, str]) -> int:
    asked = args.get("page", "1")
    return min(max(int(asked), 1), _LAST_PAGE) if asked.isascii() and asked.isdecimal() and len(asked) < 9 else 1


def search_arguments(search: Search) -> dict[str, str]:
    """Return a search as the arguments of its address, leaving out what goes without saying."""
    usual = "relevance" if search.text else "newest"
    found = {
        "q": search.text,
        "category": search.category or "",
        "price": search.price or "",
        "provider": search.provider or "",
        "sort": search.sort if search.sort != usual else "",
        "page": str(search.page) if search.page > 1 else "",
    }
    return {key: value for key, value in found.items() if value}


@dataclass(frozen=True, slots=True)
class Volume:
    """A number of calls a month as it was typed; `calls` is None when it cannot be meant, with the reason."""

    typed: str
    calls: int | None
    error: str = ""


def read_volume(args: Mapping[str, str], usual: int) -> Volume:
    """Return the volume that an address asks for; thousands may be separated. Nothing asked for means `usual`."""
    typed = args.get("calls", "").strip()[:40]
    if not typed:
        return Volume(str(usual), usual)
    digits = re.sub(r"[\s,.'’_]", "", typed) if re.fullmatch(r"\d{1,3}(?:[\s,.'’_]\d{3})*|\d+", typed) else typed
    if not (digits.isascii() and digits.isdecimal()):
        return Volume(typed, None, _("Write a whole number of calls, such as 50000."))
    if len(digits.lstrip("0")) > 13 or int(digits) > MOST_CALLS:
        return Volume(typed, None, _("Use at most %(n)s calls a month.", n=number(MOST_CALLS)))
    return Volume(typed, int(digits))


@dataclass(frozen=True, slots=True)
class Upload:
    """A document with what its provider says about it."""

    document: bytes
    slug: str
    name: str
    category: str
    upstream_url: str
    replace: bool


@dataclass(slots=True)
class NewApi:
    """The form as it was filled in, with what is wrong per field, for showing it again."""

    slug: str = ""
    name: str = ""
    category: str = ""
    upstream_url: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    faults: list[tuple[str, str]] = field(default_factory=list)

    @property
    def problems(self) -> list[tuple[str, str]]:
        """The id of each faulty field with what is wrong."""
        return [(f"f-{name}", message) for name, message in self.errors.items()]


def read_upload(
    form: MultiDict[str, str], files: MultiDict[str, FileStorage], *, slug: str = ""
) -> tuple[Upload | None, NewApi]:
    """Return the upload when it can be tried, and always the form for showing it again."""
    entered = NewApi(
        slug=slug or form.get("slug", "").strip(),
        name=" ".join(form.get("name", "").split()),
        category=form.get("category", ""),
        upstream_url=form.get("upstream_url", "").strip(),
    )
    document = files["document"].read(MAX_BYTES + 1) if "document" in files else b""
    if not document:
        entered.errors["document"] = _("Choose the OpenAPI document, a .json or .yaml file.")
    if entered.slug and not SLUG.match(entered.slug):
        entered.errors["slug"] = _("Use lower-case letters, digits and hyphens, at most 63.")
    if len(entered.name) > 120 or any(ord(char) < 32 for char in entered.name):
        entered.errors["name"] = _("Use at most 120 characters.")
    if entered.category and entered.category not in CATEGORIES:
        entered.errors["category"] = _("Choose one of the categories.")
    if entered.errors:
        return None, entered
    upload = Upload(
        document, entered.slug, entered.name, entered.category, entered.upstream_url, bool(form.get("replace"))
    )
    return upload, entered
