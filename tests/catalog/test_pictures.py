"""Pictures of links: what stands on them, who may see them, how they are kept, what they cost."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from typing import Any

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image, ImageChops, ImageColor

from portal.db import SYSTEM, transaction
from portal.demo import assets
from portal.identity.members import choose_logo
from portal.kit.clock import ManualClock
from portal.logos import drawing as logo_drawing
from portal.logos import service as logo_store
from portal.web import pictures
from portal.web.lettering import Face, Letters
from portal.web.pictures import HEIGHT, WIDTH, Words, draw
from tests.conftest import START
from tests.factories import make_account, make_api, make_organisation, make_plan, make_user
from tests.sign_in import sign_in_as

pytestmark = pytest.mark.usefixtures("built", "redis_connection")
CASES = {
    "usual": Words("Mercato", "Rates", "Kestrel", "Exchange rates.", "Free", ("up 99.6% in 90 days",)),
    "long": Words(
        "Mercato", "Internationally " * 20, "B" * 200, "x" * 500, "€29,000,000.00 a month " * 9, ("up",) * 40
    ),
    "arabic": Words("Mercato", "واجهة أسعار الصرف اليومية API 2.0", "بيانات الصقر"),
    "hebrew": Words("Mercato", "שערי חליפין"),
    "chinese": Words("Mercato", "为开发者准备的汇率与通货膨胀数据接口" * 4, "為替レート"),
    "korean": Words("Mercato", "한국 데이터", "주식회사"),
    "nothing": Words("Mercato", ""),
    "unknown": Words("Mercato", "\U0001f600\ue000\x00"),
}


@pytest.fixture(scope="module")
def built() -> None:
    """The fonts lie among the built files."""
    assets.build()


@pytest.fixture
def fonts(app: Flask) -> Letters:
    return pictures.letters()


def images(page: str) -> list[str]:
    return re.findall(r'<meta property="og:image" content="http://[^/]+([^"]+)"', page)


@pytest.mark.parametrize("case", CASES)
def test_any_words_make_a_picture_with_nothing_over_its_edges(fonts: Letters, case: str) -> None:
    picture = Image.open(io.BytesIO(draw(CASES[case], fonts)))
    assert picture.size == (WIDTH, HEIGHT)
    picture = picture.convert("RGB")
    assert picture.getpixel((0, 0)) == ImageColor.getrgb(pictures.PAPER)
    box = ImageChops.difference(picture, Image.new("RGB", picture.size, pictures.PAPER)).getbbox()
    assert box
    assert box[0] >= 76
    assert box[1] >= 40
    assert box[2] <= WIDTH - 72
    assert box[3] <= HEIGHT - 16


def test_every_script_has_letters_of_its_own(fonts: Letters) -> None:
    for words in ("Rates", "Ķēniņš", "Курсы", "Ισοτιμίες", "أسعار", "שערי", "汇率", "為替レート", "한국", "€0.003"):
        assert fonts.clean(words) == words
    assert fonts.clean("Rates \U0001f600 now") == "Rates now"


def test_a_name_that_is_too_long_is_cut_and_says_so(fonts: Letters) -> None:
    face = Face(48)
    lines, is_whole = fonts.lines("Internationally " * 30, face, 600, 2)
    assert not is_whole
    assert len(lines) == 2
    assert lines[1].endswith("…")
    assert all(fonts.width(line, face) <= 600 for line in lines)


def test_arabic_letters_are_joined(fonts: Letters) -> None:
    """Letters in their joined forms are narrower than one by one."""
    word, face = "الصرف", Face(60)
    assert fonts.width(word, face) < sum(fonts.width(letter, face) for letter in word)


def test_the_colours_are_the_site_s(app: Flask) -> None:
    light = (assets.ROOT / "static" / "app.css").read_text().split('name: "dark"')[0]
    named = {"base-100": pictures.PAPER, "base-content": pictures.INK, "primary": pictures.ACCENT}
    for token, value in named.items():
        assert f"--color-{token}: {value};" in light
    assert f"--ink-2: {pictures.INK_2};" in light
    assert f"--ink-3: {pictures.INK_3};" in light


@pytest.fixture
def rates(app: Flask) -> Any:
    kestrel = make_organisation("Kestrel", "kestrel")
    make_account(kestrel)
    rates = make_api(kestrel, "Rates", slug="rates", summary="Exchange rates.")
    make_plan(rates)
    return rates


def test_public_pages_name_a_picture_that_is_there(client: FlaskClient, rates: Any) -> None:
    for page in ("/", "/marketplace", "/marketplace?provider=kestrel", "/marketplace/kestrel/rates"):
        (address,) = images(client.get(page).text)
        answer = client.get(address)
        assert answer.status_code == 200, page
        assert answer.mimetype == "image/png"
        assert Image.open(io.BytesIO(answer.data)).size == (1200, 630)
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        again = client.get(address, headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304
        assert again.data == b""


def test_what_changes_on_it_changes_its_address_and_the_old_one_leads_there(
    client: FlaskClient, rates: Any, app: Flask
) -> None:
    (before,) = images(client.get("/marketplace/kestrel/rates").text)
    make_plan(rates, code="small", amount=900)
    (after,) = images(client.get("/marketplace/kestrel/rates").text)
    assert before != after
    moved = client.get(before)
    assert moved.status_code == 302
    assert moved.location == after
    assert "immutable" not in moved.headers["Cache-Control"]


def test_the_picture_does_not_depend_on_the_language(client: FlaskClient, rates: Any) -> None:
    english = images(client.get("/marketplace/kestrel/rates").text)
    client.set_cookie("locale", "de")
    assert images(client.get("/marketplace/kestrel/rates").text) == english


def test_a_draft_has_no_picture_not_even_for_its_owner(client: FlaskClient, app: Flask) -> None:
    kestrel = make_organisation("Kestrel", "kestrel")
    make_account(kestrel)
    make_api(kestrel, "Secret", slug="secret", state="draft")
    sign_in_as(client, make_user("Ada", organisation=kestrel))
    page = client.get("/marketplace/kestrel/secret")
    assert page.status_code == 200
    assert images(page.text) == []
    assert client.get("/marketplace/kestrel/secret/picture/00000000000000000000.png").status_code == 404
    assert client.get("/marketplace/kestrel/picture/00000000000000000000.png").status_code == 404


def test_a_picture_is_drawn_once_and_only_so_many_a_second(
    client: FlaskClient, rates: Any, clock: ManualClock, redis_connection: redis.Redis
) -> None:
    (address,) = images(client.get("/marketplace/kestrel/rates").text)
    drawn = f"pictures drawn:{int(clock.now().timestamp())}"
    for _ in range(20):
        assert client.get(address).status_code == 200
    assert redis_connection.get(drawn) == b"1"
    redis_connection.set(drawn, 6)
    redis_connection.delete(*redis_connection.keys("picture:*"))
    refused = client.get(address)
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "2"
    assert "immutable" not in refused.headers["Cache-Control"]
    clock.advance(timedelta(seconds=1))
    assert client.get(address).status_code == 200


def test_a_logo_stands_on_the_picture_of_its_api_and_of_its_provider(fonts: Letters, client: FlaskClient) -> None:
    out = io.BytesIO()
    Image.new("RGB", (200, 200), "#cc2200").save(out, "PNG")
    drawn = logo_drawing.draw(out.getvalue())
    plain, marked = (draw(CASES["usual"], fonts, each) for each in (None, drawn.large))
    corner = (WIDTH - 80 - 48, 92)
    assert Image.open(io.BytesIO(plain)).convert("RGB").getpixel(corner) == ImageColor.getrgb(pictures.PAPER)
    assert Image.open(io.BytesIO(marked)).convert("RGB").getpixel(corner) == (204, 34, 0)

    provider = make_organisation("Kestrel Data", "kestrel")
    api = make_api(provider)
    addresses = ("/marketplace/kestrel", f"/marketplace/kestrel/{api.slug}")
    before = [images(client.get(each).get_data(as_text=True))[0] for each in addresses]
    with transaction(SYSTEM):
        logo_store.keep(provider.id, drawn, actor="test", now=START)
        choose_logo(provider.id, drawn.digest, actor="test")
    for address, old in zip(addresses, before, strict=True):
        new = images(client.get(address).get_data(as_text=True))[0]
        assert new != old
        picture = Image.open(io.BytesIO(client.get(new).data)).convert("RGB")
        assert picture.getpixel(corner) == (204, 34, 0)
