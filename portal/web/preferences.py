"""Theme and language: a cookie each, set by a plain form so that it works without JavaScript."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, current_app, g, redirect, request
from flask_babel import Babel
from werkzeug.wrappers import Response as BaseResponse

from portal.web.principal import find_principal, public
from portal.web.translations import compile_catalogues

THEMES = ("auto", "light", "dark")
LOCALES = ("en", "de")
bp = Blueprint("preferences", __name__)


def register(app: Flask) -> None:
    """Choose locale and zone per request and give templates `theme`, `locale`, `locales`."""
    compile_catalogues(Path(app.root_path) / "translations")
    app.register_blueprint(bp)
    Babel(
        app, locale_selector=choose_locale, timezone_selector=_time_zone, default_translation_directories="translations"
    )

    @app.context_processor
    def _shared() -> dict[str, object]:
        return {"theme": choose_theme(), "locale": choose_locale(), "locales": LOCALES}


def choose_theme() -> str:
    """Return the reader's theme; `auto` follows the system."""
    found = request.cookies.get("theme", "auto")
    return found if found in THEMES else "auto"


def choose_locale() -> str:
    """Return the language: the cookie's, else the person's own, else the best the browser accepts."""
    if not g:
        return "en"
    principal = find_principal()
    for wish in (request.cookies.get("locale"), principal.locale if principal else None):
        if wish in LOCALES:
            return wish
    return request.accept_languages.best_match(LOCALES) or "en"


def _time_zone() -> str:
    principal = find_principal() if g else None
    return (principal.time_zone if principal else None) or "UTC"


@bp.post("/preferences/theme")
@public
def set_theme() -> Response:
    """Remember the theme for a year and go back to where the person was."""
    return _remember("theme", request.form.get("theme", ""), THEMES)


@bp.post("/preferences/locale")
@public
def set_locale() -> Response:
    """Remember the language for a year and go back to where the person was."""
    return _remember("locale", request.form.get("locale", ""), LOCALES)


def _remember(name: str, value: str, allowed: tuple[str, ...]) -> Response:
    response = redirect(safe_next(request.form.get("next") or _referring_path()), 303)
    return remember_choice(response, name, value) if value in allowed else _as_response(response)


def remember_choice(response: BaseResponse, name: str, value: str) -> Response:
    """Return the response with a cookie that keeps a choice of appearance for a year."""
    response.set_cookie(
        name,
        value,
        max_age=31_536_000,
        samesite="Lax",
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=False,
    )
    return _as_response(response)


def _as_response(response: BaseResponse) -> Response:
    return Response(response.get_data(), response.status_code, response.headers)


def _referring_path() -> str:
    parts = urlsplit(request.referrer or "")
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def safe_next(target: str | None, default: str = "/") -> str:
    """Return `target` when it is a path on this site, else `default`: an open redirect lends our name to phishers."""
    if not target or len(target) > 2000 or not target.startswith("/") or target.startswith("//"):
        return default
    if "\\" in target or any(ord(char) < 33 or ord(char) == 127 for char in target):
        return default
    parts = urlsplit(target)
    return default if parts.scheme or parts.netloc else target
