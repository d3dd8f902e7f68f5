"""What search engines are told: which pages there are, and which are nobody's business."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, make_response, render_template, url_for

from portal.home import queries
from portal.web.plugs import plugs
from portal.web.principal import public

_PRIVATE = (
    "/api/",
    "/billing/",
    "/settings",
    "/subscriptions",
    "/purchases",
    "/subscribe",
    "/usage",
    "/provider",
    "/admin",
    "/find",
)


bp = Blueprint("crawlers", __name__)


@bp.get("/robots.txt")
@public
def robots() -> Response:
    """Let crawlers read the market and nothing that belongs to somebody; nothing at all outside production."""
    is_real = current_app.config["SETTINGS"].environment == "production"
    lines = [f"Disallow: {path}" for path in _PRIVATE] if is_real else ["Disallow: /"]
    text = "\n".join(["User-agent: *", *lines, f"Sitemap: {_base()}{url_for('crawlers.sitemap')}", ""])
    return _typed(text, "text/plain")


@bp.get("/sitemap.xml")
@public
def sitemap() -> Response:
    """List the market, its providers and its newest APIs, as many as one sitemap may hold."""
    providers = queries.list_providers()
    pages = queries.list_addresses(queries.MOST_ADDRESSES - len(providers))
    written = render_template("home/sitemap.xml", base=_base(), providers=providers, pages=pages)
    return _typed(written, "application/xml")


def _base() -> str:
    return plugs().settings.public_url.rstrip("/")


def _typed(text: str, mimetype: str) -> Response:
    response = make_response(text)
    response.mimetype = mimetype
    response.cache_control.max_age = 3600
    response.cache_control.public = True
    return response
