"""The story everything else hangs on: a stranger finds an API, buys it, calls it, and sees the call on a chart."""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.request
import uuid

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Portal

pytestmark = pytest.mark.browser


def test_a_stranger_becomes_a_caller(page: Page, running: Portal) -> None:
    _sign_up(page, "Cleo Marsh", "Tidewater Labs")

    page.goto("/marketplace")
    page.get_by_role("searchbox").first.fill("exchange rates")
    page.keyboard.press("Enter")
    page.get_by_role("link", name=re.compile("Rates")).first.click()
    page.get_by_role("link", name="Docs").first.click()
    page.get_by_placeholder(re.compile("Filter")).fill("latest")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("latest"))
    page.locator("a[href*='/docs/']").first.click()
    expect(page.locator("main").get_by_text("/v1/latest").first).to_be_visible()

    _choose_the_paid_plan(page)

    _pay(page, "4242 4242 4242 4242")
    expect(page).to_have_url(re.compile(r"/purchases/"))
    expect(page.get_by_role("heading", name="You are in")).to_be_visible(timeout=20_000)
    page.get_by_role("button", name="Show my API key").click()
    key = page.locator("#new-key").inner_text().strip()

    address = re.search(r'"(http[^"]+)"', page.locator(".key-once pre, .key-once code").last.inner_text())
    assert address is not None
    assert _call(address[1], key) == 200

    expect(page.get_by_text("Your first call came through.")).to_be_visible(timeout=20_000)
    page.get_by_role("link", name="See it on the chart").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Usage")
    expect(page.get_by_text("1 of 100,000 included calls")).to_be_visible()


def test_a_declined_card_charges_nothing_and_the_next_card_works(page: Page) -> None:
    _sign_up(page, "Noor Haddad", "Harbour Tools")
    _go_to_paid_review(page)
    _pay(page, "4000 0000 0000 0002")
    expect(page.get_by_text(re.compile("declined", re.I)).first).to_be_visible()
    _pay(page, "4242 4242 4242 4242")
    expect(page.get_by_role("heading", name="You are in")).to_be_visible(timeout=20_000)


def test_leaving_the_checkout_loses_nothing(page: Page) -> None:
    _sign_up(page, "Iris Vale", "Vale and Sons")
    _go_to_paid_review(page)
    page.get_by_role("link", name=re.compile("Back", re.I)).first.click()
    expect(page.get_by_role("heading", name="You left before paying")).to_be_visible()
    page.get_by_role("link", name="Go on to payment").click()
    _pay(page, "4242 4242 4242 4242")
    expect(page.get_by_role("heading", name="You are in")).to_be_visible(timeout=20_000)
    page.reload()
    expect(page.get_by_role("heading", name="You are in")).to_be_visible()


def _sign_up(page: Page, name: str, organisation: str) -> None:
    page.goto("/signup")
    page.get_by_label("Name", exact=False).first.fill(name)
    page.get_by_label(re.compile("E-?mail", re.I)).fill(f"{uuid.uuid4().hex[:10]}@example.com")
    page.get_by_label(re.compile("Password", re.I)).first.fill("ferry lantern quince 9")
    page.get_by_label(re.compile("Organisation", re.I)).fill(f"{organisation} {uuid.uuid4().hex[:6]}")
    page.get_by_role("button", name=re.compile("Create|Sign up", re.I)).click()
    expect(
        page.get_by_role("button", name=re.compile("Sign out")).or_(page.locator("[data-drop]").first)
    ).to_be_attached()


def _go_to_paid_review(page: Page) -> None:
    page.goto("/marketplace?q=exchange+rates")
    page.get_by_role("link", name=re.compile("Rates")).first.click()
    _choose_the_paid_plan(page)


def _choose_the_paid_plan(page: Page) -> None:
    page.get_by_role("link", name="Pricing", exact=True).first.click()
    page.get_by_role("link", name="Choose Pro").click()
    page.get_by_role("button", name="Pay €29.00").click()


def _pay(page: Page, card: str) -> None:
    page.get_by_label("Card number").fill(card)
    page.get_by_label(re.compile("Expiry")).fill("12 / 34")
    page.get_by_label(re.compile("Security code|CVC")).fill("123")
    name = page.get_by_label(re.compile("Name on card|Cardholder", re.I))
    if name.count():
        name.first.fill("Cleo Marsh")
    page.get_by_role("button", name=re.compile(r"^Pay €")).click()


def _call(address: str, key: str) -> int:
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
