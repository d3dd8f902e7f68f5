"""Built front-end files: a logical name in templates, a hashed file that browsers may keep for ever."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, url_for
from servestatic import ServeStatic

_MANIFEST = Path("dist/manifest.json")
_DIGESTED = r"\.[0-9a-f]{12}\.\w+$"


def register(app: Flask) -> None:
    """Give templates `asset("app.css")`."""
    static = Path(app.static_folder or "static")

    def asset(name: str) -> str:
        """Return the address of a built file; the plain file under `static/` until the build has run."""
        entry = _manifest(static, _stamp(static / _MANIFEST)).get(name)
        file = entry["file"] if isinstance(entry, dict) else entry
        return url_for("static", filename=f"dist/{file}" if file else name)

    app.jinja_env.globals["asset"] = asset
    app.wsgi_app = serving(app.wsgi_app, static / "dist")  # type: ignore[method-assign]


def serving(application: Any, built: Path) -> ServeStatic:
    """Answer for built files before the application is asked: compressed twins, kept for ever, revalidated never."""
    return ServeStatic(
        application,
        root=built,
        prefix="/static/dist/",
        max_age=0,
        immutable_file_test=_DIGESTED,
        allow_all_origins=False,
        add_headers_function=_protect,
    )


def _protect(headers: Any, _path: str, _url: str) -> None:
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


@lru_cache(maxsize=4)
def _manifest(static: Path, stamp: int) -> dict[str, dict[str, str] | str]:
    if not stamp:
        return {}
    found: dict[str, dict[str, str] | str] = json.loads((static / _MANIFEST).read_text())
    return found
