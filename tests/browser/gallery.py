"""Pictures of every page, to be looked at: `make screens` photographs a running demo into artifacts/screens.

Every page that a stranger, a consumer, an integrator, a provider and an operator can reach is taken at three widths, in
both themes and in both languages. One sheet per page and width shows the four looks side by side; `index.html` all sheets.
"""

from __future__ import annotations

import argparse
import html
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import Error as BrowserError

from tests.browser.crawling import crawl, draw_all, shape, sign_in

WIDTHS = {"phone": 390, "tablet": 768, "desk": 1440}
TALLEST = 2400  # pixels of a page; what is further down looks like what is above
ACROSS = 1600  # pixels a sheet is wide
VISITORS = {"stranger": None, "consumer": "greta", "integrator": "juno", "provider": "ada", "operator": "olive"}
LOOKS = list(product(("light", "dark"), ("en", "de")))
DRAWN = (
    ".api { content-visibility: visible !important; }"  # also what is off the screen, where a picture is taken whole
)
SETTLED = """async () => {
  await document.fonts.ready;
  const end = Math.min(document.body.scrollHeight, 3000);
  for (let y = 0; y < end; y += 600) { scrollTo(0, y); await new Promise(requestAnimationFrame); }
  scrollTo(0, 0); await new Promise(done => setTimeout(done, 80));
}"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Photograph a running demo; the state folder names it."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--state", type=Path, default=Path(os.environ.get("PORTAL_STATE", ".state")))
    wanted.add_argument("--to", type=Path, default=Path("artifacts/screens"))
    wanted.add_argument("--visitors", nargs="*", default=list(VISITORS), choices=list(VISITORS))
    wanted.add_argument("--only", help="a pattern that the page's address must match", default="")
    chosen = wanted.parse_args(arguments)
    if not (chosen.state / "demo.json").exists():
        sys.exit(f"No demo runs with the state {chosen.state}. Start one with: make demo")
    facts = json.loads((chosen.state / "demo.json").read_text())
    chosen.to.mkdir(parents=True, exist_ok=True)
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    seen: set[str] = set()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--disable-gpu", "--disable-dev-shm-usage"])
        for visitor in chosen.visitors:
            _photograph(browser, facts, visitor, chosen.to, re.compile(chosen.only), seen)
        browser.close()
    _write_index(chosen.to)


def _photograph(
    browser: Browser, facts: dict[str, Any], visitor: str, to: Path, only: re.Pattern[str], seen: set[str]
) -> None:
    """Take the pages that no visitor before has shown; the pages of an API only as a stranger and a consumer."""
    page = _visit(browser, facts, visitor)
    paths = [path for path, _answer in crawl(page, facts["portal_url"]) if only.search(path)]
    new = [path for path in paths if shape(path) not in seen or (visitor == "consumer" and _depends_on_reader(path))]
    seen |= {shape(path) for path in new}
    print(f"{visitor}: {len(new)} of {len(paths)} pages", flush=True)
    for number, path in enumerate(new):
        name = f"{visitor}-{number:02d}-{re.sub(r'[^a-z0-9]+', '-', path.lower()).strip('-')[:50] or 'home'}"
        for width_name, width in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": 900})
            try:
                _sheet(list(_looks(page, facts["portal_url"], path)), to / f"{name}.{width_name}.png")
            except BrowserError as problem:
                print(f"  {path} at {width}: {problem.message.splitlines()[0]}", flush=True)
    page.context.close()


def _visit(browser: Browser, facts: dict[str, Any], visitor: str) -> Page:
    context = browser.new_context(
        base_url=facts["portal_url"], locale="en-GB", reduced_motion="reduce", bypass_csp=True
    )
    context.set_default_timeout(15_000)
    page = context.new_page()
    if name := VISITORS[visitor]:
        sign_in(page, next(person for person in facts["people"] if person["email"].startswith(name)))
    return page


def _depends_on_reader(path: str) -> bool:
    """Whether a public page says something else to a customer."""
    return path == "/" or path.startswith(("/marketplace/", "/subscribe"))


def _looks(page: Page, base: str, path: str) -> Iterator[Image.Image]:
    for theme, language in LOOKS:
        page.context.add_cookies(
            [{"name": "theme", "value": theme, "url": base}, {"name": "locale", "value": language, "url": base}]
        )
        page.goto(path)
        draw_all(page)
        page.evaluate(SETTLED)
        picture = Image.open(BytesIO(page.screenshot(full_page=True)))
        yield picture.crop((0, 0, picture.width, min(picture.height, TALLEST)))


def _sheet(pictures: Sequence[Image.Image], file: Path) -> None:
    """Put the looks of one page beside each other; wide pages two in a row."""
    in_row = len(pictures) if pictures[0].width < 600 else 2
    each = ACROSS // in_row
    scaled = [
        one.resize((each - 8, one.height * (each - 8) // one.width), Image.Resampling.LANCZOS) for one in pictures
    ]
    rows = [scaled[start : start + in_row] for start in range(0, len(scaled), in_row)]
    tall = [max(one.height for one in row) + 8 for row in rows]
    sheet = Image.new("RGB", (ACROSS, sum(tall)), (128, 128, 128))
    for row_number, row in enumerate(rows):
        for column, one in enumerate(row):
            sheet.paste(one, (column * each + 4, sum(tall[:row_number]) + 4))
    sheet.save(file, optimize=True)


def _write_index(folder: Path) -> None:
    lines = [
        f'<h2 id="{file.stem}">{html.escape(file.stem)}</h2><img src="{html.escape(file.name)}" width="1600" loading="lazy">'
        for file in sorted(folder.glob("*.png"))
    ]
    (folder / "index.html").write_text("<!doctype html><title>Every page</title>" + "\n".join(lines))


if __name__ == "__main__":
    main()
