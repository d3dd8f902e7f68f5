"""Where logos are fetched."""

from __future__ import annotations

import re

from flask import Blueprint, Flask, abort, make_response, request
from werkzeug.wrappers import Response

from portal.logos import queries
from portal.logos.addresses import logo_address
from portal.logos.types import LARGE, SMALL
from portal.web.principal import public

_DIGEST = re.compile(r"[0-9a-f]{32}\Z")

bp = Blueprint("logos", __name__)


def register(app: Flask) -> None:
    """Serve logos, and give templates `logo_address(digest, size)`: None for what has none."""
    app.register_blueprint(bp)
    app.jinja_env.globals["logo_address"] = logo_address


@bp.get("/logos/<digest>/<int:size>.webp")
@public
def picture(digest: str, size: int) -> Response:
    """Answer with a logo that the reader may see: of whoever came to the market, and one's own."""
    if not _DIGEST.match(digest) or size not in (LARGE, SMALL):
        abort(404)
    found = queries.find_picture(digest, size)
    if found is None:
        abort(404)
    response = make_response(found)
    response.mimetype = "image/webp"
    response.set_etag(f"{digest}-{size}")
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response.make_conditional(request)
