"""Names carry digests, references follow them, and a build happens only when an input changed."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from pathlib import Path

import brotli
import pytest

from portal.demo.assets import OWN_FOLDERS, STYLESHEET, VENDORED, AssetError, fingerprint, publish

FONT = b"wOF2 a font"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    folder.mkdir()
    return folder


def published(files: dict[str, bytes], target: Path) -> dict[str, dict[str, str]]:
    return publish(files, target, already=target.with_name("none"))


def test_a_name_changes_exactly_when_the_content_does(target: Path) -> None:
    first = published({"js/site.js": b"let a = 1"}, target)["js/site.js"]["file"]
    same = published({"js/site.js": b"let a = 1"}, target)["js/site.js"]["file"]
    other = published({"js/site.js": b"let a = 2"}, target)["js/site.js"]["file"]
    assert first == same != other
    assert (target / other).read_bytes() == b"let a = 2"


def test_integrity_is_what_a_browser_computes(target: Path) -> None:
    entry = published({"js/site.js": b"let a = 1"}, target)["js/site.js"]
    expected = base64.b64encode(hashlib.sha384((target / entry["file"]).read_bytes()).digest()).decode()
    assert entry["integrity"] == f"sha384-{expected}"


@pytest.mark.parametrize("written", ['url("inter.woff2")', "url(inter.woff2)", "url('./inter.woff2')"])
def test_a_stylesheet_names_its_font_by_digest(target: Path, written: str) -> None:
    manifest = published({"app.css": f"@font-face{{src:{written}}}".encode(), "inter.woff2": FONT}, target)
    css = (target / manifest["app.css"]["file"]).read_text()
    assert f"./{manifest['inter.woff2']['file']}" in css
    assert "inter.woff2" not in css


def test_modules_import_each_other_by_digest_across_folders(target: Path) -> None:
    files = {
        "js/site.js": b'import { get } from "./net/fetch.js"; import("../js/late.js"); import "https://x.example/far.js"',
        "js/net/fetch.js": b"export const get = 1",
        "js/late.js": b"",
    }
    manifest = published(files, target)
    site = (target / manifest["js/site.js"]["file"]).read_text()
    for name in ("js/net/fetch.js", "js/late.js"):
        assert f'"../{manifest[name]["file"]}"' in site
    assert '"https://x.example/far.js"' in site


def test_a_changed_font_renames_the_stylesheet_too(target: Path) -> None:
    css = b"a{src:url(inter.woff2)}"
    one = published({"app.css": css, "inter.woff2": FONT}, target)
    two = published({"app.css": css, "inter.woff2": FONT + b"2"}, target)
    assert one["app.css"]["file"] != two["app.css"]["file"]


def test_files_that_name_each_other_in_a_circle_are_refused(target: Path) -> None:
    with pytest.raises(AssetError, match="circle"):
        published({"js/a.js": b'import "./b.js"', "js/b.js": b'import "./a.js"'}, target)


def test_compressed_twins_unpack_to_the_same_bytes_and_fonts_have_none(target: Path) -> None:
    body = b"body { color: inherit } " * 100
    manifest = published({"app.css": body, "inter.woff2": FONT}, target)
    css = manifest["app.css"]["file"]
    assert brotli.decompress((target / f"{css}.br").read_bytes()) == body
    assert gzip.decompress((target / f"{css}.gz").read_bytes()) == body
    assert [path.name for path in target.glob("inter*")] == [manifest["inter.woff2"]["file"]]


def test_the_fingerprint_follows_templates_and_sources_but_not_caches(tmp_path: Path) -> None:
    for name in ("package-lock.json", "static/app.css", "templates/home/show.html", "portal/web/pages.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a")
    seen = {fingerprint(tmp_path)}
    (tmp_path / "portal/__pycache__").mkdir()
    (tmp_path / "portal/__pycache__/x.py").write_text("cache")
    assert {fingerprint(tmp_path)} == seen
    for name in ("package-lock.json", "static/app.css", "templates/home/show.html", "portal/web/pages.py"):
        (tmp_path / name).write_text("b")
        seen.add(fingerprint(tmp_path))
    assert len(seen) == 5


def test_every_asset_that_a_template_asks_for_is_built() -> None:
    root = Path(__file__).parents[2]
    asked = {
        name
        for template in (root / "templates").rglob("*.html")
        for name in re.findall(r"""\basset\(["']([^"']+)["']\)""", template.read_text())
    }
    own = {
        path.relative_to(root / "static").as_posix()
        for folder in OWN_FOLDERS
        for path in (root / "static" / folder).rglob("*")
    }
    assert asked
    assert asked <= own | set(VENDORED) | {STYLESHEET}
