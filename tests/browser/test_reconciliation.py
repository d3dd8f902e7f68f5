"""Olive finds what does not agree and mends it; Greta checks her purchase: in a real browser, before a whole portal."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.whole_portal import Portal

pytestmark = pytest.mark.browser


def sign_in(page: Page, running: Portal, name: str) -> None:
    page.goto("/login")
    page.get_by_role("button", name=f"Sign in as {running.person(name)['name']}").click()
    expect(
        page.get_by_role("button", name=re.compile("Sign out")).or_(page.locator("[data-drop]").first)
    ).to_be_attached()


def test_olive_finds_looks_and_mends(page: Page, running: Portal) -> None:
    sign_in(page, running, "olive")
    page.goto("/admin/billing")
    expect(page.get_by_role("heading", level=1)).to_have_text("Billing agreement")
    expect(page.get_by_text("Cancelled on one side only").first).to_be_visible()

    page.get_by_role("button", name="Compare now").click()
    expect(page.get_by_role("button", name="Compare now")).to_be_visible(timeout=60_000)
    page.get_by_label("also what was read").check()
    page.get_by_role("button", name="Compare now").click()
    # Whether progress is seen depends on how quick the worker is; that the page comes back by itself does not.
    expect(page.get_by_role("button", name="Compare now")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("Skerry Maps").first).to_be_visible()

    page.get_by_role("link", name="Cancelled on one side only").click()
    page.get_by_role("link", name="Take over what Stripe says").click()
    preview = page.locator("#preview")
    expect(preview.get_by_role("row", name=re.compile("Ends with the period"))).to_contain_text("yes")
    preview.get_by_role("button", name="Take over what Stripe says").click()
    expect(page.get_by_role("alert")).to_contain_text("Say why")
    page.get_by_label("Reason").first.fill("Runa wrote to us")
    preview.get_by_role("button", name="Take over what Stripe says").click()
    expect(page.get_by_text("Looked at again: everything agrees.").first).to_be_visible(timeout=20_000)
    expect(page.get_by_text("Runa wrote to us").first).to_be_visible()
    page.goto("/admin/billing")
    expect(page.get_by_role("link", name="Cancelled on one side only")).to_have_count(0)


def test_the_page_fits_a_phone_in_the_dark_and_in_german(browser: Browser, running: Portal) -> None:
    context = browser.new_context(
        base_url=running.url, viewport={"width": 390, "height": 844}, color_scheme="dark", locale="de-DE"
    )
    context.add_cookies([{"name": "locale", "value": "de", "url": running.url}])
    page = context.new_page()
    page.set_default_timeout(10_000)
    page.goto("/login")
    person = running.person("olive")
    page.locator("input[type=email]").fill(person["email"])
    page.locator("input[type=password]").fill(person["password"])
    page.locator("form:has(input[type=password]) button[type=submit]").first.click()
    page.wait_for_url(lambda address: "/login" not in address)
    page.goto("/admin/billing")
    expect(page.get_by_role("heading", level=1)).to_have_text("Abrechnungsabgleich")
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{wide} px too wide"
    context.close()


def test_greta_checks_her_purchase_without_leaving_the_page(page: Page, running: Portal) -> None:
    sign_in(page, running, "greta")
    page.goto("/subscriptions")
    page.locator("main").get_by_role("link", name="Rates").first.click()
    page.get_by_role("button", name="Check my purchase").click()
    expect(page.get_by_text("Everything agrees")).to_be_visible(timeout=20_000)
    expect(page.get_by_role("button", name="Check again")).to_be_visible()
