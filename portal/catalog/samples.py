"""The same call in three languages, ready to paste."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

KEY_PLACEHOLDER = "YOUR_API_KEY"


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it goes over the wire. `body` is text or None."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: str | None


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


def samples(call: Call) -> list[tuple[str, str]]:
    """Return `(language, code)` for curl, Python and JavaScript."""
    return [("curl", curl(call)), ("Python", python(call)), ("JavaScript", javascript(call))]


def curl(call: Call) -> str:
    """Return a command for a POSIX shell."""
    lines = [f"curl {'' if call.method == 'GET' else f'--request {call.method} '}{_quoted(call.url)}"]
    lines += [f"  --header {_quoted(f'{name}: {value}')}" for name, value in call.headers]
    if call.body is not None:
        lines.append(f"  --data {_quoted(call.body)}")
    return " \\\n".join(lines)


def python(call: Call) -> str:
    """Return a script for the requests library."""
    headers = json.dumps(dict(call.headers), indent=4, ensure_ascii=False)
    lines = ["import requests", "", "response = requests.request(", f'    "{call.method}",', f"    {_text(call.url)},"]
    lines.append(f"    headers={_indented(headers, 4)},")
    if call.body is not None:
        lines.append(f"    data={_text(call.body)}.encode(),")
    lines += ["    timeout=30,", ")", "response.raise_for_status()", "print(response.text)"]
    return "\n".join(lines)


def javascript(call: Call) -> str:
    """Return a module for fetch, in a browser or in Node."""
    headers = json.dumps(dict(call.headers), indent=2, ensure_ascii=False)
    lines = [f"const response = await fetch({_text(call.url)}, {{", f'  method: "{call.method}",']
    lines.append(f"  headers: {_indented(headers, 2)},")
    if call.body is not None:
        lines.append(f"  body: {_text(call.body)},")
    lines += ["});", "if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);"]
    return "\n".join([*lines, "console.log(await response.text());"])


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _indented(block: str, by: int) -> str:
    return block.replace("\n", "\n" + " " * by)


def _shell_safe(value: Any) -> str:
    # A line break in a header or a path is never meant, and pasting one runs the first half.
    return " ".join(str(value).split())
