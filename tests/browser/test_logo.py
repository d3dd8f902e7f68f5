"""A provider hangs out a sign: uploaded, looked at, used and taken down again, with forms alone; what strangers see of it."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.whole_portal import Portal

pytestmark = pytest.mark.browser


@pytest.fixture
def plain(browser: Browser, running: Portal) -> Iterator[Page]:
    """A page in a browser with scripts switched off, for somebody who provides."""
    context = browser.new_context(base_url=running.url, java_script_enabled=False, locale="en-GB")
    context.set_default_timeout(10_000)
    page = context.new_page()
    person = running.person("ada")
    page.goto("/login")
    page.get_by_label("E-mail").fill(person["email"])
    page.get_by_label("Password").first.fill(person["password"])
    page.get_by_role("button", name="Sign in", exact=True).click()
    yield page
    context.close()


def picture(colour: str) -> dict[str, object]:
    out = io.BytesIO()
    Image.new("RGB", (300, 300), colour).save(out, "PNG")
    return {"name": "logo.png", "mimeType": "image/png", "buffer": out.getvalue()}


def test_a_logo_is_changed_and_had_back_without_scripts(plain: Page, page: Page) -> None:
    page.goto("/marketplace/kestrel-data")
    sign = page.locator(".page-head .tile img")
    before = sign.get_attribute("src")
    assert before

    plain.goto("/settings/organisation")
    plain.get_by_role("link", name="Change the logo").click()
    plain.get_by_label("Picture", exact=True).set_input_files(
        {"name": "logo.png", "mimeType": "image/png", "buffer": b"no picture"}  # type: ignore[arg-type]
    )
    plain.get_by_role("button", name="Upload and look at it").click()
    expect(plain.get_by_role("alert")).to_contain_text("This is not a picture")
    plain.get_by_label("Picture", exact=True).set_input_files(picture("#cc2200"))  # type: ignore[arg-type]
    plain.get_by_role("button", name="Upload and look at it").click()
    expect(plain.get_by_role("heading", name="Before and after")).to_be_visible()
    page.reload()
    assert sign.get_attribute("src") == before

    plain.get_by_role("button", name="Use this logo").click()
    expect(plain.get_by_text("The logo is in use.")).to_be_visible()
    page.reload()
    after = sign.get_attribute("src")
    assert after != before
    page.wait_for_function("document.querySelector('.page-head .tile img').naturalWidth === 256")
    page.goto("/marketplace/kestrel-data/rates")
    assert page.locator(".page-head .tile img").get_attribute("src") == after

    plain.get_by_role("button", name="Use this one").first.click()
    page.goto("/marketplace/kestrel-data")
    assert sign.get_attribute("src") == before


def test_pictures_move_nothing_when_they_come(page: Page) -> None:
    page.add_init_script(
        "window.moved = 0; new PerformanceObserver(list => { for (const e of list.getEntries()) window.moved += e.value })"
        ".observe({type: 'layout-shift', buffered: true})"
    )
    page.goto("/marketplace")
    page.wait_for_load_state("networkidle")
    assert page.locator(".api .tile img").count() > 5
    assert page.evaluate("window.moved") < 0.01
    boxes = page.evaluate(
        "[...document.querySelectorAll('.api .tile')].map(t => [t.offsetWidth, t.offsetHeight].join())"
    )
    assert set(boxes) == {"40,40"}


def test_the_page_of_a_provider_is_opened_by_keyboard_from_a_card(page: Page) -> None:
    page.goto("/marketplace?q=exchange+rates")
    provider = page.locator(".api .by a").first
    provider.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Kestrel Data")
    page.get_by_label("Sort by").select_option("name")
    expect(page).to_have_url(
        "**/marketplace/kestrel-data?sort=name#apis".replace("**", page.url.split("/marketplace")[0])
    )
    expect(page.locator(".api h3").first).to_have_text("Almanac")
