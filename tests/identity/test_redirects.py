"""Going back to where one was never leads off this site."""

from __future__ import annotations

import re
from urllib.parse import quote, urljoin, urlsplit

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from portal.identity.models import User
from portal.identity.rules import landing_after_switch
from portal.web.preferences import safe_next
from tests.identity.conftest import PASSWORD
from tests.sign_in import sign_in_as

HOST = "http://portal.example"
_EVIL = (
    "evil.example",
    "evil.example/login",
    "evil.example:443",
    "user@evil.example",
    "[::1]",
    "1.1.1.1",
    "еvil.example",
)
_LEADS = (
    *("//", "///", "////", "/\\", "\\\\", "\\/", "/\t/", "/\n/", "/\r\n/", "/%09/", "/%5c", "/%2f%2f", "/.//", "/..//"),
    *("http://", "https://", "HTTPS://", "https:", "https:/", "https:\\\\", "http:///", "ftp://", "//@", "/@", "@"),
    *(
        "\x01//",
        " //",
        "\u00a0//",
        "\u2028//",
        "\ufeff//",
        "/\u200b/",
        "javascript://",
        "java\nscript:",
        "data:text/html,",
    ),
    *("vbscript:", "file:///", "blob:", "about:", "/;//", "/?//", "/#//", "?//", "#//", ".", "..", "%2e%2e//", ""),
)
CORPUS = sorted({lead + host for lead in _LEADS for host in _EVIL})


def stays(target: str) -> bool:
    """True when a browser on our page ends up on our host.

    Browsers strip control characters and spaces around, drop tabs and line ends anywhere, read `\\` as `/`, and take
    any number of leading slashes from two on, and any scheme, as the way to another host.
    """
    seen = "".join(char for char in target.strip("".join(map(chr, range(33)))) if char not in "\t\r\n").replace(
        "\\", "/"
    )
    if seen.startswith("//") or re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", seen):
        return False
    return urlsplit(urljoin(HOST + "/login", seen)).netloc == urlsplit(HOST).netloc


def test_the_corpus_is_worth_running() -> None:
    assert len(CORPUS) >= 300
    assert sum(not stays(target) for target in CORPUS) > 100


@pytest.mark.parametrize("target", CORPUS)
def test_no_known_trick_leads_away(target: str) -> None:
    assert stays(safe_next(target))


@given(st.text(max_size=60))
def test_no_text_leads_away(target: str) -> None:
    assert stays(safe_next(target))
    assert stays(safe_next("/" + target))


@pytest.mark.parametrize("target", ["/", "/usage?range=7d&x=%2F", "/marketplace/ada/rates#top", "/a//b"])
def test_our_own_paths_are_kept(target: str) -> None:
    assert safe_next(target) == target


@pytest.mark.parametrize(
    "target", ["//evil.example", "/\\evil.example", "https://evil.example", "/%0d%0aSet-Cookie:x=1"]
)
def test_signing_in_uses_it(client: FlaskClient, cleo: User, target: str) -> None:
    typed = {"email": "cleo@example.com", "password": PASSWORD, "next": target}
    answer = client.post("/login", data=typed)
    assert answer.status_code == 303
    assert stays(answer.location)
    assert "x=1" not in answer.headers.get("Set-Cookie", "")
    again = sign_in_as(client, cleo).get("/login?next=" + quote(target))
    assert stays(again.location)
    for path in ("/settings/confirmation", "/logout"):
        assert stays(client.post(path, data={"next": target}).location)


@pytest.mark.parametrize(
    ("path", "landing"),
    [
        ("/usage?range=7d", "/usage?range=7d"),
        ("/subscriptions/12", "/subscriptions"),
        ("/subscriptions/12/keys?x=1", "/subscriptions"),
        ("/marketplace/ada/rates-2", "/marketplace/ada/rates-2"),
        ("/12", "/"),
        ("/", "/"),
    ],
)
def test_after_switching_a_list_stays_and_a_single_thing_leads_to_its_list(path: str, landing: str) -> None:
    assert landing_after_switch(path) == landing
