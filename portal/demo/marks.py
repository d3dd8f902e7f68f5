"""Logos of the demo's providers, drawn: plain shapes at three times their size, so that edges come out smooth."""

from __future__ import annotations

import io
import math
from collections.abc import Callable

from PIL import Image, ImageChops, ImageDraw

_SIDE = 512
_FINE = 3
_WHOLE = _SIDE * _FINE
_CLEAR = (0, 0, 0, 0)

Colour = str
Point = tuple[float, float]


def mark(name: str) -> bytes:
    """Return a mark as a PNG file, as a provider would upload it."""
    picture = _MARKS[name]().resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _sheet(ground: Colour | None = None, radius: float = 0.2) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    picture = Image.new("RGBA", (_WHOLE, _WHOLE), _CLEAR)
    on = ImageDraw.Draw(picture)
    if ground:
        on.rounded_rectangle((0, 0, _WHOLE - 1, _WHOLE - 1), radius * _WHOLE, fill=ground)
    return picture, on


def _at(*points: Point) -> list[Point]:
    """Points of the unit square as points of the sheet."""
    return [(x * _WHOLE, y * _WHOLE) for x, y in points]


def _disc(on: ImageDraw.ImageDraw, x: float, y: float, radius: float, colour: Colour) -> None:
    on.ellipse(_at((x - radius, y - radius), (x + radius, y + radius)), fill=colour)


def _line(on: ImageDraw.ImageDraw, points: list[Point], width: float, colour: Colour) -> None:
    """A line with round ends and joints."""
    on.line(_at(*points), fill=colour, width=round(width * _WHOLE), joint="curve")
    for x, y in points:
        _disc(on, x, y, width / 2, colour)


def _kestrel() -> Image.Image:
    """A bird in the wind: three feathers on either side."""
    picture, on = _sheet("#0d4f57")
    for y, reach, colour in ((0.34, 0.34, "#ffffff"), (0.5, 0.25, "#8fd3c9"), (0.66, 0.15, "#f2b84b")):
        _line(on, [(0.5 - reach, y - reach * 0.42), (0.5, y + 0.06), (0.5 + reach, y - reach * 0.42)], 0.085, colour)
    return picture


def _registra() -> Image.Image:
    """A seal with a tick."""
    picture, on = _sheet()
    teeth = [(0.5 + r * math.cos(n * math.pi / 16), 0.5 + r * math.sin(n * math.pi / 16))
             for n in range(32) for r in [0.49 if n % 2 else 0.44]]  # fmt: skip
    on.polygon(_at(*teeth), fill="#1e3f8a")
    _disc(on, 0.5, 0.5, 0.36, "#ffffff")
    _disc(on, 0.5, 0.5, 0.32, "#1e3f8a")
    _line(on, [(0.35, 0.51), (0.46, 0.62), (0.66, 0.4)], 0.075, "#ffffff")
    return picture


def _ringwise() -> Image.Image:
    """A sound that travels."""
    picture, on = _sheet("#f26b3a", 0.5)
    _disc(on, 0.3, 0.7, 0.085, "#ffffff")
    for radius in (0.22, 0.36, 0.5):
        box = _at((0.3 - radius, 0.7 - radius), (0.3 + radius, 0.7 + radius))
        on.arc((*box[0], *box[1]), 272, 358, fill="#ffffff", width=round(0.07 * _WHOLE))
    return picture


def _atlas() -> Image.Image:
    """A globe of rows."""
    globe, on = _sheet()
    _disc(on, 0.5, 0.5, 0.5, "#2f7d4f")
    for y in (0.2, 0.36, 0.52, 0.68, 0.84):
        on.rectangle(_at((0, y - 0.025), (1, y + 0.025)), fill="#e9f5e4")
    shape = Image.new("L", globe.size, 0)
    _disc(ImageDraw.Draw(shape), 0.5, 0.5, 0.5, "#ffffff")
    land = ImageDraw.Draw(globe)
    land.polygon(
        _at((0.3, 0.1), (0.62, 0.2), (0.5, 0.45), (0.66, 0.62), (0.52, 0.92), (0.34, 0.66), (0.2, 0.42)), fill="#173f2b"
    )
    globe.putalpha(ImageChops.multiply(globe.getchannel("A"), shape))
    return globe


def _inkwell() -> Image.Image:
    """A drop of ink with light on it."""
    picture, on = _sheet()
    _disc(on, 0.5, 0.64, 0.34, "#1c1f2b")
    on.polygon(_at((0.5, 0.02), (0.19, 0.5), (0.81, 0.5)), fill="#1c1f2b")
    box = _at((0.29, 0.43), (0.71, 0.85))
    on.arc((*box[0], *box[1]), 100, 170, fill="#7c8cf0", width=round(0.06 * _WHOLE))
    return picture


def _bildwerk() -> Image.Image:
    """Three inks printed over each other."""
    sheet = Image.new("RGB", (_WHOLE, _WHOLE), "#ffffff")
    for colour, (x, y) in (("#00a6d6", (0.37, 0.39)), ("#e5007d", (0.63, 0.39)), ("#ffd500", (0.5, 0.62))):
        ink = Image.new("RGB", sheet.size, "#ffffff")
        _disc(ImageDraw.Draw(ink), x, y, 0.29, colour)
        sheet = ImageChops.multiply(sheet, ink)
    return sheet.convert("RGBA")


def _pennyworth() -> Image.Image:
    """A coin with its initial."""
    picture, on = _sheet()
    _disc(on, 0.5, 0.5, 0.5, "#9a4f1d")
    _disc(on, 0.5, 0.5, 0.43, "#c97a3a")
    _disc(on, 0.53, 0.42, 0.2, "#fff4e2")
    _disc(on, 0.53, 0.42, 0.105, "#c97a3a")
    on.rounded_rectangle(_at((0.33, 0.22), (0.43, 0.8)), 0.05 * _WHOLE, fill="#fff4e2")
    return picture


def _institute() -> Image.Image:
    """A sundial, drawn for dark letterheads: white on nothing."""
    picture, on = _sheet()
    for hour in range(12):
        angle = hour * math.pi / 6
        near, far = (0.3, 0.47) if hour % 3 == 0 else (0.37, 0.45)
        ends = [(0.5 + r * math.sin(angle), 0.5 - r * math.cos(angle)) for r in (near, far)]
        _line(on, ends, 0.05 if hour % 3 == 0 else 0.035, "#ffffff")
    on.polygon(_at((0.5, 0.44), (0.56, 0.5), (0.72, 0.72), (0.44, 0.54)), fill="#ffffff")
    _disc(on, 0.5, 0.5, 0.08, "#ffffff")
    return picture


def _measures() -> Image.Image:
    """Two rules that meet in a corner."""
    picture, on = _sheet("#f7d046", 0.12)
    on.polygon(_at((0.16, 0.16), (0.34, 0.16), (0.34, 0.66), (0.84, 0.66), (0.84, 0.84), (0.16, 0.84)), fill="#23262d")
    for n in range(5):
        length = 0.1 if n % 2 == 0 else 0.06
        place = 0.22 + n * 0.1
        on.rectangle(_at((0.34 - length, place - 0.012), (0.34, place + 0.012)), fill="#f7d046")
        on.rectangle(_at((1 - place - 0.012, 0.66), (1 - place + 0.012, 0.66 + length)), fill="#f7d046")
    return picture


def _prairie() -> Image.Image:
    """Rows of a ledger that become a field, under a low sun."""
    picture, on = _sheet("#5b3a1e")
    _disc(on, 0.68, 0.36, 0.15, "#f4c95d")
    for row, (y, reach) in enumerate(((0.56, 0.26), (0.68, 0.33), (0.8, 0.38))):
        _line(on, [(0.5 - reach, y), (0.5 + reach, y - 0.03 * row)], 0.06, ("#e9d8a6", "#cfe0a4", "#94b76a")[row])
    return picture


def _almanac() -> Image.Image:
    """The moon before the sun."""
    picture, on = _sheet("#16264f")
    _disc(on, 0.56, 0.46, 0.26, "#f6c453")
    _disc(on, 0.42, 0.58, 0.24, "#16264f")
    _disc(on, 0.42, 0.58, 0.2, "#dfe6f5")
    return picture


def _qr_codes() -> Image.Image:
    """The corner that cameras look for."""
    picture, on = _sheet()
    for x, y in ((0.04, 0.04), (0.58, 0.04), (0.04, 0.58)):
        on.rounded_rectangle(_at((x, y), (x + 0.38, y + 0.38)), 0.07 * _WHOLE, fill="#e5007d")
        on.rounded_rectangle(_at((x + 0.075, y + 0.075), (x + 0.305, y + 0.305)), 0.03 * _WHOLE, fill="#ffffff")
        on.rounded_rectangle(_at((x + 0.125, y + 0.125), (x + 0.255, y + 0.255)), 0.02 * _WHOLE, fill="#e5007d")
    for x, y in ((0.58, 0.58), (0.83, 0.58), (0.705, 0.705), (0.58, 0.83), (0.83, 0.83)):
        on.rounded_rectangle(_at((x, y), (x + 0.125, y + 0.125)), 0.02 * _WHOLE, fill="#14201c")
    return picture


_MARKS: dict[str, Callable[[], Image.Image]] = {
    "kestrel": _kestrel,
    "registra": _registra,
    "ringwise": _ringwise,
    "atlas": _atlas,
    "inkwell": _inkwell,
    "bildwerk": _bildwerk,
    "pennyworth": _pennyworth,
    "institute": _institute,
    "measures": _measures,
    "prairie": _prairie,
    "almanac": _almanac,
    "qr-codes": _qr_codes,
}
