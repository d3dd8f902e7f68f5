"""Pictures: QR codes, placeholders, and colours with their contrast."""

from __future__ import annotations

import colorsys
import io
from html import escape
from typing import Literal

import segno

from portal.upstreams.answers import Fault
from portal.upstreams.describing import Answer, Api, Asked, File, param, said

QR = Api(
    "qr-codes",
    "QR Codes",
    "2.1.0",
    "QR codes for links, payments and Wi-Fi, as SVG or PNG, with the error correction you choose.",
    """
    Codes by ISO/IEC 18004, as small as the content allows. Answers are images: put the address of a call into a page, or keep
    the file. The same question always gives the same picture.
    """,
    {"Codes": "Any text.", "Filled in": "Codes that phones know what to do with."},
)
PLACEHOLDERS = Api(
    "placeholders",
    "Placeholder Images",
    "1.0.0",
    "Grey boxes with their size on them, until the photographs arrive.",
    "SVG images of any size and colour for designs and tests. Sharp on every screen and a few hundred bytes small.",
    {"Images": "One size, one picture."},
)
COLOURS = Api(
    "colours",
    "Colours & Contrast",
    "1.4.0",
    "Whether text can be read on a background by WCAG, and the nearest colour with which it can.",
    """
    Works out the contrast of two colours by WCAG 2.2 and, when it is too small, the nearest lighter or darker colour of the same
    hue that passes. Converts between the ways of writing a colour.
    """,
    {"Contrast": "Two colours.", "Colours": "One colour."},
)
_HEX = "^#?[0-9A-Fa-f]{6}$"
Level = Literal["L", "M", "Q", "H"]
RGB = tuple[float, float, float]


class CodeQuestion(Asked):
    text: str = param("What the code says.", "https://example.com/menu", min_length=1, max_length=1_000)
    level: Level = param("Error correction, from 7 % (L) to 30 % (H).", "M", "M")
    scale: int = param("Pixels per module.", 8, 8, ge=1, le=20)
    dark: str = param("Colour of the dark modules.", "0b5d57", "000000", pattern=_HEX)


class WifiQuestion(Asked):
    network: str = param("Name of the network.", "Guest", min_length=1, max_length=32)
    password: str = param("Its password; empty for an open one.", "apples-and-pears", "", max_length=63)


class ImageQuestion(Asked):
    width: int = param("Width in pixels.", 640, ge=1, le=4_000)
    height: int = param("Height in pixels.", 360, ge=1, le=4_000)
    text: str = param("What is written on it; the size when left out.", "Cover", "", max_length=60)
    background: str = param("Background colour.", "dfe7e5", "d9d9d9", pattern=_HEX)


class ContrastQuestion(Asked):
    text: str = param("Colour of the text.", "8a8a8a", pattern=_HEX)
    background: str = param("Colour behind it.", "ffffff", pattern=_HEX)
    wanted: Literal["3", "4.5", "7"] = param("Contrast that is needed: 3, 4.5 (AA) or 7 (AAA).", "4.5", "4.5")


class Contrast(Answer):
    """The contrast and a colour that passes."""

    ratio: float = said("From 1 to 21, rounded down.")
    passes: bool
    suggestion: str | None = said(
        "The nearest colour of the text's hue that passes; empty when it passes or none does."
    )


class ColourQuestion(Asked):
    colour: str = param("The colour.", "0b5d57", pattern=_HEX)


class Colour(Answer):
    """A colour in the ways it is written."""

    hex: str
    rgb: list[int]
    hsl: list[int] = said("Hue in degrees, saturation and lightness in per cent.")
    luminance: float = said("Relative luminance, 0 to 1.")


@QR.get("/v2/qr.svg", "Codes", media_type="image/svg+xml")
def qr_svg(asked: CodeQuestion) -> File:
    """QR code as SVG."""
    return _code(asked, "svg", "image/svg+xml")


@QR.get("/v2/qr.png", "Codes", media_type="image/png")
def qr_png(asked: CodeQuestion) -> File:
    """QR code as PNG."""
    return _code(asked, "png", "image/png")


@QR.get("/v2/wifi.svg", "Filled in", media_type="image/svg+xml")
def wifi(asked: WifiQuestion) -> File:
    """QR code that joins a network."""
    marks = str.maketrans({mark: f"\\{mark}" for mark in '\\;,":'})
    kind = "WPA" if asked.password else "nopass"
    text = f"WIFI:T:{kind};S:{asked.network.translate(marks)};P:{asked.password.translate(marks)};;"
    return _code(CodeQuestion.model_construct(text=text, level="M", scale=8, dark="000000"), "svg", "image/svg+xml")


@PLACEHOLDERS.get("/v1/{width}/{height}", "Images", media_type="image/svg+xml")
def placeholder(asked: ImageQuestion) -> File:
    """A placeholder of a size."""
    words = escape(asked.text or f"{asked.width} × {asked.height}")
    background = _rgb(asked.background)
    ink = "#ffffff" if _ratio(background, (1.0, 1.0, 1.0)) > _ratio(background, (0.0, 0.0, 0.0)) else "#000000"
    size = max(8, min(asked.width // max(4, len(words)), asked.height // 3))
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{asked.width}" height="{asked.height}">'
        f'<rect width="100%" height="100%" fill="{_hex(background)}"/>'
        f'<text x="50%" y="50%" fill="{ink}" font-family="sans-serif" font-size="{size}"'
        f' text-anchor="middle" dominant-baseline="central">{words}</text></svg>'
    )
    return File("image/svg+xml", svg.encode("utf-8", "replace"))


@COLOURS.get("/v1/contrast", "Contrast")
def contrast(asked: ContrastQuestion) -> Contrast:
    """Contrast of text on a background."""
    text, background, wanted = _rgb(asked.text), _rgb(asked.background), float(asked.wanted)
    ratio = _ratio(text, background)
    return Contrast(
        ratio=int(ratio * 100) / 100,
        passes=ratio >= wanted,
        suggestion=None if ratio >= wanted else _readable(text, background, wanted),
    )


@COLOURS.get("/v1/colours/{colour}", "Colours")
def colour(asked: ColourQuestion) -> Colour:
    """Ways to write a colour."""
    rgb = _rgb(asked.colour)
    hue, lightness, saturation = colorsys.rgb_to_hls(*rgb)
    return Colour(
        hex=_hex(rgb),
        rgb=[round(part * 255) for part in rgb],
        hsl=[round(hue * 360), round(saturation * 100), round(lightness * 100)],
        luminance=round(_luminance(rgb), 4),
    )


def _code(asked: CodeQuestion, kind: str, media_type: str) -> File:
    try:
        code = segno.make_qr(asked.text, error=asked.level, boost_error=False)
    except segno.DataOverflowError:
        raise Fault("`text` is too long for a code with this error correction.") from None
    except UnicodeError:
        raise Fault("`text` holds a character that no code can hold.") from None
    file = io.BytesIO()
    code.save(file, kind=kind, scale=asked.scale, dark=_hex(_rgb(asked.dark)), light="#ffffff")
    return File(media_type, file.getvalue())


def _rgb(text: str) -> RGB:
    red, green, blue = bytes.fromhex(text.removeprefix("#"))
    return red / 255, green / 255, blue / 255


def _hex(rgb: RGB) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in rgb)


def _luminance(rgb: RGB) -> float:
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _ratio(one: RGB, other: RGB) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _readable(text: RGB, background: RGB, wanted: float) -> str | None:
    """Return the colour of the same hue with the nearest lightness that reaches a contrast."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*text)
    for step in sorted(range(101), key=lambda n: abs(n / 100 - lightness)):
        tried = _rgb(_hex(colorsys.hls_to_rgb(hue, step / 100, saturation)))
        if _ratio(tried, background) >= wanted:
            return _hex(tried)
    return None
