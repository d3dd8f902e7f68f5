"""What paper gets: words and figures of the page, nothing to press, nothing cut off."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.crawling import sign_in
from tests.whole_portal import Portal

pytestmark = pytest.mark.browser
PRESSED = "header.bar, .foot, .btn, .tab-links, summary.btn, .search, .copy, .hint, dialog, .crumbs"
CUT_OFF = """() => {
    const scrolls = e => ["X", "Y"].some(way => ["auto", "scroll"].includes(getComputedStyle(e)["overflow" + way]));
    return [...document.querySelectorAll("main *")].filter(e => e.checkVisibility() && scrolls(e))
        .filter(e => e.scrollHeight > e.clientHeight + 1 || e.scrollWidth > e.clientWidth + 1).map(e => e.className);
}"""


def test_paper_gets_the_page_and_nothing_to_press(page: Page, running: Portal) -> None:
    sign_in(page, running.person("cleo"))
    page.goto("/subscriptions")
    page.locator("main th a").first.click()
    held = re.sub(r"\D", "", page.url.rsplit("/", 1)[1])
    api = "/marketplace/kestrel-data/almanac"
    for address in (f"/subscriptions/{held}/invoices", f"{api}/docs", f"{api}/pricing", "/usage", "/subscriptions"):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 700, "height": 1000})  # about what a sheet leaves
        expect(page.locator("h1")).to_be_visible()
        shown = page.evaluate(
            "s => [...document.querySelectorAll(s)].filter(e => e.checkVisibility()).map(e => e.outerHTML.slice(0, 80))",
            PRESSED,
        )
        assert shown == [], address
        assert page.evaluate(CUT_OFF) == [], address
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, address
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
        expect(page.locator(".paper-line")).to_contain_text(address)
        page.emulate_media(media="screen")
        expect(page.locator(".paper-line")).to_be_hidden()
        page.set_viewport_size({"width": 1280, "height": 900})
