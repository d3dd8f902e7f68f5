"""Where hosted pages may send people back to."""

from __future__ import annotations

import pytest

from portal.projects.rules import NotAnOrigin, is_allowed, origin_of

ORIGINS = ("https://app.example.com", "http://localhost:3000")


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://App.Example.com/success?x=1", "https://app.example.com"),
        ("https://app.example.com:443", "https://app.example.com"),
        ("https://app.example.com:8443/", "https://app.example.com:8443"),
        ("http://localhost:3000/done", "http://localhost:3000"),
    ],
)
def test_an_origin_is_scheme_host_and_port(address: str, origin: str) -> None:
    assert origin_of(address, insecure=False) == origin


@pytest.mark.parametrize(
    "address",
    ["", "app.example.com", "ftp://app.example.com", "http://app.example.com", "https://me:pw@app.example.com",
     "https://", "javascript:alert(1)", "https://app.example.com:99999", "https://exa mple.com", "https://[::1"],
)  # fmt: skip
def test_what_is_no_origin_is_refused(address: str) -> None:
    with pytest.raises(NotAnOrigin):
        origin_of(address, insecure=False)


def test_only_addresses_on_an_app_s_own_origins_are_allowed() -> None:
    assert is_allowed("https://app.example.com/success?session={CHECKOUT_SESSION_ID}", ORIGINS)
    assert is_allowed("http://localhost:3000", ORIGINS)


@pytest.mark.parametrize(
    "address",
    [
        "https://app.example.com.evil.test/",
        "https://app.example.com@evil.test/",
        "https://evil.test/https://app.example.com",
        "https://evil.test\\@app.example.com/",
        "https://app.example.com\n.evil.test/",
        "http://app.example.com/",
        "https://app.example.com:8443/",
        "//app.example.com/",
        "javascript:alert(1)//app.example.com",
    ],
)
def test_addresses_that_only_look_like_it_are_not(address: str) -> None:
    assert not is_allowed(address, ORIGINS)
