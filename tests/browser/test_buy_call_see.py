"""The story everything else hangs on: a stranger finds an API, buys it, calls it, and sees the call on a chart."""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.walk import KeyboardWalk, TouchWalk, Walk
from tests.whole_portal import Portal

pytestmark = pytest.mark.browser


@pytest.fixture(params=["mouse", "keyboard", "phone"])
def walk(request: pytest.FixtureRequest, browser: Browser, running: Portal) -> Iterator[Walk]:
    """A stranger in a fresh browser, walking in one of three ways."""
    small = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    shape: dict[str, Any] = small if request.param == "phone" else {"viewport": {"width": 1280, "height": 900}}
    context = browser.new_context(base_url=running.url, locale="en-GB", **shape)
    context.set_default_timeout(10_000)
    page = context.new_page()
    kinds = {"mouse": Walk, "keyboard": KeyboardWalk, "phone": TouchWalk}
    ways = {"mouse": "mouse, 1280 px", "keyboard": "keyboard only, 1280 px", "phone": "touch, 390 px"}
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console", lambda message: faults.append(message.text) if "Content Security Policy" in message.text else None
    )
    yield kinds[request.param](page, ways[request.param])
    context.close()
    assert faults == []


def test_from_the_landing_page_to_the_first_call(
    walk: Walk, running: Portal, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stranger finds an API, buys it, calls it and sees the call; the walk says what that took."""
    page = walk.page
    page.goto("/")
    walk.press(page.get_by_role("link", name="Browse the market"))
    walk.send(page.get_by_role("searchbox").first, "exchange rates")
    walk.press(page.locator("main").get_by_role("link", name=re.compile("^Rates")).first)
    walk.press(page.get_by_role("link", name="Pricing", exact=True).first)
    walk.press(page.get_by_role("link", name="Choose Pro"))
    _sign_up_on_the_way(walk)

    expect(page.get_by_role("heading", level=1)).to_contain_text("Subscribe to")
    walk.tick(page.get_by_label(re.compile("I accept the terms")))
    walk.press(page.get_by_role("button", name="Pay €29.00"))
    walk.write(page.get_by_label("Card number"), "4242 4242 4242 4242")
    walk.write(page.get_by_label(re.compile("Expiry")), "12 / 34")
    walk.write(page.get_by_label(re.compile("Security code|CVC")), "123")
    walk.press(page.get_by_role("button", name=re.compile(r"^Pay €")))

    expect(page.get_by_role("heading", name="You are in")).to_be_visible(timeout=20_000)
    walk.press(page.get_by_role("button", name="Show my API key"))
    key = page.locator("#new-key").inner_text().strip()
    address = re.search(r'"(http[^"]+)"', page.locator(".key-once pre, .key-once code").last.inner_text())
    assert address is not None
    assert _call(address[1], key) == 200
    walk.acts += 1  # pasting the line into a terminal
    expect(page.get_by_text("Your first call came through.")).to_be_visible(timeout=20_000)
    with capsys.disabled():
        print(f"\n  landing to first call, {walk.told()}")

    walk.press(page.get_by_role("link", name="See it on the chart"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Usage")
    expect(page.get_by_text("1 of 196,666 calls")).to_be_visible()  # the limit that was suggested, in calls
    expect(page.get_by_text("Stops at 196,666 calls, your limit of €58.00.")).to_be_visible()


def _sign_up_on_the_way(walk: Walk) -> None:
    """Make an account where one is asked for; the plan is waiting on the other side."""
    page = walk.page
    walk.press(page.locator("main").get_by_role("link", name=re.compile("Create an account|Create account")).first)
    walk.write(page.get_by_label("Your name"), "Cleo Marsh")
    walk.write(page.get_by_label("E-mail"), f"{uuid.uuid4().hex[:10]}@example.com")
    walk.write(page.get_by_label("Password", exact=True), "ferry lantern quince 9")
    walk.write(page.get_by_label("Organisation"), f"Tidewater {uuid.uuid4().hex[:6]}")
    walk.press(page.get_by_role("button", name="Create account"))


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
    page.get_by_label(re.compile("I accept the terms")).check()
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
