"""Parts of pages that read the same whenever their inputs are the same: rendered once, then kept.

    {% call kept("market card", card, price) %}<article>…</article>{% endcall %}

Everything the part says has to follow from the inputs, the reader's language and their time zone. So no form token, no
address of the page it stands on, nothing of the reader that is not an input: what was kept is shown to everybody. Under
test each part is rendered again and compared, so whatever breaks this rule fails there.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock

from cachetools import LRUCache
from flask import Flask, current_app
from flask_babel import get_locale, get_timezone
from markupsafe import Markup

MOST_CHARACTERS = 24_000_000  # per process: some ten thousand cards
_SMALLEST = 256  # characters that an entry counts at least, for its key and its place


class StaleFragment(AssertionError):
    """A kept part no longer reads as it would if it were rendered now: it says something that is not an input."""


class Fragments:
    """What was rendered, the least lately used given up first. Equal inputs are the same input."""

    def __init__(self, most_characters: int = MOST_CHARACTERS) -> None:
        self._kept: LRUCache[Hashable, Markup] = LRUCache(
            most_characters, getsizeof=lambda text: max(len(text), _SMALLEST)
        )
        self._lock = Lock()

    def get(self, key: Hashable, render: Callable[[], Markup], *, check: bool = False) -> Markup:
        """Return what `render` returned for this key, now or earlier.

        With `check` it is rendered in any case. Raises StaleFragment if it has changed, TypeError for a key that
        cannot be hashed.
        """
        with self._lock:
            found = self._kept.get(key)
        if found is not None and not check:
            return found
        fresh = render()
        if found is not None and fresh != found:
            raise StaleFragment(f"{key!r} said {found!r} and says {fresh!r}")
        if len(fresh) < self._kept.maxsize:  # what is larger than everything is never kept
            with self._lock:
                self._kept[key] = fresh
        return fresh


def register(app: Flask) -> None:
    """Give templates `kept(name, …)`, to be called around the part."""
    app.extensions["fragments"] = Fragments()
    app.jinja_env.globals["kept"] = kept


def kept(name: str, *inputs: Hashable, caller: Callable[[], Markup]) -> Markup:
    """Return the part called `name` for these inputs, in the reader's language and time zone."""
    fragments: Fragments = current_app.extensions["fragments"]
    key = (name, str(get_locale()), str(get_timezone()), *inputs)
    return fragments.get(key, caller, check=current_app.testing)
