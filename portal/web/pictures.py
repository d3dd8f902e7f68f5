"""The picture that a link to a page of ours shows elsewhere: 1200 by 630 pixels, drawn here, kept by what stands on it.

The address holds the digest of the words, so a picture may be kept for ever and a changed page has a changed address. Only the
picture that a page has now is ever drawn, once per cache, and only so many a second: asking for many costs the asker, not us.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import astuple, dataclass
from functools import lru_cache
from pathlib import Path

import redis
from flask import Blueprint, Flask, current_app, make_response, redirect, request, url_for
from flask_babel import force_locale
from flask_babel import gettext as _
from PIL import Image, ImageChops, ImageDraw
from werkzeug.wrappers import Response as BaseResponse

from portal.web.lettering import Face, Letters, NoLetters, reads_from_right
from portal.web.plugs import plugs
from portal.web.principal import public
from portal.web.problems import Problem

WIDTH, HEIGHT = 1200, 630
# The light theme's tokens (static/app.css); a test compares them.
PAPER, INK, INK_2, INK_3, ACCENT = "#fbfbf8", "#14201c", "#45524d", "#626e69", "#0b5c51"
_DRAWN_AS = "1"  # raise when the drawing changes: every address changes with it
_KEPT = 14 * 86_400
_MOST_A_SECOND = 6
_LEFT, _RIGHT, _RULE = 80, WIDTH - 80, 490
_LOGO = 96

bp = Blueprint("pictures", __name__)


@dataclass(frozen=True, slots=True)
class Words:
    """All that stands on a picture. English: whoever fetches a picture has no language. `logo` is a digest."""

    site: str
    title: str
    by: str = ""
    line: str = ""
    price: str = ""
    facts: tuple[str, ...] = ()
    logo: str = ""

    @property
    def digest(self) -> str:
        """What the address calls this picture."""
        return hashlib.sha256(repr((_DRAWN_AS, astuple(self))).encode()).hexdigest()[:20]


def register(app: Flask) -> None:
    """Serve the site's own picture and give templates its address."""
    app.register_blueprint(bp)
    app.jinja_env.globals["public_address"] = public_address
    app.jinja_env.globals["site_picture"] = _address_of_site


def public_address(path: str) -> str:
    """Return a path of ours as a whole address: whoever fetches a picture is elsewhere."""
    return plugs().settings.public_url.rstrip("/") + path


def _address_of_site() -> str:
    return public_address(url_for("pictures.site", digest=site_words().digest))


def site_words() -> Words:
    """Return what stands on the site's own picture."""
    with force_locale("en"):
        return Words(
            site=plugs().settings.product_name,
            title=_("The API market that shows its working"),
            line=_("Find an API, subscribe in a minute, and see every call and every cent explained."),
        )


@bp.get("/picture/<digest>.png")
@public
def site(digest: str) -> BaseResponse:
    """Answer with the site's own picture."""
    words = site_words()
    return answer(words, digest, url_for("pictures.site", digest=words.digest))


def answer(
    words: Words, digest: str, address: str, find_logo: Callable[[str], bytes | None] = lambda _digest: None
) -> BaseResponse:
    """Answer with the picture of these words; who asks for another one is sent to `address`, where this one is."""
    if digest != words.digest:
        moved = redirect(address, 302)
        moved.headers["Cache-Control"] = "public, max-age=300"
        return moved
    response = make_response() if request.if_none_match.contains(digest) else make_response(_picture(words, find_logo))
    response.mimetype = "image/png"
    response.set_etag(digest)
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response.make_conditional(request)


def _picture(words: Words, find_logo: Callable[[str], bytes | None]) -> bytes:
    cache, key = plugs().redis, f"picture:{words.digest}"
    try:
        kept = cache.get(key)
        if isinstance(kept, bytes):
            return kept
        second = f"pictures drawn:{int(plugs().clock.now().timestamp())}"
        if cache.incr(second) > _MOST_A_SECOND:
            raise _busy()
        cache.expire(second, 5)
        drawn = draw(words, letters(), find_logo(words.logo) if words.logo else None)
        cache.set(key, drawn, ex=_KEPT)
    except (redis.RedisError, NoLetters) as missing:
        raise _busy() from missing
    return drawn


def _busy() -> Problem:
    return Problem(
        503, "busy", _("Back in a moment"), _("Too many pictures are being drawn."), headers={"Retry-After": "2"}
    )


def letters() -> Letters:
    """Return the fonts of this application."""
    return _letters(Path(current_app.static_folder or "static") / "dist")


@lru_cache(2)
def _letters(built: Path) -> Letters:
    return Letters(built)


def draw(words: Words, fonts: Letters, logo: bytes | None = None) -> bytes:
    """Return the picture as PNG, with a logo of ours (`portal.logos`) in its corner."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    if logo is not None:
        _stick(picture, logo)
    on = ImageDraw.Draw(picture)
    _sign(on, _LEFT, 66)
    fonts.draw(on, (_LEFT + 64, 102), fonts.clean(words.site), Face(34, 600), INK)
    below = _block(on, fonts, words.title, [Face(size, 650) for size in (76, 64, 56, 48)], 222, INK, most=2)
    below = _block(on, fonts, words.by, [Face(34, 500)], below - 8, INK_2, most=1)
    line = Face(30)
    room = int((_RULE - 26 - below) // _step(line)) + 1
    _block(on, fonts, words.line, [line], below + 4, INK_2, most=min(2, room))
    if words.price or words.facts:
        on.rectangle((_LEFT, _RULE, _RIGHT, _RULE + 1), fill=INK)
        _block(on, fonts, words.price, [Face(32, 600), Face(26, 600)], _RULE + 54, ACCENT, most=1)
        _block(on, fonts, " · ".join(words.facts), [Face(26)], _RULE + (98 if words.price else 54), INK_3, most=1)
    return _png(picture)


def _block(
    on: ImageDraw.ImageDraw, fonts: Letters, text: str, faces: list[Face], top: float, colour: str, *, most: int
) -> float:
    """Draw lines from a base line down; return the base line for what comes below."""
    lines, face = fonts.fitted(text, faces, _RIGHT - _LEFT, most)
    is_rtl = reads_from_right(text)
    for line in lines:
        x = _RIGHT - fonts.width(line, face) if is_rtl else _LEFT
        fonts.draw(on, (x, top), line, face, colour)
        top += _step(face)
    return top


def _step(face: Face) -> float:
    return face.size * 1.25


def _stick(picture: Image.Image, logo: bytes) -> None:
    """Put a logo into the upper right corner, rounded like a tile."""
    mark = Image.open(io.BytesIO(logo)).convert("RGBA").resize((_LOGO, _LOGO), Image.Resampling.LANCZOS)
    shape = Image.new("L", (_LOGO * 4, _LOGO * 4), 0)
    ImageDraw.Draw(shape).rounded_rectangle((0, 0, _LOGO * 4 - 1, _LOGO * 4 - 1), 40, fill=255)
    rounded = ImageChops.multiply(mark.getchannel("A"), shape.resize((_LOGO, _LOGO), Image.Resampling.LANCZOS))
    picture.paste(mark, (_RIGHT - _LOGO, 44), rounded)


def _sign(on: ImageDraw.ImageDraw, x: float, y: float) -> None:
    """The mark of templates/_ui/icon.html, twice as large: an awning over three ruled lines."""
    unit = 2.0
    at = [(x + px * unit, y + py * unit) for px, py in ((3.5, 3), (20.5, 3), (22, 9.5), (2, 9.5))]
    on.polygon(at, fill=ACCENT)
    for middle in (4.5, 9.5, 14.5, 19.5):
        box = (x + (middle - 2.5) * unit, y + 6.6 * unit, x + (middle + 2.5) * unit, y + 11.8 * unit)
        on.ellipse(box, fill=ACCENT)
    for line, end in ((14.75, 19.5), (18, 19.5), (21.25, 13.5)):
        on.rectangle((x + 4.5 * unit, y + (line - 0.9) * unit, x + end * unit, y + (line + 0.9) * unit), fill=ACCENT)


def _png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=6)
    return out.getvalue()
