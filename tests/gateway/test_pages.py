"""The keys page, as people of different roles see it."""

from __future__ import annotations

import re
from collections.abc import Callable

from flask.testing import FlaskClient
from sqlalchemy import select

from portal.db import db
from portal.gateway.models import ApiKey
from portal.kit.clock import ManualClock
from portal.kit.tokens import public_id_of
from tests.factories import make_api_key, make_organisation
from tests.gateway.conftest import Shop, make_shop

HTMX = {"HX-Request": "true"}
Browse = Callable[..., FlaskClient]


def test_a_new_key_is_shown_once_with_a_line_to_paste(shop: Shop, browse: Browse) -> None:
    cleo = browse(shop.organisation, "developer")
    answer = cleo.post(shop.keys_url, data={"name": "Nightly job", "lifetime": "never"}, headers=HTMX)
    assert answer.status_code == 201
    shown = re.search(r'<code id="new-key">(mk_test_[^<]+)</code>', answer.text)
    assert shown
    assert public_id_of(shown[1])
    assert f"-H &#39;X-API-Key: {shown[1]}&#39;" in answer.text
    assert f"http://127.0.0.1:8080/{shop.provider.slug}/{shop.api.slug}" in answer.text
    later = cleo.get(shop.keys_url, headers=HTMX).text
    assert shown[1] not in later
    assert "Nightly job" in later
    assert f"mk_test_…{shown[1][-4:]}" in later


def test_a_key_without_a_name_is_refused_with_the_form(shop: Shop, browse: Browse) -> None:
    cleo = browse(shop.organisation)
    for name in ("", "   ", "x" * 61, "nul\x00"):
        answer = cleo.post(shop.keys_url, data={"name": name, "lifetime": "never"}, headers=HTMX)
        assert answer.status_code == 422
        assert 'aria-invalid="true"' in answer.text
    assert cleo.post(shop.keys_url, data={"name": "a", "lifetime": "soon"}, headers=HTMX).status_code == 422
    assert db.session.scalars(select(ApiKey)).all() == []


def test_revoking_asks_and_then_stops_the_key(shop: Shop, browse: Browse) -> None:
    cleo = browse(shop.organisation)
    cleo.post(shop.keys_url, data={"name": "Leaked", "lifetime": "never"}, headers=HTMX)
    page = cleo.get(shop.keys_url, headers=HTMX).text
    action = re.search(r'action="(/subscriptions/\d+/keys/\d+/revocation)"', page)
    assert action
    assert "This cannot be undone" in page
    plain = cleo.post(action[1])
    assert (plain.status_code, plain.location) == (303, shop.keys_url)
    assert "Revoked" in cleo.post(action[1], headers=HTMX).text
    assert db.session.scalars(select(ApiKey.revoked_at)).one() is not None


def test_who_may_do_what(shop: Shop, browse: Browse, client: FlaskClient, clock: ManualClock) -> None:
    revoke = f"{shop.keys_url}/1/revocation"
    form = {"name": "x", "lifetime": "never"}
    assert client.get(shop.keys_url).status_code == 303
    for role, may in (("owner", True), ("admin", True), ("developer", True), ("billing", False), ("viewer", False)):
        member = browse(shop.organisation, role)
        assert member.get(shop.keys_url, headers=HTMX).status_code == 200
        assert member.post(shop.keys_url, data=form, headers=HTMX).status_code == (201 if may else 403)
        if not may:
            assert member.post(revoke, headers=HTMX).status_code == 403
            assert "<form" not in member.get(shop.keys_url, headers=HTMX).text
    dan = browse(make_shop(clock).organisation)
    assert dan.get(shop.keys_url, headers=HTMX).status_code == 404
    assert dan.post(shop.keys_url, data=form, headers=HTMX).status_code == 404
    assert dan.post(revoke, headers=HTMX).status_code == 404
    nobody = browse(make_organisation())
    assert nobody.get(shop.keys_url, headers=HTMX).status_code == 404


def test_an_unknown_key_and_a_wrong_method(shop: Shop, browse: Browse) -> None:
    cleo = browse(shop.organisation)
    assert cleo.post(f"{shop.keys_url}/999/revocation", headers=HTMX).status_code == 404
    assert cleo.post("/subscriptions/999/keys/1/revocation", headers=HTMX).status_code == 404
    assert cleo.put(shop.keys_url).status_code == 405
    assert cleo.get(f"{shop.keys_url}/1/revocation").status_code == 405


def test_the_fragment_equals_its_region_in_the_page(shop: Shop, browse: Browse) -> None:
    cleo = browse(shop.organisation)
    fragment, page = cleo.get(shop.keys_url, headers=HTMX), cleo.get(shop.keys_url)
    assert "HX-Request" in page.headers["Vary"]
    assert _without_tokens(fragment.text).strip() in _without_tokens(page.text)


def _without_tokens(html: str) -> str:
    return re.sub(r'value="[^"]{60,}"', "", html)


def test_keys_of_an_ended_subscription_are_not_said_to_work(browse: Browse, clock: ManualClock) -> None:
    ended = make_shop(clock, status="canceled")
    make_api_key(ended.subscription, b"pepper", clock.now(), name="Old job")
    page = browse(ended.organisation).get(ended.keys_url, headers=HTMX).text
    assert "Old job" in page
    assert "Ended with the subscription" in page
    assert "Works" not in page
    assert "curl" not in page, "there is nothing to call"
