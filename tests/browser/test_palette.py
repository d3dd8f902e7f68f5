"""The command palette by keyboard alone, as the ARIA practices describe a combobox with a list box."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.crawling import sign_in
from tests.whole_portal import Portal

pytestmark = pytest.mark.browser
CHOSEN = "#palette [aria-selected='true']"


def test_by_keys_alone(page: Page, running: Portal) -> None:
    sign_in(page, running.person("cleo"))
    page.goto("/usage")
    page.keyboard.press("Tab")
    skip = page.evaluate("document.activeElement.className")
    page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Find pages, APIs and things to do")
    expect(box).to_be_focused()
    expect(page.locator(CHOSEN)).to_have_count(1)

    box.press_sequentially("alman")
    expect(page.locator(CHOSEN)).to_contain_text("Almanac")
    expect(page.locator(CHOSEN).locator("mark")).to_have_text("Alman")
    first = page.locator(CHOSEN).get_attribute("id")
    assert box.get_attribute("aria-activedescendant") == first
    page.keyboard.press("ArrowUp")
    last = page.locator(CHOSEN).get_attribute("id")
    assert last != first
    expect(page.locator(CHOSEN)).to_contain_text("Search the market for")
    page.keyboard.press("Home")
    expect(page.locator(CHOSEN)).to_have_attribute("id", first or "")
    page.keyboard.press("End")
    expect(page.locator(CHOSEN)).to_have_attribute("id", last or "")
    page.keyboard.press("ArrowDown")
    expect(page.locator(CHOSEN)).to_have_attribute("id", first or "")
    assert Axe().run(page, options={"resultTypes": ["violations"]}).violations_count == 0

    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()
    assert page.evaluate("document.activeElement.className") == skip

    page.keyboard.press("Control+k")
    box.press_sequentially("keys of alm")
    page.keyboard.press("Enter")  # before the answer is there: it is waited for
    expect(page).to_have_url(re.compile(r"/subscriptions/\d+/keys$"))

    page.keyboard.press("Control+k")
    expect(page.get_by_role("group", name="Recently opened")).to_contain_text("Keys of Almanac")
    box.press_sequentially("settings")
    expect(page.locator(CHOSEN)).to_have_text("Settings")
    with page.context.expect_page() as opened:
        page.keyboard.press("Control+Enter")
    expect(opened.value).to_have_url(re.compile("/settings$"))
    expect(page).to_have_url(re.compile(r"/keys$"))
    opened.value.close()

    page.keyboard.press("Control+a")
    box.press_sequentially("to dark")
    expect(page.locator(CHOSEN)).to_have_text("Switch to dark")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("#palette")).to_be_hidden()

    page.keyboard.press("Control+k")
    box.press_sequentially("sign out")
    expect(page.locator(CHOSEN)).to_have_text("Sign out")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Sign in").first).to_be_visible()
    page.keyboard.press("Control+k")
    expect(page.locator(CHOSEN)).to_have_count(1)
    expect(page.get_by_role("group", name="Recently opened")).to_have_count(0)  # another reader, another memory


def test_on_a_phone_it_is_the_whole_screen_and_a_finger_is_enough(browser: Browser, running: Portal) -> None:
    context = browser.new_context(
        base_url=running.url, viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True
    )
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.goto("/")
    page.get_by_role("button", name="Find").tap()
    expect(page.locator(CHOSEN)).to_have_count(1)
    sheet = page.locator("#palette").bounding_box()
    assert sheet
    assert (sheet["x"], sheet["y"], sheet["width"], sheet["height"]) == (0, 0, 390, 800)
    for option in page.get_by_role("option").all():
        box = option.bounding_box()
        assert box
        assert box["height"] >= 44
    page.get_by_role("combobox").fill("rates")
    page.get_by_role("option", name=re.compile("^Rates")).tap()
    expect(page).to_have_url(re.compile("/marketplace/kestrel-data/rates$"))
    context.close()


def test_a_failure_is_told_inside_and_enter_tries_again(page: Page) -> None:
    page.goto("/")
    page.route("**/find?**", lambda route: route.abort())
    page.keyboard.press("Control+k")
    expect(page.locator("#palette").get_by_role("alert")).to_contain_text("No answer from the server")
    page.unroute("**/find?**")
    page.keyboard.type("rates")
    expect(page.locator(CHOSEN)).to_contain_text("Rates")


def test_without_scripts_it_is_a_page(browser: Browser, running: Portal) -> None:
    context = browser.new_context(base_url=running.url, java_script_enabled=False, locale="en-GB")
    context.set_default_timeout(10_000)
    plain = context.new_page()
    sign_in(plain, running.person("dan"))
    plain.get_by_role("link", name="Find", exact=True).click()
    plain.get_by_role("searchbox").fill("dark")
    plain.get_by_role("button", name="Find", exact=True).click()
    plain.get_by_role("button", name="Switch to dark").click()
    expect(plain).to_have_url(re.compile(r"/find\?q=dark"))
    assert plain.locator("html").get_attribute("data-theme") == "dark"
    context.close()
