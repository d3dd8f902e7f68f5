"""A walk through the portal that counts what it asks of a person: acts, page loads, seconds. Three ways to walk."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from playwright.sync_api import Frame, Locator, Page

_IS_FOCUSED = "element => element === document.activeElement || element.contains(document.activeElement)"
_MOST_TABS = 250  # only ends a walk that has lost its way


@dataclass
class Walk:
    """Somebody with a mouse. An act is one press, or one field filled in; pages are counted as they load."""

    page: Page
    way: str = "mouse, 1280 px"
    acts: int = 0
    keys: int = 0
    loads: int = 0
    _begun: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.page.on("framenavigated", self._note)

    def press(self, what: Locator) -> None:
        """Press a link or a button."""
        self.acts += 1
        what.click()

    def tick(self, what: Locator) -> None:
        """Tick a box."""
        self.acts += 1
        what.check()

    def write(self, where: Locator, text: str) -> None:
        """Fill in a field."""
        self.acts += 1
        where.fill(text)

    def send(self, where: Locator, text: str) -> None:
        """Fill in a field and press Enter in it."""
        self.write(where, text)
        self.acts += 1
        where.press("Enter")

    def told(self) -> str:
        """Say what it took."""
        seconds = time.monotonic() - self._begun
        keys = f", {self.keys} keys to move" if self.keys else ""
        return f"{self.way}: {self.acts} acts{keys}, {self.loads} page loads, {seconds:.1f} s by a machine"

    def _note(self, frame: Frame) -> None:
        self.loads += frame == self.page.main_frame and frame.url != "about:blank"


class KeyboardWalk(Walk):
    """Somebody who never touches a mouse: Tab to move, Enter or Space to press, letters to write."""

    def press(self, what: Locator) -> None:
        self._reach(what)
        self.acts += 1
        self.page.keyboard.press("Enter")

    def tick(self, what: Locator) -> None:
        self._reach(what)
        self.acts += 1
        self.page.keyboard.press("Space")

    def write(self, where: Locator, text: str) -> None:
        self._reach(where)
        self.acts += 1
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.type(text)

    def send(self, where: Locator, text: str) -> None:
        self.write(where, text)
        self.acts += 1
        self.page.keyboard.press("Enter")

    def _reach(self, what: Locator) -> None:
        what.wait_for(state="attached")
        for _tab in range(_MOST_TABS):
            if what.evaluate(_IS_FOCUSED):
                return
            self.keys += 1
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{what} cannot be reached by Tab")


class TouchWalk(Walk):
    """Somebody with a phone."""

    def press(self, what: Locator) -> None:
        self.acts += 1
        what.tap()
