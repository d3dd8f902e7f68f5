"""From a stranger's file to two small squares. Pure: bytes in, bytes out; nothing of the file itself survives.

Only PNG, JPEG and WebP are decoded, by name, and never before their size was looked at: a small file can unfold to
gigabytes. What is kept is drawn anew, so comments, places and whatever else a file carries are gone.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Sequence

from PIL import Image, ImageOps, UnidentifiedImageError

from portal.logos.types import FEWEST_PIXELS, LARGE, MAX_BYTES, MOST_PIXELS, SMALL, Drawn, Fault, LogoRefused

_FORMATS = ("PNG", "JPEG", "WEBP")
_INK, _CLEAR = (20, 32, 28), (0, 0, 0, 0)
_WORKED_AT = 4 * LARGE  # more pixels than this are no use to what we keep
_MARGIN = 0.08  # on each side of a mark that stands free
_SVG = re.compile(rb"<(?:svg|!doctype\s+svg)\b", re.IGNORECASE)
_OTHERS = {
    b"GIF8": "GIF", b"BM": "BMP", b"II*\0": "TIFF", b"MM\0*": "TIFF", b"%PDF": "PDF", b"\0\0\1\0": "ICO", b"8BPS": "Photoshop",
}  # fmt: skip
_BRANDS = {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIC", b"avif": "AVIF", b"avis": "AVIF"}


def draw(raw: bytes) -> Drawn:
    """Return the logo that a file shows: whole, in a square, upright. Raises LogoRefused."""
    square = _square(_read(raw))
    large = _encode(square, 24 * 1024)
    small = _encode(square.resize((SMALL, SMALL), Image.Resampling.LANCZOS), 2 * 1024)
    return Drawn(hashlib.sha256(large + small).hexdigest()[:32], large, small)


def _read(raw: bytes) -> Image.Image:
    if not raw:
        raise LogoRefused(Fault.EMPTY)
    if len(raw) > MAX_BYTES:
        raise LogoRefused(Fault.HEAVY)
    try:
        picture = Image.open(io.BytesIO(raw), formats=_FORMATS)
    except UnidentifiedImageError:
        raise _unknown(raw) from None
    except Image.DecompressionBombError:
        raise LogoRefused(Fault.LARGE) from None
    except Exception:  # a decoder meets bytes that were made to hurt it: whatever it says, the file is broken
        raise LogoRefused(Fault.BROKEN) from None
    _check_size(picture)
    try:
        if picture.format != "JPEG" and picture.format != "MPO" and getattr(picture, "is_animated", False):
            raise LogoRefused(Fault.MOVING)
        picture.draft(picture.mode, (_WORKED_AT, _WORKED_AT))
        picture.load()
        return _upright(picture)
    except LogoRefused:
        raise
    except Exception:  # as above
        raise LogoRefused(Fault.BROKEN) from None


def _unknown(raw: bytes) -> LogoRefused:
    """Name the kind of file where its first bytes tell, so that the sentence can say what to do."""
    start = raw[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"<") and _SVG.search(raw[:65_536]):
        return LogoRefused(Fault.VECTOR)
    kind = next((name for sign, name in _OTHERS.items() if raw.startswith(sign)), "")
    kind = kind or (_BRANDS.get(raw[8:12], "") if raw[4:8] == b"ftyp" else "")
    if kind:
        return LogoRefused(Fault.OTHER, kind)
    is_ours = raw.startswith((b"\x89PNG", b"\xff\xd8\xff")) or (raw.startswith(b"RIFF") and raw[8:12] == b"WEBP")
    return LogoRefused(Fault.BROKEN if is_ours else Fault.NO_PICTURE)


def _check_size(picture: Image.Image) -> None:
    said = f"{picture.width} × {picture.height}"
    if max(picture.size) > MOST_PIXELS:
        raise LogoRefused(Fault.LARGE, said)
    if max(picture.size) < FEWEST_PIXELS or min(picture.size) < 1:
        raise LogoRefused(Fault.TINY, said)


def _upright(picture: Image.Image) -> Image.Image:
    """Return the picture as it is meant to be looked at, in eight bits with transparency, no larger than is of use."""
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I"):  # sixteen bits of grey, which Pillow would cut off instead of scaling down
        picture = picture.convert("I").point(lambda grey: grey * (1 / 256)).convert("L")
    plain = picture.convert("RGBA")
    if max(plain.size) > _WORKED_AT:
        plain.thumbnail((_WORKED_AT, _WORKED_AT), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return plain


def _square(picture: Image.Image) -> Image.Image:
    alpha = picture.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return _fitted(picture, LARGE, _ground_of(picture))
    box = alpha.point([255 if value > 8 else 0 for value in range(256)]).getbbox()
    if box is None:
        raise LogoRefused(Fault.BLANK)
    mark = picture.crop(box)
    if _fills_its_box(mark):
        return _fitted(mark, LARGE, _edge_of(mark))
    return _fitted(mark, round(LARGE * (1 - 2 * _MARGIN)), (*_INK, 255) if _is_light(mark) else _CLEAR)


def _fitted(picture: Image.Image, side: int, ground: tuple[int, ...]) -> Image.Image:
    """Return a square with the whole picture in its middle."""
    scale = side / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    fitted = picture.resize(size, Image.Resampling.LANCZOS)
    square = Image.new("RGBA", (LARGE, LARGE), ground)
    square.alpha_composite(fitted, ((LARGE - size[0]) // 2, (LARGE - size[1]) // 2))
    return square


def _ground_of(picture: Image.Image) -> tuple[int, ...]:
    """The colour that an opaque picture stands on, when its corners agree: a wide sign on white stays on white."""
    right, low = picture.width - 1, picture.height - 1
    return _shared_colour(picture, ((0, 0), (right, 0), (0, low), (right, low)))


def _edge_of(mark: Image.Image) -> tuple[int, ...]:
    """The colour of a tile at the middles of its sides, when they agree: its round corners are filled up with it.

    Where we show it, it gets round corners again, and two kinds of them would leave specks.
    """
    right, low = mark.width - 1, mark.height - 1
    return _shared_colour(mark, ((right // 2, 0), (right // 2, low), (0, low // 2), (right, low // 2)))


def _shared_colour(picture: Image.Image, points: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    colours = [colour for at in points if isinstance(colour := picture.getpixel(at), tuple)]
    bands = list(zip(*colours, strict=True))
    if max(max(band) - min(band) for band in bands) > 16 or colours[0][3] < 250:
        return _CLEAR
    return tuple(sum(int(value) for value in band) // len(band) for band in bands)


def _fills_its_box(mark: Image.Image) -> bool:
    """True for a tile with round corners and the like, which brings its own margin."""
    solid = sum(mark.getchannel("A").histogram()[128:]) / (mark.width * mark.height)
    return solid > 0.85 and 0.9 < mark.width / mark.height < 1.12


def _is_light(mark: Image.Image) -> bool:
    """True for a mark that was drawn for dark grounds and would vanish on paper."""
    seen = mark.getchannel("A").point([255 if value > 128 else 0 for value in range(256)])
    shades = mark.convert("L").histogram(seen)
    return sum(shades[215:]) > 0.9 * sum(shades)


def _encode(square: Image.Image, most: int) -> bytes:
    """WebP: exact where that is small, as for nearly every drawn sign, else as a photograph."""
    exact = _saved(square, lossless=True, quality=90, method=4)
    return exact if len(exact) <= most else _saved(square, quality=90, method=6)


def _saved(square: Image.Image, **how: int | bool) -> bytes:
    out = io.BytesIO()
    square.save(out, "WEBP", **how)
    return out.getvalue()
