"""Pure rules of identity: how long a session lives, what an address and a name may look like."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from portal.web.principal import Role

TOKEN_PREFIX = "mo"  # noqa: S105 - what organisation tokens start with, not one of them
SESSION_IDLE = timedelta(hours=12)
SESSION_ABSOLUTE = timedelta(days=30)
SEEN_EVERY = timedelta(minutes=5)
KEPT_AFTER_END = timedelta(days=30)

# What an organisation may not be called in addresses: our own paths and words that would pass for us.
RESERVED_SLUGS = frozenset(
    [
        "about", "account", "admin", "api", "apis", "app", "assets", "auth", "billing", "blog", "catalog",
        "category", "collections", "compare", "confirm", "docs", "featured", "feed", "find", "forgotten", "health",
        "help", "home", "internal", "invitation", "invitations", "live", "login", "logos", "logout", "mail",
        "marketplace", "mercato", "metrics", "new", "newest", "official", "operator", "organisation",
        "organisations", "picture", "popular", "portal", "preferences", "premium", "pricing", "privacy", "projects",
        "provider", "providers", "purchases", "ready", "reset", "robots", "root", "saved", "search", "search-gaps",
        "security", "settings", "signup", "sitemap", "static", "status", "styleguide", "subscribe", "subscriptions",
        "support", "system", "terms", "usage", "view", "webhooks", "widgets", "www",
    ]
)  # fmt: skip
_EMAIL = re.compile(r"[^@\s\"(),:;<>\[\\\]]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_][\w-]{0,61}[^\W_]")
_BROWSERS = (
    *(("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")),
    *(("curl/", "curl"), ("python", "Python")),
)
_SYSTEMS = (
    *(("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS X", "macOS")),
    *(("CrOS", "ChromeOS"), ("Linux", "Linux")),
)
# Invisible or direction-changing characters let one name pass for another.
_DECEPTIVE = frozenset(
    "\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)


def normalise_email(text: str) -> str:
    """Return the address in composed Unicode without surrounding space; letter case is kept for display."""
    return unicodedata.normalize("NFC", text).strip()


def is_email(text: str) -> bool:
    """True when `text` has the shape of an address that could receive mail."""
    return len(text) <= 254 and is_clean(text) and ".." not in text and _EMAIL.fullmatch(text) is not None


def clean_name(text: str) -> str:
    """Return a name in composed Unicode with runs of white space made single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def clean_text(text: str) -> str:
    """Return running text in composed Unicode with one kind of line end and nothing around it."""
    return unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").strip()


def is_clean(text: str) -> bool:
    """True when `text` holds nothing that hides: control, direction or zero-width characters, stacks of marks."""
    stacked = 0
    for char in text:
        if char in _DECEPTIVE or unicodedata.category(char) in ("Cc", "Cs", "Co", "Cn"):
            return False
        stacked = stacked + 1 if unicodedata.combining(char) else 0
        if stacked > 4:
            return False
    return True


def slug_of(name: str) -> str:
    """Return the address form of a name: `Ada's Weather GmbH` is `ada-s-weather-gmbh`; never empty, never reserved."""
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:48].strip("-")
    if not slug:
        return "organisation-1"
    return f"{slug}-1" if slug in RESERVED_SLUGS else slug


def printable(text: str, limit: int) -> str | None:
    """Return the printable characters of what a browser says about itself, at most `limit`; None when none are left."""
    return "".join(char for char in text[: limit * 2] if char.isprintable())[:limit] or None


def browser_of(user_agent: str | None) -> tuple[str, str]:
    """Return browser and system in the words people use, such as `("Firefox", "Linux")`; empty when unknown."""
    said = user_agent or ""
    browser = next((name for sign, name in _BROWSERS if sign in said), "")
    system = next((name for sign, name in _SYSTEMS if sign in said), "")
    return browser, system


def landing_after_switch(path: str) -> str:
    """Return where to go after acting for somebody else: lists stay, single things (`/usage/12`) do not."""
    if path.startswith("/subscribe/"):
        return path  # what is for sale is for everybody, and this is where somebody chooses who buys it
    single = re.search(r"/\d+(?:/|$)", path.partition("?")[0])
    return path[: single.start()] or "/" if single else path


def may_give(acting: Role, current: Role, wanted: Role) -> bool:
    """True when somebody with one role may turn a second role into a third. Owners are made and unmade by owners alone."""
    if acting == "owner":
        return True
    return acting == "admin" and "owner" not in (current, wanted)


def is_website(text: str) -> bool:
    """True for an http or https address with a host, short enough to print."""
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and "." in (parts.hostname or "")
            and (len(text) <= 200 and is_clean(text) and " " not in text and not parts.username)
        )
    except ValueError:
        return False


def is_worth_noting(last_seen_at: datetime | None, now: datetime) -> bool:
    """True when the stored time of last use is old enough to be written again; saves a write per request."""
    return last_seen_at is None or now - last_seen_at >= SEEN_EVERY
