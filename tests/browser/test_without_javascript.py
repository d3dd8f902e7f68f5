"""The whole story in a browser that runs no scripts: forms and links are enough to buy, call and look."""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.whole_portal import Portal

pytestmark = pytest.mark.browser


@pytest.fixture
def plain(browser: Browser, running: Portal) -> Iterator[Page]:
    """A page in a browser with scripts switched off."""
    context = browser.new_context(base_url=running.url, java_script_enabled=False, locale="en-GB")
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


def test_buying_calling_and_looking_need_no_scripts(plain: Page) -> None:
    sign_up(plain)

    plain.goto("/marketplace")
    plain.get_by_role("searchbox").fill("exchange rates")
    plain.get_by_role("button", name="Search").click()
    plain.get_by_role("link", name="Rates", exact=True).first.click()
    plain.get_by_role("link", name="Pricing", exact=True).click()
    plain.get_by_role("link", name="Choose Pro").click()
    plain.get_by_label(re.compile("I accept the terms")).check()
    plain.get_by_role("button", name="Pay €29.00").click()
    pay(plain)

    reload_until(plain, "You are in")
    plain.get_by_role("button", name="Show my API key").click()
    key = plain.locator("#new-key").inner_text().strip()
    address = re.search(r'"(http[^"]+)"', plain.locator(".key-once pre").last.inner_text())
    assert address is not None
    assert call(address[1], key) == 200

    plain.get_by_role("navigation", name="Main").get_by_role("link", name="Usage").click()
    reload_until(plain, "1 of 196,666 calls")
    chart = plain.get_by_role("img", name=re.compile("calls", re.I)).first
    expect(chart).to_be_visible()  # drawn by the server
    plain.get_by_text("Show the figures as a table").click()
    expect(plain.get_by_role("table", name="Calls per hour")).to_be_visible()


def test_keys_and_leaving_need_no_scripts(plain: Page) -> None:
    sign_up(plain)
    plain.goto("/marketplace/kestrel-data/rates/pricing")
    plain.get_by_role("link", name="Start free").last.click()
    plain.get_by_label(re.compile("I accept the terms")).check()
    plain.get_by_role("button", name=re.compile("Start free")).click()
    reload_until(plain, "You are in")

    plain.get_by_role("navigation", name="Main").get_by_role("link", name="Subscriptions").click()
    plain.get_by_role("table").get_by_role("link", name="Rates").click()
    plain.get_by_role("link", name="Open the keys of this subscription").click()
    plain.get_by_label("Name of the key").fill("Night job")
    plain.get_by_role("button", name="Make a key").click()
    expect(plain.locator("#new-key")).to_have_text(re.compile(r"^\s*mk_"))
    row = plain.get_by_role("row", name=re.compile("Night job"))
    row.get_by_text("Revoke", exact=True).click()
    row.get_by_role("button", name="Revoke key").click()
    expect(plain.get_by_role("row", name=re.compile("Night job"))).to_contain_text("Revoked")

    plain.get_by_role("link", name="Rates", exact=True).click()
    plain.get_by_text("Cancel subscription").click()
    plain.get_by_role("button", name="Cancel at the end of the period").click()
    plain.get_by_role("button", name="Keep this subscription").click()
    expect(plain.get_by_text("Cancel subscription")).to_be_visible()


def sign_up(page: Page) -> None:
    page.goto("/signup")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name=re.compile("things to put right"))).to_be_visible()
    page.get_by_label("Your name").fill("Cleo Marsh")
    page.get_by_label("E-mail").fill(f"{uuid.uuid4().hex[:10]}@example.com")
    page.get_by_label("Password", exact=True).fill("ferry lantern quince 9")
    page.get_by_label("Organisation").fill(f"Tidewater {uuid.uuid4().hex[:6]}")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Hello, Cleo"))


def pay(page: Page) -> None:
    page.get_by_label("Card number").fill("4242 4242 4242 4242")
    page.get_by_label("Expiry").fill("12 / 34")
    page.get_by_label("Security code").fill("123")
    page.get_by_role("button", name="Pay €29.00").click()
    expect(page).to_have_url(re.compile("/purchases/"))


def reload_until(page: Page, words: str) -> None:
    """What a person without scripts does; the limit only ends a test that has failed."""
    for _attempt in range(60):
        if page.get_by_text(words).count():
            return
        time.sleep(0.3)
        page.reload()
    raise AssertionError(f"never read {words!r}: " + page.locator("main").inner_text()[:600])


def call(address: str, key: str) -> int:
    """Call the gateway; right after a purchase the key may need a moment to be admitted."""
    request = urllib.request.Request(address, headers={"X-API-Key": key})
    for _attempt in range(20):
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refusal:
            if refusal.code not in (401, 403):
                return int(refusal.code)
            time.sleep(0.2)
    return 0
