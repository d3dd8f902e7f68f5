"""Templates: they exist, they hold no code for browsers, every form proves where it came from, no link is dead."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.exceptions import HTTPException

from tests.architecture.source import ROOT, modules

FOLDER = ROOT / "templates"
FILES = sorted(file for file in FOLDER.rglob("*.html"))
# The simulator is another product's stand-in: its own application, routes and form handling.
OURS = [file for file in FILES if "simulator" not in file.parts]
AGREED = {"catalog": "/marketplace", "metering": "/usage", "subscriptions": "/subscriptions"}
_COMMENT = re.compile(r"\{#.*?#\}", re.S)
_TAG = re.compile(r"<[a-zA-Z][^>]*>", re.S)
_RENDERERS = ("render_template", "page_or_fragment", "render", "_again")


def markup(file: Path) -> str:
    """Return a template without its comments and with expressions replaced, so that only its HTML speaks."""
    text = _COMMENT.sub("", file.read_text())
    return re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "…", text, flags=re.S)


def test_every_template_that_is_named_exists() -> None:
    named = {
        (name, argument.value)
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if not name.startswith("portal.simulator")
        and isinstance(node, ast.Call)
        and ast.unparse(node.func).split(".")[-1] in _RENDERERS
        for argument in node.args
        if isinstance(argument, ast.Constant) and str(argument.value).endswith(".html")
    }
    assert len(named) > 10
    assert [f"{name} names {path}" for name, path in sorted(named) if not (FOLDER / path).exists()] == []


def test_every_template_is_sound(app: Flask) -> None:
    for file in OURS:
        app.jinja_env.get_template(str(file.relative_to(FOLDER)))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(FOLDER)))
def test_a_template_holds_no_code_and_no_style(file: Path) -> None:
    text = markup(file)
    for tag in _TAG.findall(text):
        assert not re.search(r"\s(on[a-z]+|style|hx-on[\w:-]*)\s*=", tag), tag
        assert "javascript:" not in tag.lower(), tag
        assert not re.search(r"""hx-vals=['"]?js:|hx-trigger=['"][^'"]*\[""", tag), tag
    assert "<style" not in text
    for tag, body in re.findall(r"(<script[^>]*>)(.*?)</script>", text, re.S):
        assert "src=" in tag or "application/json" in tag, tag
        assert "application/json" in tag or not body.strip(), body


@pytest.mark.parametrize("file", OURS, ids=lambda file: str(file.relative_to(FOLDER)))
def test_a_form_that_posts_carries_the_token(file: Path) -> None:
    text = _COMMENT.sub("", file.read_text())
    for form in re.findall(r"<form\b.*?</form>", text, re.S):
        if re.search(r"""method=["']?post""", form, re.I):
            assert "csrf_token" in form or "hidden_csrf" in form, form[:200]


def test_every_endpoint_a_template_names_exists(app: Flask) -> None:
    known = {rule.endpoint for rule in app.url_map.iter_rules()}
    dead = [
        f"{file.relative_to(FOLDER)}: {endpoint}"
        for file in OURS
        for endpoint in re.findall(r"""url_for\(\s*["']([\w.]+)["']""", _COMMENT.sub("", file.read_text()))
        if endpoint not in known and endpoint.partition(".")[0] in app.blueprints
    ]
    assert dead == []


def test_no_written_out_link_is_dead(app: Flask) -> None:
    routes = app.url_map.bind("localhost")
    # Addresses the features agreed on; each is checked as soon as its feature is registered.
    agreed = {path for name, path in AGREED.items() if name not in app.blueprints}
    dead = []
    for file in OURS:
        for path in re.findall(r"""(?:href|action)=["'](/[^"'{}#?]*)["'?#]""", markup(file)):
            try:
                routes.match(path, method="GET")
            except HTTPException as refusal:
                if refusal.code == 404 and path not in agreed and "…" not in path:
                    dead.append(f"{file.relative_to(FOLDER)}: {path}")
    assert dead == []
