"""The same story with nothing but curl: no browser, no script, no page that only works with JavaScript."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.whole_portal import Portal

pytestmark = [pytest.mark.browser, pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")]


class Curl:
    """One person's curl: a cookie jar and a base address."""

    def __init__(self, base: str, jar: Path) -> None:
        self.base, self.jar = base, jar

    def __call__(self, path: str, *options: str) -> str:
        address = path if path.startswith("http") else self.base + path
        command = ["curl", "--silent", "--show-error", "--max-time", "20", "-b", str(self.jar), "-c", str(self.jar)]
        return subprocess.run([*command, *options, address], check=True, capture_output=True, text=True).stdout

    def form(self, path: str, **fields: str) -> str:
        """Open a page, then send its form with the token that stands in it."""
        token = re.search(r'name="csrf_token" value="([^"]+)"', self(path))
        assert token is not None, f"{path} has no form"
        data = [part for name, value in fields.items() for part in ("--data-urlencode", f"{name}={value}")]
        return self(path, "--location", "--post303", "--data-urlencode", f"csrf_token={html.unescape(token[1])}", *data)


def test_buying_and_calling_with_curl(running: Portal, tmp_path: Path) -> None:
    curl = Curl(running.url, tmp_path / "cookies")
    email = f"{uuid.uuid4().hex[:10]}@example.com"
    curl.form(
        "/signup",
        name="Cleo Marsh",
        email=email,
        password="ferry lantern quince 9",
        organisation_name=f"Tidewater {uuid.uuid4().hex[:6]}",
    )
    confirm(curl, email)
    token = re.search(r"mo_[0-9A-Za-z_]{50,}", curl.form("/settings/tokens", name="curl", role="admin"))
    assert token is not None
    bearer = ("-H", f"Authorization: Bearer {token[0]}", "-H", "Content-Type: application/json")
    stranger = Curl(running.url, tmp_path / "nothing")

    listing = re.search(
        r'href="(/marketplace/[a-z0-9-]+/[a-z0-9-]*rates[a-z0-9-]*)"', curl("/marketplace?q=exchange+rates")
    )
    assert listing is not None
    plans = [int(plan) for plan in re.findall(r'href="/subscribe/(\d+)"', curl(listing[1] + "/pricing"))]
    wish = {"plan_id": plans[-1]}
    refused = json.loads(stranger("/api/subscriptions", "-X", "POST", *bearer, "-d", json.dumps(wish)))
    wish |= {"accepts_terms": refused["terms_version"]}
    answer = json.loads(stranger("/api/subscriptions", "-X", "POST", *bearer, "-d", json.dumps(wish)))
    assert answer["status"] == "checkout", answer

    card = {"number": "4242424242424242", "expiry": "12 / 34", "cvc": "123", "email": email, "name": "Cleo Marsh"}
    fields = [part for name, value in card.items() for part in ("--data-urlencode", f"{name}={value}")]
    stranger(answer["checkout_url"], *fields)
    purchase = answer["purchase_url"].removeprefix(running.url)
    until(lambda: "Show my API key" in curl(purchase))
    csrf = re.search(r'name="csrf_token" value="([^"]+)"', curl(purchase))
    assert csrf is not None
    page = curl(f"{purchase}/key", "--data-urlencode", f"csrf_token={html.unescape(csrf[1])}")
    key = re.search(r"mk_(?:test|live)_[0-9A-Za-z_]{50,}", page)
    address = re.search(r"http[^\s\"&<]+", page[page.index("curl -H") :])
    assert key is not None
    assert address is not None

    call = ("-o", str(tmp_path / "body"), "-w", "%{http_code}", "-H", f"X-API-Key: {key[0]}")
    until(lambda: stranger(address[0], *call) == "200")
    today = time.strftime("%Y-%m-%d", time.gmtime())
    usage = f"/billing/usage?from={today}&to={today}"
    until(lambda: json.loads(stranger(usage, *bearer))["totals"]["calls"] >= 1)


def confirm(curl: Curl, email: str) -> None:
    """Press the link in the mail: organisation tokens wait for it."""
    until(lambda: "/confirm?token=" in curl(f"/mail?to={email}"))
    link = re.search(r'href="[^"]*(/confirm\?token=([0-9a-f]+))"', curl(f"/mail?to={email}"))
    assert link is not None
    assert "Your address is confirmed." in curl.form(link[1], token=link[2])


def until(condition: Callable[[], bool], seconds: float = 25.0) -> None:
    """Wait for what other processes do; the limit only ends a test that has failed."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)
