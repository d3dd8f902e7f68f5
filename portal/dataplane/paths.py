"""From a request target to a route and a path below its upstream."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

_SLUG = re.compile(r"^[a-z0-9][a-z0-9-]{0,62}$")
_UNSAFE_IN_PATH = re.compile(r"[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNSAFE_IN_QUERY = re.compile(r"[^\x21-\x7e]|[\"<>\\^`{|}#]")


# What nearly every request is: two slugs, a path that needs no mending, a query that needs none either.
_PLAIN = re.compile(
    r"(/([a-z0-9][a-z0-9-]{0,62}/[a-z0-9][a-z0-9-]{0,62})((?:/[A-Za-z0-9\-._~!$&'()*+,;=:@/]*)?))"
    r"(?:\?([A-Za-z0-9\-._~!$&'()*+,;=:@/?%]*))?"
)


class BadTarget(ValueError):
    """A request target that no honest client sends."""


class Target(NamedTuple):
    """A normalised request target without dot segments, open or hidden.

    `prefix` is `<organisation>/<api>`, empty when the path cannot be one; `rest` starts with `/` or is empty.
    """

    path: str
    query: str
    prefix: str
    rest: str


def read_target(raw: str) -> Target:
    """Return the parts of a request target in origin or absolute form. Raises BadTarget.

    Slashes that a client encoded stay encoded; segments that become `..` when somebody downstream decodes them once
    more are refused rather than guessed at.
    """
    plain = _PLAIN.fullmatch(raw)
    if plain and "/." not in raw:
        return Target(plain[1], plain[4] or "", plain[2], plain[3])
    if not raw.startswith("/"):
        scheme, separator, after = raw.partition("://")
        if scheme.lower() not in ("http", "https") or not separator:
            raise BadTarget("the request target is not a path")
        raw = "/" + after.partition("/")[2]
    path, _, query = raw.partition("#")[0].partition("?")
    path = _normalised(path)
    parts = path.split("/", 3)
    organisation, api = (parts[1], parts[2]) if len(parts) > 2 else ("", "")
    known = _SLUG.match(organisation) and _SLUG.match(api)
    return Target(
        path=path,
        query=_UNSAFE_IN_QUERY.sub(_encoded, query),
        prefix=f"{organisation}/{api}" if known else "",
        rest=f"/{parts[3]}" if len(parts) > 3 else "",
    )


def joined(base_path: str, rest: str) -> str:
    """Return the upstream's own path followed by the rest of the caller's, with one slash between."""
    return f"{base_path.rstrip('/')}{rest}" or "/"


def _normalised(path: str) -> str:
    path = _UNSAFE_IN_PATH.sub(_encoded, _STRAY_PERCENT.sub("%25", path))
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        plain = unquote(segment)
        if "\x00" in plain:
            raise BadTarget("the path holds a NUL character")
        if plain == "..":
            if kept:
                kept.pop()
        elif plain != ".":
            if _hides_dots(plain):
                raise BadTarget("the path holds an encoded `..`")
            kept.append(segment)
    if segments and unquote(segments[-1]) in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def _hides_dots(text: str) -> bool:
    for _ in range(3):
        if any(part in ("..", ".") for part in re.split(r"[/\\]", text)) and text not in ("..", "."):
            return True
        text, before = unquote(text), text
        if text == before:
            return False
        if text in ("..", "."):
            return True
    return True


def _encoded(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match.group().encode("utf-8", "surrogateescape"))
