"""The one door for JSON bodies: strict bytes, strict schema, clear faults."""

from __future__ import annotations

from typing import Any, TypeVar

from flask import request
from pydantic import BaseModel, ConfigDict, ValidationError

from portal.kit import strict_json
from portal.web.problems import Problem

Body = TypeVar("Body", bound="StrictBody")


class StrictBody(BaseModel):
    """A request body: no unknown fields, no coercion (`"1"` is not 1, `true` is not 1), stripped text."""

    model_config = ConfigDict(extra="forbid", strict=True, str_strip_whitespace=True, frozen=True)


def read_json(max_bytes: int = 1_048_576) -> Any:
    """Return the parsed body of this request. Raises Problem 400, 413 or 415."""
    if request.mimetype != "application/json":
        raise Problem(415, "unsupported-media-type", "Send JSON", "Set `Content-Type: application/json`.")
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise Problem(415, "unsupported-encoding", "Send the body uncompressed", "Remove `Content-Encoding`.")
    if (request.content_length or 0) > max_bytes:
        raise Problem(413, "body-too-large", "The body is too large", f"The limit is {max_bytes} bytes.")
    raw = request.get_data(cache=False)
    try:
        return strict_json.loads(raw, max_bytes=max_bytes)
    except strict_json.StrictJSONError as fault:
        raise Problem(400, "malformed-json", "The body is not acceptable JSON", str(fault)) from None


def read_body(model: type[Body], max_bytes: int = 1_048_576) -> Body:
    """Return the body as `model`. Raises Problem 422 with one entry per faulty field."""
    value = read_json(max_bytes)
    if not isinstance(value, dict):
        raise Problem(422, "invalid-body", "The body must be a JSON object")
    try:
        return model.model_validate(value)
    except ValidationError as faults:
        errors = [
            {"field": ".".join(str(part) for part in fault["loc"]), "message": fault["msg"]}
            for fault in faults.errors()[:50]
        ]
        raise Problem(422, "invalid-body", "Some fields need attention", errors[0]["message"], errors=errors) from None
