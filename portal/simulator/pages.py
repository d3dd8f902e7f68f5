"""How hosted pages are drawn: templates, a strict content policy, and one stylesheet."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jinja2
from aiohttp import web

_ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = _ROOT / "templates" / "simulator"
STATIC = _ROOT / "static" / "simulator"
_BUILT = _ROOT / "static" / "dist"


def asset(name: str) -> Path | None:
    """The file behind ``/assets/<name>``; the typeface comes from the portal's build when there is one."""
    if name == "inter.woff2":
        built = sorted(path for path in _BUILT.glob("inter-latin.*.woff2")) if _BUILT.is_dir() else []
        return built[0] if built else None
    known = {path.name: path for path in STATIC.iterdir()}
    return known.get(name)


class Pages:
    """Draws templates. There is no script and no inline style on any page."""

    def __init__(self) -> None:
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def render(self, name: str, *, status: int = 200, form_targets: str = "", **values: Any) -> web.Response:
        """A page. ``form_targets`` are origins a submitted form may be redirected to."""
        policy = (
            "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; base-uri 'none'; "
            f"frame-ancestors 'none'; form-action 'self' {form_targets}"
        )
        headers = {
            "Content-Security-Policy": policy.strip(),
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }
        text = self._templates.get_template(name).render(inter=asset("inter.woff2") is not None, **values)
        return web.Response(status=status, text=text, content_type="text/html", headers=headers)

    @staticmethod
    def redirect(address: str) -> web.Response:
        """303 to another page."""
        return web.Response(status=303, headers={"Location": address, "Cache-Control": "no-store"})

    def missing(self, message: str) -> web.HTTPNotFound:
        """A page that says what is not there."""
        page = self.render("missing.html", status=404, message=message)
        return web.HTTPNotFound(text=page.text, content_type="text/html", headers=_copied(page))


def _copied(page: web.Response) -> dict[str, str]:
    return {name: value for name, value in page.headers.items() if name not in ("Content-Type", "Content-Length")}


def origin_of(address: str | None) -> str:
    """Scheme and host of an address, for the content policy; empty when it cannot be one."""
    if not address:
        return ""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    safe = parts.scheme in ("http", "https") and parts.netloc and not set(parts.netloc) & set(" ;,'\"")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if safe and parts.netloc.isascii() else ""
