"""The call that an operation's page shows: its required parameters filled in from examples."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from portal.catalog.renditions.languages import LANGUAGES, Call

KEY_PLACEHOLDER = "YOUR_API_KEY"


def call_of(method: str, path: str, detail: dict[str, Any], base_url: str) -> Call:
    """Return the call of an operation with its required parameters filled in from examples."""
    filled, query, headers = path, [], [("X-API-Key", KEY_PLACEHOLDER)]
    for parameter in detail.get("parameters", ()):
        value = _shell_safe(parameter.get("sample") or parameter["name"])
        if parameter["in"] == "path":
            filled = filled.replace("{" + parameter["name"] + "}", quote(value, safe="{}"))
        elif parameter["in"] == "query" and parameter["required"]:
            query.append((parameter["name"], value))
        elif parameter["in"] == "header" and parameter["required"]:
            headers.append((_shell_safe(parameter["name"]), value))
    media = ((detail.get("body") or {}).get("media") or [None])[0]
    body = None
    if media is not None:
        headers.append(("Content-Type", media["type"]))
        body = media["examples"][0]["text"] if media["examples"] else ""
    url = base_url + filled + ("?" + urlencode(query) if query else "")
    return Call(method.upper(), url, tuple(headers), body)


def samples(call: Call) -> list[tuple[str, str, str]]:
    """Return `(code, language, program)` for every language there is."""
    return [(code, name, write(call)) for code, (name, write) in LANGUAGES.items()]


def _shell_safe(value: Any) -> str:
    # A line break in a header or a path is never meant, and pasting one runs the first half.
    return " ".join(str(value).split())
