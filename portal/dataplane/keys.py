"""Where a key may stand in a request, and keeping keys out of everything that is written down."""

from __future__ import annotations

import re
from urllib.parse import unquote_plus

from aiohttp.web import BaseRequest

from portal.dataplane import refusals
from portal.dataplane.headers import KEY_HEADERS

OUR_KEY = re.compile(r"mk_(?:live|test)_[0-9A-Za-z]{6,}(?:_[0-9A-Za-z]*)?")
_KEY_PARAMETERS = frozenset(("apikey", "x-api-key", "api_key", "api-key"))


def read_key(request: BaseRequest, query: str) -> str:
    """Return the key text of a request: from a header, exactly one, never from the address. Raises Refusal."""
    if query and names_a_key(query, strictly=True):
        raise refusals.key_in_query()
    found = [value for name in KEY_HEADERS for value in request.headers.getall(name, ())]
    if not found or found == [""]:
        if query and names_a_key(query):
            raise refusals.key_in_query()
        if OUR_KEY.search(request.headers.get("Authorization", "")):
            raise refusals.no_key("Send the key in the `X-API-Key` header, not in `Authorization`.")
        raise refusals.no_key()
    if len(set(found)) > 1:
        raise refusals.several_keys()
    return found[0].strip()


def names_a_key(query: str, *, strictly: bool = False) -> bool:
    """True when a query string carries one of our keys, or (unless `strictly`) a parameter that is meant for one."""
    if OUR_KEY.search(query) or ("%" in query and OUR_KEY.search(unquote_plus(query))):
        return True
    return not strictly and any(part.partition("=")[0].lower() in _KEY_PARAMETERS for part in query.split("&"))


def redacted(text: str) -> str:
    """Return a query string or an address without anything that looks like a key, for the log."""
    if "mk_" in text or "%" in text:
        text = OUR_KEY.sub("REDACTED", text)
        if "%" in text and OUR_KEY.search(unquote_plus(text)):
            return "REDACTED"
    if "key" not in text.lower():
        return text
    parts = [
        f"{name}=REDACTED" if separator and name.lower() in _KEY_PARAMETERS else part
        for part in text.split("&")
        for name, separator, _value in (part.partition("="),)
    ]
    return "&".join(parts)
