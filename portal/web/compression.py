"""Answers on the wire as small as a browser can take them (docs/adr/0037-what-is-read-is-compressed.md)."""

from __future__ import annotations

from flask import Flask, Response, request
from flask_compress import Compress

_WAYS = ["br", "gzip"]
_SMALLEST = 860  # bytes; below, it fits the first packet anyway
_TYPES = [
    "text/html", "text/plain", "text/csv", "text/markdown", "application/json", "application/problem+json", "application/yaml",
    "application/atom+xml", "application/xml", "application/manifest+json", "image/svg+xml",
]  # fmt: skip


def register(app: Flask) -> None:
    """Compress what is read: answers to GET and HEAD. Has to be registered before whatever else changes answers.

    A page that shows a secret when it is read says `Cache-Control: no-transform`, and is sent as it is.
    """
    app.config.update(
        COMPRESS_REGISTER=False,
        COMPRESS_ALGORITHM=_WAYS,
        COMPRESS_ALGORITHM_STREAMING=["br"],
        COMPRESS_MIMETYPES=_TYPES,
        COMPRESS_MIN_SIZE=_SMALLEST,
    )
    compress = Compress(app)

    @app.after_request
    def _compress(response: Response) -> Response:
        # An answer to an act may show a secret once, beside words that somebody else chose.
        if request.method not in ("GET", "HEAD") or response.cache_control.no_transform:
            return response
        response.vary.add("Accept-Encoding")
        # Flask-Compress takes "br;q=0", which refuses Brotli, for a wish.
        if not any(request.accept_encodings.quality(name) for name in _WAYS):
            return response
        compressed: Response = compress.after_request(response)
        return compressed
