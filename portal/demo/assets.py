"""Build what the browser loads: `python -m portal.demo.assets` fills static/dist from pinned packages and our sources.

Every file gets its digest in its name, so it may be cached for ever; `manifest.json` maps the name the templates use
("app.css", "js/site.js") to {"file": "app.1f0c….css", "integrity": "sha384-…"}. Compressed twins (.br, .gz) lie beside
each file that gains from one. The new folder replaces the old in one step, and nothing happens when no input changed.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import brotli

ROOT = Path(__file__).resolve().parents[2]

VENDORED: Mapping[str, str] = {
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "plotly-basic.min.js": "plotly.js-basic-dist-min/plotly-basic.min.js",
    "inter-latin.woff2": "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",
    "inter-latin-ext.woff2": "@fontsource-variable/inter/files/inter-latin-ext-wght-normal.woff2",
    "jetbrains-mono-latin.woff2": "@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2",
}
# Packages whose fonts draw the letters of pictures (portal.web.lettering), one file per part of Unicode; the first that knows a
# letter draws it. Browsers load none of them.
LETTERS = ("inter", "noto-sans-arabic", "noto-sans-hebrew", "noto-sans-sc", "noto-sans-kr")
OWN_FOLDERS = ("js", "img")
STYLESHEET = "app.css"
SCANNED_FOR_CLASSES = ("templates/**/*", "portal/**/*.py", "static/js/**/*", "static/*.css")
COMPRESSIBLE = {".css", ".js", ".svg", ".json", ".txt", ".webmanifest"}

# url("inter.woff2") in CSS; from "./net.js", import "./net.js" and import("./net.js") in JavaScript modules
REFERENCE = re.compile(r"""((?:url\(\s*|\bfrom\s*|\bimport\s*\(?\s*)["']?)((?:\.{0,2}/)*[\w./-]+\.\w+)(["']?)""")


class AssetError(RuntimeError):
    """The assets cannot be built; the message says what to do."""


def build(root: Path = ROOT, *, force: bool = False) -> bool:
    """Bring static/dist up to date. Returns False when it already was."""
    target = root / "static" / "dist"
    if not force and up_to_date(root):
        return False
    wanted = fingerprint(root)
    install_packages(root)
    fresh, old = target.with_name("dist.new"), target.with_name("dist.old")
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    fresh.mkdir(parents=True)
    manifest = publish(gather(root), fresh, already=target)
    (fresh / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    (fresh / ".inputs").write_text(wanted)
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)
    return True


def fingerprint(root: Path) -> str:
    """One digest over everything the result depends on."""
    digest = hashlib.sha256()
    patterns = ("package-lock.json", "portal/demo/assets.py", "static/img/**/*", *SCANNED_FOR_CLASSES)
    for path in sorted({found for pattern in patterns for found in root.glob(pattern) if found.is_file()}):
        if "__pycache__" not in path.parts:
            digest.update(
                f"{path.relative_to(root).as_posix()}\0".encode() + hashlib.sha256(path.read_bytes()).digest()
            )
    return digest.hexdigest()


def install_packages(root: Path) -> None:
    """`npm ci`, unless node_modules already holds exactly what the lock names."""
    lock = hashlib.sha256((root / "package-lock.json").read_bytes()).hexdigest()
    stamp = root / "node_modules" / ".installed"
    if stamp.exists() and stamp.read_text() == lock:
        return
    npm = shutil.which("npm")
    if npm is None:
        raise AssetError("npm was not found; run `python3 bootstrap.py assets`, which brings its own when needed.")
    _run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], root)
    stamp.write_text(lock)


def gather(root: Path) -> dict[str, bytes]:
    """Every file by the name templates use."""
    static, packages = root / "static", root / "node_modules"
    files = {name: (packages / source).read_bytes() for name, source in VENDORED.items()}
    for folder in OWN_FOLDERS:
        for path in sorted((static / folder).rglob("*")):
            if path.is_file():
                files[path.relative_to(static).as_posix()] = path.read_bytes()
    files[STYLESHEET] = compile_stylesheet(root)
    return files | letters(packages / "@fontsource-variable")


def letters(packages: Path) -> dict[str, bytes]:
    """The fonts of pictures and the list that tells which file knows which letters."""
    files: dict[str, bytes] = {}
    fonts: list[tuple[str, str]] = []
    for package in LETTERS:
        ranges = json.loads((packages / package / "unicode.json").read_text())
        # Latin first: a package's first part holds its most common letters.
        for part in sorted(ranges, key=lambda name: name != "latin"):
            name = f"{package}-{part.strip('[]')}-wght-normal.woff2"
            files[f"letters/{name}"] = (packages / package / "files" / name).read_bytes()
            fonts.append((name, ranges[part]))
    known = [[name, _spans(ranges)] for name, ranges in fonts]
    return files | {"letters/letters.json": json.dumps(known, separators=(",", ":")).encode()}


def _spans(ranges: str) -> list[tuple[int, int]]:
    """The code points of a CSS unicode-range as first and last: "U+41-5A,U+7A"."""
    spans = []
    for each in ranges.split(","):
        first, _dash, last = each.strip().removeprefix("U+").partition("-")
        spans.append((int(first, 16), int(last or first, 16)))
    return spans


def compile_stylesheet(root: Path) -> bytes:
    """static/app.css through Tailwind, minified."""
    node = shutil.which("node")
    if node is None:
        raise AssetError("node was not found; run `python3 bootstrap.py assets`, which brings its own when needed.")
    output = root / "node_modules" / ".cache" / "mercato" / STYLESHEET
    program = root / "node_modules" / "@tailwindcss" / "cli" / "dist" / "index.mjs"
    _run([node, str(program), "-i", f"static/{STYLESHEET}", "-o", str(output), "--minify"], root)
    return output.read_bytes()


def publish(files: Mapping[str, bytes], target: Path, *, already: Path) -> dict[str, dict[str, str]]:
    """Write every file under its digested name and return the manifest.

    A file that names others (a font in CSS, a module in JavaScript) is written after them, with their digested names
    put in. Compression work already done in `already` is taken over.
    """
    manifest: dict[str, dict[str, str]] = {}
    for name in _dependencies_first(files):
        body = _with_digested_names(name, files, manifest)
        path = PurePosixPath(name)
        file = str(path.with_name(f"{path.stem}.{hashlib.sha256(body).hexdigest()[:12]}{path.suffix}"))
        (target / file).parent.mkdir(parents=True, exist_ok=True)
        (target / file).write_bytes(body)
        integrity = base64.b64encode(hashlib.sha384(body).digest()).decode()
        manifest[name] = {"file": file, "integrity": f"sha384-{integrity}"}
        if path.suffix in COMPRESSIBLE:
            _compress(body, target / file, already / file)
    return manifest


def _dependencies_first(files: Mapping[str, bytes]) -> list[str]:
    order: list[str] = []
    open_names: list[str] = []

    def visit(name: str) -> None:
        if name in order:
            return
        if name in open_names:
            raise AssetError(f"files name each other in a circle: {' -> '.join([*open_names, name])}")
        open_names.append(name)
        for needed in _named_in(name, files):
            visit(needed)
        open_names.remove(name)
        order.append(name)

    for name in files:
        visit(name)
    return order


def _named_in(name: str, files: Mapping[str, bytes]) -> Iterator[str]:
    if name in VENDORED or PurePosixPath(name).suffix not in {".css", ".js"}:
        return
    for found in REFERENCE.finditer(files[name].decode()):
        resolved = _resolved(name, found[2])
        if resolved in files:
            yield resolved


def _with_digested_names(name: str, files: Mapping[str, bytes], manifest: Mapping[str, dict[str, str]]) -> bytes:
    needed = set(_named_in(name, files))
    if not needed:
        return files[name]
    depth = len(PurePosixPath(name).parts) - 1

    def digested(found: re.Match[str]) -> str:
        resolved = _resolved(name, found[2])
        if resolved not in needed:
            return found[0]
        return f"{found[1]}{'../' * depth or './'}{manifest[resolved]['file']}{found[3]}"

    return REFERENCE.sub(digested, files[name].decode()).encode()


def _resolved(name: str, reference: str) -> str:
    """The manifest name that a relative reference inside `name` means."""
    parts: list[str] = list(PurePosixPath(name).parent.parts)
    for part in PurePosixPath(reference).parts:
        if part == ".." and parts:
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def _compress(body: bytes, path: Path, done_before: Path) -> None:
    for suffix in (".br", ".gz"):
        twin, earlier = Path(f"{path}{suffix}"), Path(f"{done_before}{suffix}")
        if earlier.exists():
            shutil.copyfile(earlier, twin)
            continue
        small = brotli.compress(body, quality=11) if suffix == ".br" else gzip.compress(body, 9, mtime=0)
        if len(small) < len(body) * 0.95:
            twin.write_bytes(small)


def _run(command: list[str], root: Path) -> None:
    done = subprocess.run(command, cwd=root, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise AssetError(f"`{' '.join(map(str, command))}` failed:\n{done.stdout.strip()[-3000:]}")


def up_to_date(root: Path = ROOT) -> bool:
    """True when static/dist was built from exactly what lies here now."""
    stamp = root / "static" / "dist" / ".inputs"
    return stamp.exists() and stamp.read_text() == fingerprint(root)


def main(options: list[str]) -> None:
    if "--check" in options:
        print("yes" if up_to_date() else "no")
        return
    try:
        changed = build(force="--force" in options)
    except AssetError as problem:
        sys.exit(str(problem))
    print("built static/dist" if changed else "static/dist is up to date")


if __name__ == "__main__":
    main(sys.argv[1:])
