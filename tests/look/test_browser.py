"""The look in a real browser: both themes and three widths, with and without scripts, keyboard, charts, swaps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

pytestmark = pytest.mark.browser

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SHIFT = """() => new Promise(done => {
  let sum = 0;
  new PerformanceObserver(list => { for (const e of list.getEntries()) if (!e.hadRecentInput) sum += e.value; })
    .observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(sum), 400);
})"""


class Reader:
    """A person at a browser. Remembers every complaint of the page."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.address = address
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console", lambda line: self.complaints.append(line.text) if line.type in {"error", "warning"} else None
        )

    def open(self, path: str) -> Page:
        self.page.goto(self.address + path)
        self.page.wait_for_load_state("networkidle")
        return self.page

    def see_everything(self) -> None:
        """Scroll through, so that charts near the screen are drawn."""
        for box in self.page.locator("[data-chart]").all():
            box.scroll_into_view_if_needed()
            expect(box.locator(".main-svg").first).to_be_visible()


@pytest.fixture
def reader(browser: Browser, address: str) -> Iterator[Reader]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield Reader(context, address)
    context.close()


def someone(browser: Browser, address: str, theme: str, width: int, **options: object) -> Reader:
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)  # type: ignore[arg-type]
    context.add_cookies([{"name": "theme", "value": theme, "url": address}])
    return Reader(context, address)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("case", ["usual", "none", "extreme"])
def test_the_guide_has_no_barriers(browser: Browser, address: str, theme: str, case: str) -> None:
    reader = someone(browser, address, theme, 1440)
    page = reader.open(f"/styleguide?case={case}")
    reader.see_everything()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert reader.complaints == []
    page.context.close()


@pytest.mark.parametrize("status", [404, 500])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_error_pages_have_no_barriers(browser: Browser, address: str, theme: str, status: int) -> None:
    reader = someone(browser, address, theme, 390)
    page = reader.open(f"/styleguide/errors/{status}")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.context.close()


@pytest.mark.parametrize("width", [1440, 1024, 390, 320])
@pytest.mark.parametrize("case", ["none", "extreme"])
def test_nothing_is_wider_than_the_screen(browser: Browser, address: str, width: int, case: str) -> None:
    reader = someone(browser, address, "light", width)
    page = reader.open(f"/styleguide?case={case}")
    reader.see_everything()
    assert page.evaluate(OVERFLOW) <= 0
    page.context.close()


def test_touch_targets_are_large_enough_on_a_phone(browser: Browser, address: str) -> None:
    reader = someone(browser, address, "light", 390, has_touch=True, is_mobile=True)
    page = reader.open("/styleguide")
    small = page.evaluate(
        """() => [...document.querySelectorAll('.btn, .bar a, summary, .pages a, .facet a, .chip, .foot a, .seg *')]
        .filter(e => e.matches('a, button, summary, .btn'))
        .filter(e => e.checkVisibility()).map(e => [e.textContent.trim(), e.getBoundingClientRect()])
        .filter(([, box]) => box.height < 44).map(([words, box]) => `${words} ${box.height}`)"""
    )
    assert small == []
    page.context.close()


def test_the_page_does_not_move_while_it_loads(reader: Reader) -> None:
    page = reader.open("/trial")
    assert page.evaluate(SHIFT) < 0.01
    reader.open("/styleguide")
    assert page.evaluate(SHIFT) < 0.02


def test_nothing_comes_from_another_place(reader: Reader) -> None:
    asked: list[str] = []
    reader.page.on("request", lambda request: asked.append(request.url))
    reader.open("/styleguide")
    reader.see_everything()
    assert [url for url in asked if not url.startswith(reader.address)] == []


def test_the_theme_changes_at_once_and_stays(reader: Reader) -> None:
    page = reader.open("/styleguide")
    reader.see_everything()
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(ground)
    with page.expect_response("**/preferences/theme"):
        page.get_by_role("button", name="Dark").click()
    assert page.evaluate(ground) != light
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert reader.complaints == []


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_charts_take_the_colours_of_the_theme(reader: Reader, motion: Literal["no-preference", "reduce"]) -> None:
    reader.page.emulate_media(reduced_motion=motion)
    page = reader.open("/styleguide")
    reader.see_everything()
    bars = page.locator("#usage-chart .trace .point path").first
    light = bars.evaluate("bar => getComputedStyle(bar).fill")
    page.get_by_role("button", name="Dark").click()
    page.wait_for_function(
        "light => getComputedStyle(document.querySelector('#usage-chart .trace .point path')).fill !== light", arg=light
    )
    wanted = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--chart-1').trim()")
    red, green, blue = (int(wanted[i : i + 2], 16) for i in (1, 3, 5))
    assert page.locator("#usage-chart .trace .point path").first.evaluate("b => getComputedStyle(b).fill") == (
        f"rgb({red}, {green}, {blue})"
    )
    assert reader.complaints == []


def test_keys_go_places_but_never_while_typing(reader: Reader) -> None:
    page = reader.open("/styleguide")
    page.keyboard.press("?")
    expect(page.locator("#shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#shortcuts")).to_be_hidden()
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("?gu/")
    expect(page.locator("#search")).to_have_value("?gu/")
    expect(page.locator("#shortcuts")).to_be_hidden()
    page.locator("h1").click()
    page.keyboard.press("g")
    page.keyboard.press("u")
    page.wait_for_url("**/usage")


def test_a_menu_opens_closes_and_gives_focus_back(reader: Reader) -> None:
    page = reader.open("/styleguide")
    menu = page.locator("details[data-drop]", has_text="You act for")
    menu.locator("summary").click()
    expect(menu.get_by_role("button", name="Night Ferry")).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu.get_by_role("button", name="Night Ferry")).to_be_hidden()
    expect(menu.locator("summary")).to_be_focused()
    menu.locator("summary").click()
    page.locator("h1").click()
    expect(menu.get_by_role("button", name="Night Ferry")).to_be_hidden()


def test_copying_is_said_and_done(reader: Reader) -> None:
    page = reader.open("/styleguide")
    page.get_by_role("button", name="Copy key").click()
    expect(page.locator("#announce")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#new-key").inner_text()
    page.locator(".key-once .code .copy").click()
    page.wait_for_function("async () => (await navigator.clipboard.readText()).startsWith('curl https')")


def test_a_password_can_be_shown_and_hidden(reader: Reader) -> None:
    page = reader.open("/styleguide")
    field = page.locator("#f-password")
    page.get_by_role("button", name="Show password").click()
    expect(field).to_have_attribute("type", "text")
    page.locator("[data-reveal]").click()
    expect(field).to_have_attribute("type", "password")


def test_a_wrong_form_is_swapped_in_and_focus_goes_to_what_is_wrong(reader: Reader) -> None:
    page = reader.open("/trial")
    page.get_by_label("Work email").fill("nobody")
    page.evaluate("document.querySelector('#f-email').removeAttribute('type')")
    with page.expect_response(lambda answer: answer.status == 422):
        page.get_by_role("button", name="Save").click()
    expect(page.locator(".error-summary")).to_be_focused()
    page.get_by_role("link", name="Enter an email address").click()
    expect(page.locator("#f-email")).to_be_focused()
    page.get_by_label("Work email").fill("cleo@example.org")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".error-summary")).to_have_count(0)


def test_a_failed_request_is_told_with_its_id_and_the_page_stays(reader: Reader) -> None:
    page = reader.open("/trial")
    page.route("**/trial", lambda route: route.fulfill(status=500, headers={"X-Request-ID": "r-77"}, body="no"))
    page.get_by_label("Work email").fill("cleo@example.org")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#toasts")).to_contain_text("r-77")
    expect(page.get_by_label("Work email")).to_have_value("cleo@example.org")
    expect(page.get_by_role("button", name="Save")).not_to_have_attribute("aria-busy", "true")


def test_a_session_that_ended_leads_to_sign_in_and_back(reader: Reader) -> None:
    page = reader.open("/trial?x=1")
    page.route("**/trial", lambda route: route.fulfill(status=401, body=""))
    page.get_by_label("Work email").fill("cleo@example.org")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/login?next=%2Ftrial%3Fx%3D1")


def test_without_scripts_everything_is_there(browser: Browser, address: str) -> None:
    reader = someone(browser, address, "light", 390, java_script_enabled=False)
    page = reader.open("/styleguide")
    expect(page.locator("#usage-chart svg.bars")).to_be_visible()
    expect(page.locator("[data-needs-js]").first).to_be_hidden()
    page.locator(".burger summary").click()
    expect(page.locator(".burger nav a", has_text="Usage")).to_be_visible()
    page.locator(".tabs label", has_text="Python").click()
    expect(page.locator(".tabs .panel-2")).to_be_visible()
    expect(page.locator(".tabs .panel-1")).to_be_hidden()
    page.get_by_role("button", name="Dark").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert "/styleguide" in page.url
    page.context.close()


def test_paper_gets_words_and_figures_only(reader: Reader) -> None:
    page = reader.open("/styleguide")
    page.emulate_media(media="print")
    expect(page.locator("header.bar")).to_be_hidden()
    expect(page.locator(".table").first).to_be_hidden()  # the closed twin stays closed
    expect(page.locator("h1")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"


def test_still_means_still(browser: Browser, address: str) -> None:
    reader = someone(browser, address, "light", 1440, reduced_motion="reduce")
    page = reader.open("/styleguide")
    assert page.evaluate("getComputedStyle(document.querySelector('.btn .spin')).animationName") == "none"
    page.context.close()
