"""Descriptions by strangers as HTML: parsed without raw HTML, then reduced to an allowlist."""

from __future__ import annotations

from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

LONGEST = 100_000
_TAGS = {
    "p", "br", "hr", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "code", "em", "strong", "s", "del",
    "a", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
# No class, id, style, data-* or hx-*: what a stranger writes may neither look like ours nor act.
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
_parser = MarkdownIt("js-default", {"html": False, "linkify": False, "maxNesting": 30}).disable("image")


@lru_cache(maxsize=2048)
def render(text: str) -> Markup:
    """Return Markdown as safe HTML. Headings start at level three, since the page has the first two.

    Only the first 100,000 characters are shown. Links open nothing but http, https and mailto, and carry `nofollow`.
    """
    tokens = _parser.parse(text[:LONGEST])
    for token in tokens:
        _demote(token)
    html = _parser.renderer.render(tokens, _parser.options, {})
    safe = nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener noreferrer ugc",
    )
    return Markup(safe)  # noqa: S704 - cleaned by the allowlist above


@lru_cache(maxsize=2048)
def render_line(text: str, most: int) -> Markup:
    """Return the beginning of a text as one line without links: emphasis and code look as they are meant."""
    line = " ".join(text.split())
    if len(line) > most:
        line = line[:most].rsplit(" ", 1)[0] + "…"
    html = _parser.renderInline(line)
    return Markup(nh3.clean(html, tags={"code", "em", "strong", "s"}, attributes={}))  # noqa: S704 - cleaned as above


@lru_cache(maxsize=2048)
def opening(text: str, about: int = 900) -> tuple[Markup, bool]:
    """Return the first paragraphs of a text as HTML, and whether there is more."""
    blocks = text.split("\n\n")
    taken: list[str] = []
    for block in blocks:
        if taken and sum(map(len, taken)) + len(block) > about:
            break
        taken.append(block)
    start = "\n\n".join(taken)
    if start.count("```") % 2:
        start += "\n```"
    return render(start[: about * 3]), len(taken) < len(blocks)


def _demote(token: Token) -> None:
    if token.type in ("heading_open", "heading_close"):
        token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
