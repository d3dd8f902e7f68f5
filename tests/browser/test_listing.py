"""An API's pages in a real browser: the next act arrives, docs are read with the keyboard, prices answer as one types."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.crawling import sign_in
from tests.browser.test_every_page import ASKED
from tests.whole_portal import Portal

pytestmark = pytest.mark.browser

HERE = "/marketplace/kestrel-data/almanac"
TABS = ["", "/docs", "/docs/get-deadline", "/pricing?calls=80000", "/reliability", "/versions"]


def test_a_subscriber_finds_the_way_on_every_tab(page: Page, running: Portal) -> None:
    sign_in(page, running.person("cleo"))
    page.goto(HERE)
    expect(page.get_by_role("link", name="Go to your keys")).to_be_visible()
    expect(page.locator("#standing")).to_contain_text("You are on Free.")
    expect(page.locator("#first-steps")).to_contain_text("Harbour board")

    page.goto(f"{HERE}/docs/get-deadline")
    expect(page.locator("#cost").locator("xpath=../..")).to_contain_text("Your plan, Free:")
    expect(page.locator("#operation h2")).to_have_text("A deadline")  # the part went into its place, not over the page
    page.get_by_text("Go", exact=True).click()
    page.keyboard.press("[")
    expect(page.locator("#operation h2")).to_have_text("Count working days")
    expect(page.locator(".docs-samples pre").locator("visible=true")).to_contain_text("package main")
    page.reload()
    expect(page.locator(".docs-samples pre").locator("visible=true")).to_contain_text("package main")

    page.goto(f"{HERE}/pricing")
    expect(page.locator(".plan", has_text="Your plan")).to_contain_text("Manage")
    expect(page.locator("#replay")).to_contain_text("counted calls since")
    page.get_by_role("textbox", name="Calls a month").fill("80000")
    expect(page.locator("#calculator")).to_contain_text("€15.00")
    expect(page).to_have_url(re.compile(r"calls=80000"))
    page.locator("#calculator summary", has_text="Show the sum").nth(1).click()
    expect(page.locator("#calculator")).to_contain_text("50,000 included, 30,000 × €0.0002")


def test_prices_and_languages_work_without_scripts(browser: Browser, running: Portal) -> None:
    context = browser.new_context(base_url=running.url, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{HERE}/pricing")
    page.get_by_role("textbox", name="Calls a month").fill("80 000")
    page.get_by_role("button", name="Price it").click()
    expect(page.locator("#calculator")).to_contain_text("€15.00")
    page.goto(f"{HERE}/docs/get-deadline")
    page.locator("label", has_text="Ruby").click()
    page.get_by_role("button", name="Remember this language").click()
    expect(page.locator(".docs-samples pre").locator("visible=true")).to_contain_text("Net::HTTP")
    context.close()


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 390)])
def test_no_tab_has_barriers(browser: Browser, running: Portal, theme: str, width: int) -> None:
    context = browser.new_context(base_url=running.url, viewport={"width": width, "height": 860})
    context.add_cookies([{"name": "theme", "value": theme, "url": running.url}])
    page = context.new_page()
    for tab in TABS:
        page.goto(HERE + tab)
        page.wait_for_load_state("networkidle")
        found = Axe().run(page, options=ASKED)
        assert found.violations_count == 0, f"{tab}: {found.generate_report()}"
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, tab
    context.close()
