"""Finding, comparing and saving, as a person does it: with a mouse, with keys alone, and without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.crawling import sign_in
from tests.browser.test_every_page import ASKED
from tests.whole_portal import Portal

pytestmark = pytest.mark.browser
TRAY = "[data-tray]"


def test_search_filter_compare_and_save(page: Page, running: Portal) -> None:
    sign_in(page, running.person("ben"))
    page.goto("/marketplace")
    page.get_by_role("searchbox").fill("kestrel")
    expect(page).to_have_url(re.compile("q=kestrel"))
    expect(page.locator(".result-line")).to_contain_text("2 APIs")

    page.get_by_role("link", name=re.compile("Up to €10")).click()
    expect(page).to_have_url(re.compile("fee=10"))
    expect(page.locator(".result-line")).to_contain_text("1 API")
    expect(page.locator("#announce")).to_have_text("1 API")
    page.go_back()
    expect(page).not_to_have_url(re.compile("fee"))
    expect(page.locator(".result-line")).to_contain_text("2 APIs")

    page.get_by_label("Compare Rates").check()
    expect(page.locator(TRAY)).to_be_visible()
    page.get_by_label("Compare Almanac").check()
    expect(page.locator("#announce")).to_have_text("2 APIs to compare")
    page.reload()
    expect(page.get_by_label("Compare Rates")).to_be_checked()
    page.locator(TRAY).get_by_role("button", name="Compare").click()
    expect(page).to_have_url(re.compile(r"/marketplace/compare\?api="))
    page.get_by_label("Costs at").fill("50,000")
    page.get_by_role("button", name="Work out").click()
    expect(page.get_by_role("row", name=re.compile("Cheapest a month"))).to_contain_text("€9.00 with Plus")
    assert barriers(page) == []

    page.goto("/marketplace?q=kestrel")
    page.get_by_role("button", name="Save Rates").click()
    expect(page.get_by_role("button", name="Saved Rates")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="Saved Rates")).to_be_focused()
    page.goto("/saved")
    expect(page.get_by_role("link", name="Rates", exact=True)).to_be_visible()
    page.get_by_role("button", name="Saved Rates").click()
    expect(page.get_by_role("button", name="Save Rates", exact=True)).to_have_attribute("aria-pressed", "false")
    page.reload()
    expect(page.get_by_role("heading", name="Nothing saved yet")).to_be_visible()


def test_keys_move_through_cards_compare_and_open(page: Page) -> None:
    page.goto("/marketplace?sort=name")
    cards = page.locator("[data-card] h2 a")
    page.keyboard.press("j")
    expect(cards.nth(0)).to_be_focused()
    page.keyboard.press("j")
    expect(cards.nth(1)).to_be_focused()
    page.keyboard.press("k")
    page.keyboard.press("c")
    expect(page.locator(TRAY)).to_contain_text("1 API to compare")
    page.keyboard.press("/")
    page.keyboard.type("jck")  # letters, while typing
    expect(page.get_by_role("searchbox")).to_have_value("jck")
    page.goto("/marketplace?sort=name")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/marketplace/[\w-]+/[\w-]+$"))


def test_on_a_phone_filters_are_a_sheet_that_stays_open(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto("/marketplace")
    page.locator(".fold > summary").click()
    page.get_by_role("link", name=re.compile("Pay per use")).click()
    expect(page).to_have_url(re.compile("price=metered"))
    show = page.locator("[data-fold-close]")
    expect(show).to_have_text(re.compile(r"Show \d+ APIs?"))
    assert barriers(page) == []
    show.click()
    expect(page.locator(".fold")).not_to_have_attribute("open", "")
    expect(page.locator("#found")).to_be_focused()


@pytest.fixture
def plain(browser: Browser, running: Portal) -> Iterator[Page]:
    """A page in a browser with scripts switched off."""
    context = browser.new_context(base_url=running.url, java_script_enabled=False, locale="en-GB")
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


def test_everything_works_without_scripts(plain: Page, running: Portal) -> None:
    sign_in(plain, running.person("dan"))
    plain.goto("/marketplace?q=kestrel")
    plain.get_by_label("Compare Rates").check()
    plain.get_by_label("Compare Almanac").check()
    plain.locator(TRAY).get_by_role("button", name="Compare").click()
    expect(plain.get_by_role("row", name=re.compile("Cheapest a month"))).to_be_visible()
    plain.goto("/marketplace?q=kestrel")
    plain.get_by_role("button", name="Save Almanac").click()
    expect(plain).to_have_url(re.compile(r"q=kestrel"))
    expect(plain.get_by_role("button", name="Saved Almanac")).to_be_visible()
    plain.get_by_role("button", name="List").click()
    expect(plain.locator(".rows [data-card]").first).to_be_visible()
    plain.goto("/marketplace?q=quantum+teleporter")
    plain.get_by_role("button", name="Send the wish").click()
    expect(plain.get_by_text("Noted. We tell providers")).to_be_visible()


def barriers(page: Page) -> list[str]:
    """What axe finds serious or critical."""
    return [
        f"{found['id']}: {[node['html'][:120] for node in found['nodes']][:3]}"
        for found in Axe().run(page, options=ASKED).response["violations"]
        if found["impact"] in ("serious", "critical")
    ]
