"""What a first visit costs on the wire."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from flask import Flask

from tests.look.conftest import ROOT


def sent(built: Path, name: str) -> int:
    """Bytes a browser that takes brotli receives for a built file."""
    file = built / json.loads((built / "manifest.json").read_text())[name]["file"]
    twin = Path(f"{file}.br")
    return (twin if twin.exists() else file).stat().st_size


def test_the_style_sheet_stays_small(built: Path) -> None:
    file = built / json.loads((built / "manifest.json").read_text())["app.css"]["file"]
    assert len(gzip.compress(file.read_bytes(), 9)) <= 20 * 1024


def test_a_page_without_charts_stays_under_sixty_kilobytes(built: Path, look_app: Flask) -> None:
    """HTML of an ordinary page, style sheet, htmx and our scripts; fonts come once and never block the text."""
    page = look_app.test_client().get("/trial").data
    parts = ["app.css", "htmx.min.js", *(f"js/{name}.js" for name in ("theme", "app", "copy", "shortcuts"))]
    assert len(gzip.compress(page, 9)) + sum(sent(built, part) for part in parts) <= 60 * 1024


def test_charts_load_only_where_there_is_one(look_app: Flask) -> None:
    client = look_app.test_client()
    assert b"plotly" not in client.get("/trial").data
    assert b"plotly-basic" in client.get("/styleguide").data


def test_own_scripts_hold_no_way_to_make_code_from_text() -> None:
    for script in (ROOT / "static" / "js").glob("*.js"):
        text = script.read_text()
        for forbidden in ("eval(", "new Function", "innerHTML", "insertAdjacentHTML", "document.write", "outerHTML"):
            assert forbidden not in text, f"{forbidden} in {script.name}"
