"""An account in a browser: sign up, read the mail, confirm, add a second step, sign out, come back with the code."""

from __future__ import annotations

import re
import time
import uuid

import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_every_page import ASKED
from tests.whole_portal import Portal

pytestmark = pytest.mark.browser
PASSWORD = "ferry lantern quince 9"


def test_sign_up_confirm_protect_and_come_back(page: Page) -> None:
    address = sign_up(page)
    expect(page.get_by_role("region", name="Your address")).to_contain_text(f"the link is in our mail to {address}")

    page.get_by_role("link", name="Read the mail").click()
    follow(page, "confirm")
    page.get_by_role("button", name="Confirm my address").click()
    expect(page.get_by_text("Your address is confirmed.")).to_be_visible()
    expect(page.get_by_role("region", name="Your address")).to_have_count(0)

    page.goto("/settings")
    page.get_by_role("link", name="Set up").click()
    page.get_by_label("Password you use now").fill(PASSWORD)
    page.get_by_role("button", name="Set up").click()
    picture = page.get_by_role("img", name="QR code for your authenticator app")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") > 100  # drawn, within the policy
    app = pyotp.TOTP(page.locator(".key-row code").inner_text().replace(" ", ""))
    first = app.now()
    page.get_by_label("Code the app shows").fill(first)
    assert barriers(page) == []
    page.get_by_role("button", name="Switch it on").click()
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_focused()
    codes = page.locator(".key-once pre").inner_text().split()
    assert len(codes) == 10
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save as a file").click()
    assert codes[0] in saved.value.path().read_text()
    assert barriers(page) == []

    sign_out(page)
    sign_in(page, address)
    page.get_by_label("Code", exact=True).fill(first)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="There is 1 thing to put right")).to_be_visible()  # it was used
    page.get_by_label("Code", exact=True).fill(next_code(app, first))
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Hello, Mira")

    sign_out(page)
    sign_in(page, address)
    page.get_by_label("Code", exact=True).fill(codes[0])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Hello, Mira")


def test_inviting_and_joining_need_no_scripts(browser: Browser, running: Portal) -> None:
    context = browser.new_context(base_url=running.url, java_script_enabled=False, locale="en-GB")
    context.set_default_timeout(10_000)
    hers = context.new_page()
    mira = sign_up(hers)
    hers.get_by_role("link", name="Read the mail").click()
    follow(hers, "confirm")
    hers.get_by_role("button", name="Confirm my address").click()

    ben = f"ben.{mira}"
    hers.goto("/settings/members")
    hers.get_by_label("E-mail").fill(ben)
    hers.get_by_role("button", name="Send invitation").click()
    expect(hers.get_by_text(f"An invitation is on its way to {ben}.")).to_be_visible()

    his = browser.new_context(base_url=running.url, java_script_enabled=False, locale="en-GB").new_page()
    his.goto(f"/mail?to={ben}")
    follow(his, "invitation")
    his.get_by_label("Your name").fill("Ben Okafor")
    his.get_by_label("Password", exact=True).fill("walnut ladder thunder")
    his.get_by_role("button", name="Create account and join").click()
    expect(his.get_by_role("heading", level=1)).to_have_text("Hello, Ben")

    hers.reload()
    row = hers.get_by_role("row", name=re.compile("Ben Okafor"))
    row.locator("summary").click()
    row.get_by_label("Role").select_option("viewer")
    row.get_by_role("button", name="Save role").click()
    expect(hers.get_by_role("row", name=re.compile("Ben Okafor"))).to_contain_text("Viewer")
    context.close()


def test_a_forgotten_password(page: Page) -> None:
    address = sign_up(page)
    page.get_by_role("link", name="Read the mail").click()
    follow(page, "confirm")
    page.get_by_role("button", name="Confirm my address").click()
    sign_out(page)
    page.goto("/login")
    page.get_by_role("link", name=re.compile("Password forgotten")).click()
    page.get_by_label("E-mail").fill(address)
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", name="Look in your mail")).to_be_visible()
    page.goto(f"/mail?to={address}")
    follow(page, "reset")
    page.get_by_label("New password").fill("walnut ladder thunder")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("Your password is changed.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Hello, Mira")


def sign_up(page: Page) -> str:
    """Make an account; return its address."""
    address = f"mira.{uuid.uuid4().hex[:10]}@example.com"
    page.goto("/signup")
    page.get_by_label("Your name").fill("Mira Berg")
    page.get_by_label("E-mail").fill(address)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Organisation").fill("Berg Maps")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Hello, Mira")
    return address


def follow(page: Page, purpose: str) -> None:
    """Press the link in a mail; it takes the worker a moment to deliver it."""
    link = page.locator(f"main a[href*='/{purpose}?token=']").first
    for _attempt in range(60):
        if link.count():
            link.click()
            return
        time.sleep(0.3)
        page.reload()
    raise AssertionError("the mail never came: " + page.locator("main").inner_text()[:400])


def sign_in(page: Page, address: str) -> None:
    page.goto("/login")
    page.get_by_label("E-mail").fill(address)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your code")


def sign_out(page: Page) -> None:
    page.locator("header summary[aria-label^='Account of']").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("link", name="Sign in").first).to_be_visible()


def next_code(app: pyotp.TOTP, used: str) -> str:
    """The next code that has not been used: the app may be one step ahead of us, so nobody waits for the clock."""
    now = int(time.time())
    return next(code for code in (app.at(now), app.at(now + 30)) if code != used)


def barriers(page: Page) -> list[str]:
    found = Axe().run(page, options=ASKED).response["violations"]
    return [barrier["id"] for barrier in found if barrier["impact"] in ("serious", "critical")]
