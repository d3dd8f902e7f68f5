"""What the caller wants back: a page, a fragment of it, or JSON."""

from __future__ import annotations

from typing import Any

from flask import Response, make_response, render_template, request

JSON_PREFIXES = ("/api/", "/billing/")


def wants_json() -> bool:
    """True on the JSON surface, and where a client prefers JSON over HTML."""
    if request.path.startswith(JSON_PREFIXES):
        return True
    accept = request.accept_mimetypes
    return accept["application/json"] > accept["text/html"]


def wants_fragment() -> bool:
    """True when htmx swaps a part of the page; a boosted visit and a history restore want the whole page."""
    headers = request.headers
    return (
        headers.get("HX-Request") == "true"
        and headers.get("HX-Boosted") != "true"
        and headers.get("HX-History-Restore-Request") != "true"
    )


def page_or_fragment(page: str, fragment: str, *, status: int = 200, **context: Any) -> Response:
    """Render the page, or only its fragment for htmx. Both come from the same template files, so they cannot differ."""
    response = make_response(render_template(fragment if wants_fragment() else page, **context), status)
    response.vary.add("HX-Request")
    return response
