"""The demo's signs: every provider says who it is, all but two have a mark, and no two marks are alike."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageChops, ImageStat

from portal.demo.faces import FACES, OWN_MARKS
from portal.demo.marks import mark
from portal.demo.offers import DemoApi
from portal.demo.people import PEOPLE
from portal.demo.stalls import APIS, FIRST, STALLS
from portal.identity.organisation_forms import MAX_ABOUT, MAX_DESCRIPTION
from portal.identity.rules import is_email, is_website, slug_of
from portal.logos.drawing import draw

MARKS = [face.mark for face in FACES.values() if face.mark] + list(OWN_MARKS.values())


def test_every_provider_of_the_demo_has_a_face_and_two_have_no_mark() -> None:
    providers = {api.organisation for api in (*FIRST, *APIS)}
    assert set(FACES) == providers
    assert len(providers) == 12
    assert len([face for face in FACES.values() if not face.mark]) == 2
    said = {stall.owner.organisation: stall.description for stall in STALLS}
    for name, face in FACES.items():
        assert 0 < len(face.description or said[name]) <= MAX_DESCRIPTION
        assert 0 < len(face.about) <= MAX_ABOUT
        assert face.support is None or is_email(face.support) or is_website(face.support)
    assert {person.organisation for person in PEOPLE} & set(FACES) == {"Kestrel Data", "Market Office"}


def test_pictures_of_their_own_belong_to_apis_that_are_published() -> None:
    listed: dict[str, DemoApi] = {f"{slug_of(api.organisation)}/{api.slug}": api for api in (*FIRST, *APIS)}
    assert all(listed[address].published is not None for address in OWN_MARKS)


@pytest.mark.parametrize("name", MARKS)
def test_a_mark_is_a_logo_as_anybody_may_upload(name: str) -> None:
    drawn = draw(mark(name))
    assert len(drawn.small) < 4_500
    assert len(drawn.large) < 24_000


def test_no_two_marks_are_alike() -> None:
    tiles = []
    for name in MARKS:
        ground = Image.new("RGBA", (96, 96), "#ffffff")
        ground.alpha_composite(Image.open(io.BytesIO(draw(mark(name)).small)).convert("RGBA"))
        tiles.append(ground.convert("RGB"))
    for n, one in enumerate(tiles):
        for other in tiles[n + 1 :]:
            assert sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) > 60
