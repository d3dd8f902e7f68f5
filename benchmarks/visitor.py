"""Somebody who looks at pages: cookies, one kept-alive connection, and links to follow."""

from __future__ import annotations

import http.client
import re
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from urllib.parse import urlencode, urlsplit

import brotli

_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it was sent; `body` may be compressed."""

    status: int
    body: bytes
    kind: str
    is_compressed: bool

    def text(self) -> str:
        """Return the body as a browser reads it."""
        return (brotli.decompress(self.body) if self.is_compressed else self.body).decode()

    def links(self) -> list[str]:
        """Return where the page leads, in order."""
        reader = _Links()
        reader.feed(self.text())
        return reader.found


@dataclass
class Visitor:
    """A browser without scripts and pictures, at one address."""

    address: str
    cookies: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._link = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=60)

    def open(self, path: str) -> Answer:
        """Ask for a page; redirects are not followed."""
        return self._ask("GET", path, None, {"Accept-Encoding": "br", "Accept": "text/html"})

    def sign_in(self, email: str, password: str) -> None:
        """Sign in as the page does. Raises RuntimeError when it is refused."""
        token = _TOKEN.search(self.open("/login").text())
        form = {"email": email, "password": password, "csrf_token": unescape(token[1]) if token else ""}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Referer": f"{self.address}/login"}
        answer = self._ask("POST", "/login", urlencode(form), headers)
        if answer.status not in (302, 303):
            raise RuntimeError(f"{email} could not sign in: {answer.status}")

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Answer:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        try:
            self._link.request(method, path, body, {**headers, "Cookie": cookies})
            answer = self._link.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError):  # idle for long, so the server hung up
            self._link.close()
            self._link.request(method, path, body, {**headers, "Cookie": cookies})
            answer = self._link.getresponse()
        for line in answer.headers.get_all("Set-Cookie", []):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        kind = answer.headers.get("Content-Type", "")
        return Answer(answer.status, answer.read(), kind, answer.headers.get("Content-Encoding") == "br")


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]
