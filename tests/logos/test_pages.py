"""Uploading, looking, using, going back; and who may fetch a picture."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from portal.audit.models import AuditEntry
from portal.catalog.models import Api
from portal.db import SYSTEM, Scope, scoped, transaction
from portal.identity.models import Organisation
from portal.kit.clock import ManualClock
from portal.logos import service
from portal.logos.drawing import draw
from portal.logos.models import Logo
from portal.logos.types import LARGE, SMALL
from tests.factories import make_api, make_organisation, make_user
from tests.logos.conftest import mark, picture
from tests.sign_in import Browser, sign_in_as

HERE = "/settings/organisation/logo"


@pytest.fixture
def harbour(app: Flask) -> Organisation:
    return make_organisation("Harbour Data", "harbour")


@pytest.fixture
def ada(app: Flask, harbour: Organisation) -> FlaskClient:
    return sign_in_as(Browser(app), make_user("Ada", organisation=harbour))


def upload(browser: FlaskClient, raw: bytes, address: str = HERE, name: str = "logo.png") -> str:
    """Upload, and return the digest that is looked at then."""
    answer = browser.post(address, data={"logo": (io.BytesIO(raw), name)})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return answer.location.rpartition("new=")[2]


def use(browser: FlaskClient, digest: str, address: str = HERE) -> None:
    assert browser.post(f"{address}/choice", data={"digest": digest}).status_code == 303


def logo_of(organisation: Organisation) -> str | None:
    with scoped(SYSTEM) as session:
        return session.scalar(select(Organisation.logo).where(Organisation.id == organisation.id))


def test_a_logo_is_looked_at_before_it_is_used(ada: FlaskClient, harbour: Organisation) -> None:
    digest = upload(ada, mark())
    assert logo_of(harbour) is None
    page = ada.get(f"{HERE}?new={digest}").get_data(as_text=True)
    assert "Before and after" in page
    assert f"/logos/{digest}/{LARGE}.webp" in page
    use(ada, digest)
    assert logo_of(harbour) == digest
    assert f"/logos/{digest}/{LARGE}.webp" in ada.get("/settings/organisation").get_data(as_text=True)


def test_replaced_and_removed_logos_can_be_had_back(ada: FlaskClient, harbour: Organisation) -> None:
    first, second = upload(ada, mark("#0b5c51")), upload(ada, mark("#aa2200"))
    use(ada, first)
    use(ada, second)
    upload(ada, mark("#1e3f8a"))
    third = upload(ada, mark("#9a4f1d"))
    use(ada, third)
    use(ada, second)
    use(ada, first)
    use(ada, second)
    offered = re.findall(r'name="digest" value="(\w+)"', ada.get(HERE).get_data(as_text=True))
    assert offered[:2] == [first, third]
    use(ada, first)
    assert logo_of(harbour) == first
    use(ada, "")
    assert logo_of(harbour) is None
    assert f'name="digest" value="{first}"' in ada.get(HERE).get_data(as_text=True)


def test_every_change_is_in_the_trail(ada: FlaskClient, harbour: Organisation) -> None:
    digest = upload(ada, mark())
    use(ada, digest)
    use(ada, digest)
    use(ada, "")
    with scoped(SYSTEM) as session:
        acts = session.scalars(select(AuditEntry).where(AuditEntry.action.contains("logo")).order_by(AuditEntry.id))
        told = [(act.action, act.before, act.after) for act in acts]
    assert told == [
        ("logo.uploaded", None, {"logo": digest}),
        ("organisation.logo-changed", {"logo": None}, {"logo": digest}),
        ("organisation.logo-changed", {"logo": digest}, {"logo": None}),
    ]


@pytest.mark.parametrize(
    ("raw", "said", "german"),
    [
        (b"", "This file is empty", "Diese Datei ist leer"),
        (b"<svg></svg>", "SVG files can hold scripts", "SVG-Dateien können Skripte enthalten"),
        (b"hello", "This is not a picture", "Dies ist kein Bild"),
        (picture(kind="GIF"), "This is a file of the kind GIF", "Dies ist eine Datei der Art GIF"),
        (picture()[:-30], "This picture is damaged", "Dieses Bild ist beschädigt"),
        (b"x" * 3_000_000, "This file is larger than 1 MB", "Diese Datei ist größer als 1 MB"),
    ],
)
def test_what_is_refused_is_said_beside_the_field(
    ada: FlaskClient, harbour: Organisation, raw: bytes, said: str, german: str
) -> None:
    use(ada, upload(ada, mark()))
    kept = logo_of(harbour)
    for language, words in (("en", said), ("de", german)):
        ada.post("/preferences/locale", data={"locale": language})
        answer = ada.post(HERE, data={"logo": (io.BytesIO(raw), "logo.png")})
        page = answer.get_data(as_text=True)
        assert answer.status_code == 422
        assert words in page
        assert 'id="f-logo-problem"' in page
    assert logo_of(harbour) == kept


def test_nothing_chosen_is_said(ada: FlaskClient) -> None:
    for answer in (ada.post(HERE), ada.post(HERE, data={"logo": (io.BytesIO(b""), "")})):
        assert answer.status_code == 422
        assert "Choose a picture first." in answer.get_data(as_text=True)


def test_a_name_does_not_make_a_picture_nor_unmake_one(ada: FlaskClient) -> None:
    assert upload(ada, mark(), name="logo.txt")
    assert ada.post(HERE, data={"logo": (io.BytesIO(b"words"), "logo.png")}).status_code == 422


def test_far_too_much_is_cut_off(ada: FlaskClient) -> None:
    assert ada.post(HERE, data={"logo": (io.BytesIO(b"x" * 13_000_000), "logo.png")}).status_code == 413


@pytest.mark.parametrize("role", ["developer", "billing", "viewer"])
def test_only_owners_and_administrators_change_it(app: Flask, harbour: Organisation, role: str) -> None:
    browser = sign_in_as(Browser(app), make_user("Ben", organisation=harbour, role=role))
    assert browser.get(HERE).status_code == 403
    assert browser.post(HERE, data={"logo": (io.BytesIO(mark()), "logo.png")}).status_code == 403
    assert browser.post(f"{HERE}/choice", data={"digest": ""}).status_code == 403


def test_nobody_uses_a_picture_of_another_organisation(app: Flask, ada: FlaskClient) -> None:
    theirs = make_organisation("Elsewhere", "elsewhere")
    digest = upload(sign_in_as(Browser(app), make_user("Dan", organisation=theirs)), mark())
    assert ada.post(f"{HERE}/choice", data={"digest": digest}).status_code == 404
    assert ada.post(f"{HERE}/choice", data={"digest": "0" * 32}).status_code == 404
    assert f"/logos/{digest}" not in ada.get(f"{HERE}?new={digest}").get_data(as_text=True)


# ---- an API's own ------------------------------------------------------------------------------------------------------


def test_an_api_shows_its_own_logo_then_its_provider_s_then_a_letter(
    app: Flask, ada: FlaskClient, harbour: Organisation
) -> None:
    api = make_api(harbour, "Tide Tables")
    stranger, desk = Browser(app), f"/provider/apis/{api.id}/logo"
    address = f"/marketplace/harbour/{api.slug}"

    def shown() -> tuple[set[str], set[str]]:
        tiles = [stranger.get(each).get_data(as_text=True) for each in (address, "/marketplace")]
        return tuple(set(re.findall(r"/logos/(\w+)/", page)) for page in tiles)  # type: ignore[return-value]

    assert shown() == (set(), set())
    assert re.search(r'class="tile hue-\d tile-lg"[^>]*>T<', stranger.get(address).get_data(as_text=True))
    provider = upload(ada, mark("#0b5c51"))
    use(ada, provider)
    assert shown() == ({provider}, {provider})
    own = upload(ada, mark("#aa2200"), desk)
    assert "organisation’s stands in" in ada.get(desk).get_data(as_text=True)
    use(ada, own, desk)
    assert shown() == ({own, provider}, {own})
    use(ada, "", desk)
    assert shown() == ({provider}, {provider})


def test_another_organisation_s_api_keeps_its_looks(app: Flask, ada: FlaskClient) -> None:
    theirs = make_api(make_organisation("Elsewhere", "elsewhere"))
    digest = upload(ada, mark())
    for answer in (
        ada.get(f"/provider/apis/{theirs.id}/logo"),
        ada.post(f"/provider/apis/{theirs.id}/logo", data={"logo": (io.BytesIO(mark()), "a.png")}),
        ada.post(f"/provider/apis/{theirs.id}/logo/choice", data={"digest": digest}),
    ):
        assert answer.status_code == 404


# ---- fetching ---------------------------------------------------------------------------------------------------------


def test_a_logo_is_kept_for_ever_and_is_nothing_but_a_picture(
    app: Flask, ada: FlaskClient, harbour: Organisation
) -> None:
    make_api(harbour)
    digest = upload(ada, mark())
    stranger = Browser(app)
    for size in (LARGE, SMALL):
        answer = stranger.get(f"/logos/{digest}/{size}.webp")
        assert answer.status_code == 200
        assert answer.mimetype == "image/webp"
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in answer.headers
        again = stranger.get(f"/logos/{digest}/{size}.webp", headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304
    assert answer.data == draw(mark()).small


@pytest.mark.parametrize(
    "address", ["/logos/{}/64.webp", "/logos/{}/256.png", "/logos/{}x/256.webp", "/logos/%00/256.webp"]
)
def test_there_are_no_other_pictures(app: Flask, ada: FlaskClient, harbour: Organisation, address: str) -> None:
    make_api(harbour)
    assert Browser(app).get(address.format(upload(ada, mark()))).status_code == 404


def test_who_has_nothing_in_the_market_shows_its_logo_to_itself_alone(
    app: Flask, ada: FlaskClient, harbour: Organisation
) -> None:
    make_api(harbour, state="draft")
    digest = upload(ada, mark())
    address = f"/logos/{digest}/{SMALL}.webp"
    dan = sign_in_as(Browser(app), make_user("Dan", organisation=make_organisation("Elsewhere", "elsewhere")))
    assert [each.get(address).status_code for each in (ada, dan, Browser(app))] == [200, 404, 404]
    make_api(harbour, state="retired")
    assert [each.get(address).status_code for each in (ada, dan, Browser(app))] == [200, 200, 200]


# ---- what the database itself refuses ---------------------------------------------------------------------------------


def test_rows_of_others_can_neither_be_written_nor_used(app: Flask, harbour: Organisation, clock: ManualClock) -> None:
    theirs = make_organisation("Elsewhere", "elsewhere")
    drawn = draw(mark())
    with transaction(SYSTEM):
        service.keep(theirs.id, drawn, actor="test", now=clock.now())
    mine = Scope(organisation_id=harbour.id)
    with scoped(mine) as session:
        assert session.scalar(select(func.count()).select_from(Logo)) == 0
    with pytest.raises(ProgrammingError, match="row-level security"), transaction(mine) as session:
        session.add(Logo(organisation_id=theirs.id, digest="0" * 32, large=b"x", small=b"x", drawn_at=clock.now()))
    with transaction(mine) as session:
        session.execute(text("DELETE FROM logos"))
    with scoped(SYSTEM) as session:
        assert session.scalar(select(func.count()).select_from(Logo)) == 1
    with pytest.raises(IntegrityError, match="organisations_logo"), transaction(SYSTEM) as session:
        session.execute(
            text("UPDATE organisations SET logo = :digest WHERE id = :id"), {"digest": drawn.digest, "id": harbour.id}
        )


def test_only_so_many_unused_pictures_are_kept_and_used_ones_always(
    app: Flask, ada: FlaskClient, harbour: Organisation, clock: ManualClock
) -> None:
    api = make_api(harbour)
    logo, own = upload(ada, mark("#000001")), upload(ada, mark("#000002"))
    use(ada, logo)
    use(ada, own, f"/provider/apis/{api.id}/logo")
    for n in range(service.KEPT + 3):
        clock.advance(timedelta(seconds=1))
        upload(ada, mark(f"#0000{16 + n:02x}"))
    with scoped(SYSTEM) as session:
        kept = set(session.scalars(select(Logo.digest)))
        assert session.scalar(select(Api.logo).where(Api.id == api.id)) == own
    assert len(kept) == service.KEPT + 2
    assert {logo, own} <= kept
