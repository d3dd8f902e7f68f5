"""Core Web Vitals of a phone far away: a quarter of this processor, 1.6 Mbit/s, 150 ms to the server.

The pages of a stranger's way to the first call, each opened with an empty cache. LCP is when the largest thing is painted,
CLS how far things moved by themselves, INP how long the slowest of some taps and keys waited for its paint; the 75th
percentile counts.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.whole_portal import Portal, started

LOADS = int(os.environ.get("BENCH_LOADS", "5"))
GOOD = {"LCP": 2500.0, "CLS": 0.1, "INP": 200.0}  # milliseconds, a share of the screen, milliseconds
_PHONE = {"width": 390, "height": 844}
_SLOW_LINE = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 200_000,
    "uploadThroughput": 94_000,
}  # bytes a second
_OBSERVE = """
  window.vitals = { LCP: 0, CLS: 0, INP: 0 };
  const watch = (type, more, note) => new PerformanceObserver(list => list.getEntries().forEach(note)).observe({ type, buffered: true, ...more });
  watch('largest-contentful-paint', {}, e => { vitals.LCP = e.startTime; });
  watch('layout-shift', {}, e => { if (!e.hadRecentInput) vitals.CLS += e.value; });
  watch('event', { durationThreshold: 16 }, e => { if (e.interactionId) vitals.INP = Math.max(vitals.INP, e.duration); });
"""  # noqa: E501 - a script reads better in one piece
_Touch = Callable[[Page], object]


def run() -> None:
    """Open each page as often as wanted and say how many are good."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as state, started(Path(state)) as portal, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--disable-gpu", "--disable-dev-shm-usage"])
        for path, touch in _WAY.items():
            found = [_visit(browser, portal, path, touch) for _ in range(LOADS)]
            said = []
            for name, good in GOOD.items():
                value = statistics.quantiles([each[name] for each in found], n=4, method="inclusive")[-1]
                said.append(f"{name} {value:.3f}" if name == "CLS" else f"{name} {value:5.0f} ms")
                said[-1] += "" if value <= good else f" MISSED {good:g}"
            print(f"  {'   '.join(said)}   {path}", flush=True)
        browser.close()


def _visit(browser: Browser, portal: Portal, path: str, touch: _Touch) -> dict[str, float]:
    context = browser.new_context(
        base_url=portal.url, viewport=_PHONE, device_scale_factor=2, is_mobile=True, has_touch=True, locale="en-GB"
    )  # type: ignore[arg-type]
    page = context.new_page()
    line = context.new_cdp_session(page)
    line.send("Network.enable")
    line.send("Network.emulateNetworkConditions", _SLOW_LINE)
    line.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.add_init_script(_OBSERVE)
    page.goto(path, wait_until="networkidle")
    touch(page)
    page.wait_for_timeout(600)
    found: dict[str, float] = page.evaluate("vitals")
    context.close()
    return found


def _scroll(page: Page) -> None:
    page.mouse.wheel(0, 3000)
    page.wait_for_timeout(300)


def _search(page: Page) -> None:
    box = page.get_by_role("searchbox").first
    box.tap()
    box.press_sequentially("rates", delay=60)
    page.wait_for_timeout(2000)  # its answer comes over the slow line, and moves nothing that was read
    _scroll(page)


def _work_out(page: Page) -> None:
    box = page.get_by_label("Calls a month").first
    box.tap()
    box.fill("")
    box.press_sequentially("25000", delay=60)
    page.wait_for_timeout(2000)
    _scroll(page)


_WAY: dict[str, _Touch] = {
    "/": _search,
    "/marketplace": _search,
    "/marketplace/kestrel-data/rates": _scroll,
    "/marketplace/kestrel-data/rates/docs": _scroll,
    "/marketplace/kestrel-data/rates/pricing": _work_out,
    "/marketplace/kestrel-data/rates/reliability": _scroll,
    "/signup": _scroll,
    "/login": _scroll,
}
