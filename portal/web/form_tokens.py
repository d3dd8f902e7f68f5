"""Every form proves that it came from one of our pages: a token, and where the browser says the request started."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, make_response, render_template, request
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError, CSRFProtect, generate_csrf
from werkzeug.exceptions import Forbidden

from portal.web.negotiation import wants_fragment, wants_json
from portal.web.plugs import plugs
from portal.web.principal import find_principal
from portal.web.problems import Problem, problem_response

UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# Never sent back to a page, whatever form they were typed into.
_SECRET_FIELDS = ("password", "csrf_token", "secret", "token", "card")


def register(app: Flask, csrf: CSRFProtect) -> None:
    """Check unsafe requests once the caller is known; call after the features have registered."""

    @app.before_request
    def _check() -> None:
        if request.method not in UNSAFE:
            return
        principal = find_principal()
        if principal is not None and principal.kind == "organisation_token":
            return  # a bearer token is sent on purpose; no other site can make a browser add it
        if principal is not None and not came_from_us():
            raise Forbidden(_("This request started on another site, so it was not carried out."))
        csrf.protect(apply_exemptions=True)

    app.register_error_handler(CSRFError, _answer)


def came_from_us() -> bool:
    """True unless the browser says that another site started this request. Old browsers and scripts say nothing."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    ours = (request.host, urlsplit(plugs().settings.public_url).netloc)
    return origin is None or urlsplit(origin).netloc in ours


def _answer(_error: CSRFError) -> Response:
    if wants_json():
        return problem_response(
            Problem(400, "form-token", "The form token is missing or old", "Send the token as `X-CSRFToken`.")
        )
    values = _typed() if came_from_us() else None
    page = "errors/_form_token.html" if wants_fragment() else "errors/form_token.html"
    action = request.full_path.rstrip("?")
    response = make_response(render_template(page, values=values, action=action, page=_page_of(action)), 400)
    # Lets the page's own script put the fresh token where the next request will find it.
    response.headers["HX-Trigger"] = json.dumps({"csrf-refresh": {"token": generate_csrf()}})
    response.vary.add("HX-Request")
    return response


def _page_of(action: str) -> str:
    """Where the form can be opened afresh; some addresses only take forms and have no page of their own."""
    methods = request.url_rule.methods if request.url_rule is not None else None
    return action if "GET" in (methods or ()) else "/"


def _typed() -> list[tuple[str, str]]:
    fields: Any = request.form.items(multi=True)
    return [(name, value) for name, value in fields if not any(word in name.lower() for word in _SECRET_FIELDS)]
