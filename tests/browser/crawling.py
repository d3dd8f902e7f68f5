"""Reaching every page of the portal by following its links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

from playwright.sync_api import Page, Response, expect

MOST_PAGES = 150  # more is a shape that is not known as one
_DRAW_ALL = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync('.api { content-visibility: visible !important; }');
  document.adoptedStyleSheets = [sheet];
}"""
LINKS = "[...document.querySelectorAll('a[href]')].map(link => link.href)"


def crawl(page: Page, base: str, within: str = "/") -> Iterator[tuple[str, Response]]:
    """Open pages breadth first, one of each shape, from `within` on and no others; the caller looks at each before the next.

    Raises AssertionError when there is no end to them.
    """
    waiting, known = [within], {within}
    while waiting:
        assert len(known) <= MOST_PAGES, f"no end of pages: {sorted(known)}"
        path = waiting.pop(0)
        answer = page.goto(path)
        assert answer is not None
        expect(page.locator(".htmx-request")).to_have_count(0)  # panels that load by themselves
        yield path, answer
        letters = urlsplit(page.url).path.startswith("/mail")  # written to others: their links are not this reader's
        for link in page.evaluate(LINKS):
            target = urlsplit(urljoin(base, link))
            inside = f"{target.scheme}://{target.netloc}" == base and (not letters or target.path.startswith("/mail"))
            path = target.path + (f"?{target.query}" if target.query else "")
            if (
                inside
                and target.path.startswith(within)
                and is_page(target.path)
                and "token=" not in target.query
                and shape(path) not in known
            ):
                known.add(shape(path))
                waiting.append(path)


def is_page(path: str) -> bool:
    """Whether an address is a page rather than a file, a preference or a mail as it was sent."""
    return not re.search(r"\.(csv|json|yaml|svg|txt|atom|xml)$|^/static/|^/mail/\d+$", path)


def shape(path: str) -> str:
    """What a page is rather than which: numbers, APIs, operations and parameters do not matter, only whether there are any."""
    address, _, query = path.partition("?")
    address = re.sub(r"/\d+(?=/|$)", "/#", address)
    address = re.sub(r"(/docs)/.+", r"\1/#", address)
    address = re.sub(r"^/marketplace/[^/]+/[^/]+", "/marketplace/*/*", address)
    address = re.sub(r"^/marketplace/(?!compare$)[^/]+$", "/marketplace/*", address)
    return address + ("?" if query else "")


def draw_all(page: Page) -> None:
    """Have cards drawn that are off the screen too: pictures are taken whole, and barriers looked for everywhere."""
    page.evaluate(_DRAW_ALL)


def sign_in(page: Page, person: dict[str, Any]) -> None:
    page.goto("/login")
    page.get_by_label("E-mail").fill(person["email"])
    page.get_by_label("Password").first.fill(person["password"])
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/")
