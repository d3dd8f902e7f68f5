"""What becomes of an uploaded file: a clean square, or a refusal that names the reason. Whatever the bytes are."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from portal.logos.drawing import draw
from portal.logos.types import LARGE, MAX_BYTES, SMALL, Fault, LogoRefused
from tests.logos.conftest import mark, opened, picture

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def moving(kind: str) -> bytes:
    out = io.BytesIO()
    frames = [Image.new("RGB", (100, 100), colour) for colour in ("#ff0000", "#00ff00")]
    frames[0].save(out, kind, save_all=True, append_images=frames[1:], duration=100)
    return out.getvalue()


def bomb(side: int) -> bytes:
    """A PNG of a few hundred bytes that claims, and would unfold to, `side` × `side` pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    packed = zlib.compress(b"\0" * 100_000, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b"", Fault.EMPTY),
        (picture() + b"\0" * MAX_BYTES, Fault.HEAVY),
        (SVG, Fault.VECTOR),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- made by hand -->\n' + SVG, Fault.VECTOR),
        (b"<html><body>hello</body></html>", Fault.NO_PICTURE),
        (b"just words in a file called logo.png", Fault.NO_PICTURE),
        (picture(kind="GIF"), Fault.OTHER),
        (picture(kind="BMP"), Fault.OTHER),
        (picture(kind="TIFF"), Fault.OTHER),
        (b"%PDF-1.7\n", Fault.OTHER),
        (b"\0\0\0\x1cftypheic\0\0\0\0", Fault.OTHER),
        (picture(kind="PNG")[:-40], Fault.BROKEN),
        (picture((300, 300), kind="JPEG")[:700], Fault.BROKEN),
        (picture(kind="WEBP")[:40], Fault.BROKEN),
        (b"\x89PNG\r\n\x1a\nand nothing else", Fault.BROKEN),
        (moving("PNG"), Fault.MOVING),
        (moving("WEBP"), Fault.MOVING),
        (bomb(60_000), Fault.LARGE),
        (bomb(4_097), Fault.LARGE),
        (bomb(4_096), Fault.BROKEN),
        (picture((5_000, 10)), Fault.LARGE),
        (picture((63, 63)), Fault.TINY),
        (picture((1, 1)), Fault.TINY),
        (picture(colour=(0, 0, 0, 0), mode="RGBA"), Fault.BLANK),
    ],
)
def test_what_is_no_logo_is_refused_with_its_reason(raw: bytes, fault: Fault) -> None:
    with pytest.raises(LogoRefused) as refusal:
        draw(raw)
    assert refusal.value.fault == fault


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBPVP8 "]))
def test_any_bytes_are_a_logo_or_refused(tail: bytes, start: bytes) -> None:
    with pytest.raises(LogoRefused):
        draw(start + tail)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["PNG", "JPEG", "WEBP"]), st.integers(0, 10_000), st.integers(0, 255))
def test_a_flipped_byte_breaks_nothing_but_the_picture(kind: str, place: int, value: int) -> None:
    raw = bytearray(picture((120, 80), kind=kind))
    raw[place % len(raw)] = value
    try:
        drawn = draw(bytes(raw))
    except LogoRefused:
        return
    assert opened(drawn.large).size == (LARGE, LARGE)


@pytest.mark.parametrize(
    ("mode", "colour", "kind"),
    [
        ("RGB", "#3366cc", "PNG"), ("RGBA", (51, 102, 204, 255), "PNG"), ("L", 90, "PNG"), ("LA", (90, 255), "PNG"),
        ("P", 3, "PNG"), ("1", 1, "PNG"), ("I;16", 30_000, "PNG"), ("RGB", "#3366cc", "JPEG"), ("L", 90, "JPEG"),
        ("CMYK", (0, 120, 200, 10), "JPEG"), ("RGB", "#3366cc", "WEBP"), ("RGBA", (51, 102, 204, 255), "WEBP"),
    ],
)  # fmt: skip
def test_every_usual_kind_becomes_two_squares(mode: str, colour: Any, kind: str) -> None:
    drawn = draw(picture((300, 300), colour, kind, mode=mode))
    assert opened(drawn.large).size == (LARGE, LARGE)
    assert opened(drawn.small).size == (SMALL, SMALL)


def test_sixteen_bits_of_grey_keep_their_shade() -> None:
    red, green, blue, _alpha = opened(draw(picture((300, 300), 30_000, mode="I;16")).large).getpixel((128, 128))
    assert abs(red - 117) < 4
    assert red == green == blue


def test_the_same_picture_has_the_same_digest_whatever_its_file() -> None:
    assert draw(picture()).digest == draw(picture(compress_level=0)).digest
    assert draw(picture()).digest != draw(picture(colour="#0b5c52")).digest


def test_nothing_of_the_file_but_the_picture_is_kept() -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    raw = picture((300, 300), kind="JPEG", exif=exif, comment=b"taken at home", icc_profile=b"profile of mine")
    assert b"taken at home" in raw
    drawn = draw(raw)
    assert b"home" not in drawn.large + drawn.small
    assert b"profile" not in drawn.large + drawn.small


def test_a_picture_that_was_turned_is_upright() -> None:
    image = Image.new("RGB", (200, 100), "#ffffff")
    ImageDraw.Draw(image).rectangle((0, 0, 99, 99), fill="#ff0000")
    out, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6  # "turn it a quarter clockwise"
    image.save(out, "JPEG", exif=exif, quality=95)
    red = opened(draw(out.getvalue()).large)
    assert red.getpixel((128, 40))[1] < 60
    assert red.getpixel((128, 210))[1] > 200


def test_a_wide_sign_is_whole_and_stands_on_its_own_ground() -> None:
    image = Image.new("RGB", (400, 100), "#fff3d6")
    ImageDraw.Draw(image).rectangle((30, 30, 370, 70), fill="#aa2200")
    out = io.BytesIO()
    image.save(out, "PNG")
    drawn = opened(draw(out.getvalue()).large)
    assert drawn.getpixel((2, 2)) == (255, 243, 214, 255)
    assert drawn.getpixel((30, 128))[:3] == (170, 34, 0)
    assert drawn.getpixel((226, 128))[:3] == (170, 34, 0)


def test_a_free_mark_is_drawn_as_large_as_its_margin_allows() -> None:
    box = opened(draw(mark()).large).getbbox()
    assert box is not None
    assert (box[0], LARGE - box[2]) == pytest.approx((20, 20), abs=3)
    assert (box[1], LARGE - box[3]) == pytest.approx((20, 20), abs=3)


def test_a_mark_made_for_dark_grounds_gets_one() -> None:
    assert opened(draw(mark("#ffffff")).large).getpixel((2, 2)) == (20, 32, 28, 255)
    assert opened(draw(mark("#0b5c51")).large).getpixel((2, 2))[3] == 0


def test_a_tile_with_round_corners_fills_the_square() -> None:
    image = Image.new("RGBA", (300, 300), (0, 0, 0, 0))
    ImageDraw.Draw(image).rounded_rectangle((0, 0, 299, 299), 60, fill="#16264f")
    out = io.BytesIO()
    image.save(out, "PNG")
    assert opened(draw(out.getvalue()).large).getpixel((1, 1)) == (22, 38, 79, 255)


def test_a_photograph_is_kept_small() -> None:
    noise = Image.effect_noise((512, 512), 90).convert("RGB")
    out = io.BytesIO()
    noise.save(out, "JPEG", quality=70)
    drawn = draw(out.getvalue())
    assert len(drawn.large) < 80_000
    assert len(drawn.small) < 12_000
