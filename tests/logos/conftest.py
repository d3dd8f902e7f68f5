"""Pictures as people and attackers upload them."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image, ImageDraw


def picture(size: tuple[int, int] = (200, 200), colour: Any = "#0b5c51", kind: str = "PNG", **how: Any) -> bytes:
    """A file with a plain picture; `mode` is its colour mode, everything else goes to the writer."""
    out = io.BytesIO()
    Image.new(how.pop("mode", "RGB"), size, colour).save(out, kind, **how)
    return out.getvalue()


def mark(colour: str = "#0b5c51", size: int = 200) -> bytes:
    """A disc that stands free on a transparent ground."""
    image = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((size * 0.3, size * 0.3, size * 0.7, size * 0.7), fill=colour)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def opened(webp: bytes) -> Image.Image:
    """What we drew, in colours that can be compared."""
    image = Image.open(io.BytesIO(webp), formats=["WEBP"])
    assert not image.getexif()
    assert "icc_profile" not in image.info
    return image.convert("RGBA")
