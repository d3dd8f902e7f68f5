"""A real browser before a whole portal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.whole_portal import Portal


@pytest.fixture
def page(browser: Browser, running: Portal) -> Iterator[Page]:
    """A fresh browser profile that fails the test on a script error or a refused policy."""
    context = browser.new_context(base_url=running.url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(10_000)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console", lambda message: faults.append(message.text) if "Content Security Policy" in message.text else None
    )
    yield page
    context.close()
    assert faults == []
