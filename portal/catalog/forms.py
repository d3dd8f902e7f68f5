"""Request data to values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, cast

from flask_babel import gettext as _
from werkzeug.datastructures import FileStorage, MultiDict

from portal.catalog.finding.costs import USUAL_VOLUME
from portal.catalog.finding.facets import DIMENSIONS, MOST_CHOSEN
from portal.catalog.finding.searching import clean_text
from portal.catalog.finding.types import Search
from portal.catalog.openapi.documents import MAX_BYTES
from portal.catalog.rules import SLUG
from portal.catalog.types import CATEGORIES
from portal.identity.rules import clean_name, is_clean
from portal.pricing.volumes import FARTHEST as MOST_CALLS

MAX_REASON = 300
_LAST_PAGE = 5_000
SORTS = ("used", "newest", "fastest", "reliable", "cheapest", "name")


def read_search(args: MultiDict[str, str]) -> Search:
    """Return the search that an address asks for. What makes no sense is ignored: an address is shared and mistyped."""
    text = clean_text(args.get("q", ""))
    sort = args.get("sort", "")
    if sort not in (("relevance", *SORTS) if text else SORTS):
        sort = "relevance" if text else "newest"
    return Search(
        text=text,
        filters={name: chosen for name in DIMENSIONS if (chosen := _chosen(args, name))},
        sort=cast("Any", sort),
        volume=read_number(args.get("calls", ""), USUAL_VOLUME, MOST_CALLS),
        page=read_number(args.get("page", ""), 1, _LAST_PAGE),
    )


def _chosen(args: MultiDict[str, str], name: str) -> tuple[str, ...]:
    dimension = DIMENSIONS[name]
    asked = dict.fromkeys(args.getlist(name))
    known = [value for value in asked if (value in dimension.values if dimension.values else SLUG.match(value))]
    return tuple(known[: MOST_CHOSEN if dimension.is_multiple else 1])


def read_number(asked: str, usual: int, most: int) -> int:
    """Return a whole number from an address, between 1 and `most`; the usual one when it is none. "10,000" is one."""
    digits = re.sub(r"[\s.,'’]", "", asked[:40])
    return min(max(int(digits), 1), most) if digits.isascii() and digits.isdecimal() else usual


def search_arguments(search: Search) -> dict[str, str | list[str]]:
    """Return a search as the arguments of its address, leaving out what goes without saying."""
    usual = "relevance" if search.text else "newest"
    found: dict[str, str | list[str]] = {
        "q": search.text,
        **{name: list(chosen) for name, chosen in search.filters.items()},
        "sort": search.sort if search.sort != usual else "",
        "calls": str(search.volume) if search.volume != USUAL_VOLUME else "",
        "page": str(search.page) if search.page > 1 else "",
    }
    return {key: value for key, value in found.items() if value}


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


@dataclass(slots=True)
class Judgement:
    """Why an operator acts, as typed, and what is wrong with it."""

    reason: str = ""
    problem: str = ""

    @property
    def problems(self) -> list[tuple[str, str]]:
        """The field and its message for the summary at the top of the form."""
        return [("f-reason", self.problem)] if self.problem else []


def read_judgement(form: MultiDict[str, str]) -> Judgement:
    """Read why an operator acts."""
    reason = clean_name(form.get("reason", "")[:2000])
    if not reason:
        return Judgement(reason, _("Say why, so that the trail makes sense later."))
    if len(reason) > MAX_REASON or not is_clean(reason):
        return Judgement(reason, _("Use at most %(limit)s ordinary characters.", limit=MAX_REASON))
    return Judgement(reason)


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
