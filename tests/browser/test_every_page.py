"""Every page a person can reach by following links, as a stranger, a buyer, a provider, an integrator and an operator.

Nothing is broken on it.

Each page is opened once and looked at twice: wide in one theme, then as narrow as a phone in the other. Who is signed in
looks once at the pages of an API, which strangers have looked at twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Response

from tests.browser.crawling import crawl, draw_all, shape, sign_in
from tests.whole_portal import Portal

pytestmark = pytest.mark.browser

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
OUTLINE = """() => {
  const said = () => {
    const main = document.querySelector('main');
    const samples = [...main.querySelectorAll('pre, code')].map(sample => sample.innerText);  // others may say null
    return samples.reduce((rest, sample) => rest.replace(sample, ''), main.innerText);
  };
  return {
  h1: [...document.querySelectorAll('h1')].filter(e => e.checkVisibility()).length,
  mains: document.querySelectorAll('main').length,
  ids: [...document.querySelectorAll('[id]')].map(e => e.id).filter((id, at, all) => all.indexOf(id) !== at),
  broken: [...document.images].filter(image => image.complete && !image.naturalWidth).map(image => image.src),
  none: [...document.querySelectorAll('main a')].filter(a => !a.getAttribute('href')).map(a => a.outerHTML),
  words: (said().match(/\\b(None|undefined|NaN|null)\\b|\\{\\{|%\\(\\w+\\)s/g) || []),
  };
}"""
TOO_WIDE = """() => {
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= room) return [];
  return [...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > room + 1)
    .slice(-3).map(e => e.outerHTML.slice(0, 120));
}"""
PAINTED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
ASKED = {"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


class Visitor(NamedTuple):
    name: str | None
    theme: str  # of the wide look; the narrow one takes the other
    within: str = "/"  # what others have looked at is left out


@pytest.mark.parametrize(
    "visitor",
    [
        Visitor(None, "dark"),
        Visitor("cleo", "light"),
        Visitor("ada", "dark", within="/provider/apis"),
        Visitor("juno", "light", within="/projects"),
        Visitor("olive", "dark", within="/admin"),
    ],
    ids=["stranger", "buyer", "provider", "integrator", "operator"],
)
def test_no_page_is_broken(browser: Browser, running: Portal, visitor: Visitor) -> None:
    context = browser.new_context(base_url=running.url, viewport=WIDE, locale="en-GB")
    context.set_default_timeout(10_000)
    page = context.new_page()
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(f"script: {error}"))
    page.on("console", lambda line: said.append(line.text) if line.type in ("error", "warning") else None)
    if visitor.name:
        sign_in(page, running.person(visitor.name))

    faults: list[str] = []
    seen: set[str] = set()
    for path, answer in crawl(page, running.url, visitor.within):
        seen.add(shape(path))
        is_known = visitor.name is not None and path.startswith("/marketplace/")
        found = [*of_the_page(page, answer), *of_the_look(page, visitor.theme, once=is_known), *said]
        faults += [f"{path}: {fault}" for fault in found]
        said.clear()
    context.close()
    assert faults == []
    assert expected(visitor.name) <= seen


def of_the_page(page: Page, answer: Response) -> Iterator[str]:
    """Faults that do not depend on width or theme."""
    if answer.status != 200:
        yield f"status {answer.status}"
    if not re.match(r".+ · \S+", page.title()):
        yield f"title {page.title()!r}"
    outline: dict[str, Any] = page.evaluate(OUTLINE)
    if outline.pop("h1") != 1 or outline.pop("mains") != 1:
        yield "there is not exactly one h1 in one main"
    yield from (f"{what}: {found}" for what, found in outline.items() if found)


def of_the_look(page: Page, theme: str, *, once: bool) -> Iterator[str]:
    """Barriers and overflow, narrow in the other theme and, unless `once` is enough, wide in this one."""
    draw_all(page)
    other = "dark" if theme == "light" else "light"
    for size, scheme in ((NARROW, other), (WIDE, theme))[: 1 if once else 2]:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.evaluate(PAINTED)
        look = f"{size['width']} wide, {scheme}"
        yield from (f"{look}: too wide: {part}" for part in page.evaluate(TOO_WIDE))
        for barrier in Axe().run(page, options=ASKED).response["violations"]:
            if barrier["impact"] in ("serious", "critical"):
                yield f"{look}: {barrier['id']}: {[node['html'][:160] for node in barrier['nodes']][:4]}"


def expected(name: str | None) -> set[str]:
    """Pages without which the crawl has not been where it should."""
    public = {"/", "/terms", "/marketplace", "/marketplace/*", "/marketplace/*/*", "/marketplace/*/*/docs/#"}
    public |= {"/marketplace/*/*/pricing"}
    if name == "ada":
        return {"/provider/apis", "/provider/apis/#", "/provider/apis/new", "/provider/apis/#/logo"}
    if name == "juno":
        return {
            "/projects",
            "/projects/#",
            "/projects/#/products",
            "/projects/#/features",
            "/projects/#/users",
            "/projects/#/apps",
        }
    if name == "olive":
        return {
            "/admin",
            "/admin/people",
            "/admin/people/#",
            "/admin/billing",
            "/admin/webhooks",
            "/admin/metrics",
            "/admin/audit",
        }
    if name is None:
        return {*public, "/login", "/signup", "/forgotten", "/mail"}
    inside = {*public, "/usage", "/settings", "/settings/tokens", "/settings/members", "/subscriptions", "/subscribe/#"}
    inside |= {"/settings/second-factor", "/settings/organisation", "/settings/billing", "/organisations/new"}
    inside |= {"/settings/organisation/logo"}
    return {*inside, "/subscriptions/#"}
