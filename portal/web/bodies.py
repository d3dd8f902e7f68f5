"""The one door for JSON bodies and query parameters: strict bytes, strict schema, clear faults."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, TypeVar

from flask import request
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, ValidationError

from portal.kit import strict_json
from portal.kit.clock import as_utc
from portal.web.problems import Problem

Body = TypeVar("Body", bound="StrictBody")
Args = TypeVar("Args", bound="QueryArgs")


def _instant(value: Any) -> Any:
    """Read RFC 3339 text; numbers are refused, because nobody can say whether they are seconds."""
    if not isinstance(value, str):
        raise ValueError("an instant is text such as 2026-01-01T00:00:00Z")
    return datetime.fromisoformat(value)


def _utc(instant: datetime) -> datetime:
    try:
        return as_utc(instant)
    except OverflowError:
        raise ValueError("an instant within the years 1 to 9999, UTC") from None


Instant = Annotated[AwareDatetime, BeforeValidator(_instant), AfterValidator(_utc)]


class StrictBody(BaseModel):
    """A request body: no unknown fields, no coercion (`"1"` is not 1, `true` is not 1), stripped text."""

    model_config = ConfigDict(extra="forbid", strict=True, str_strip_whitespace=True, frozen=True)


class QueryArgs(BaseModel):
    """What stands behind the `?` of an address: no unknown names, each once, text read as the field's type."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, frozen=True)


def read_query(model: type[Args]) -> Args:
    """Return the query parameters of this request as `model`. Raises Problem 422 with one entry per faulty one."""
    twice = [name for name, values in request.args.lists() if len(values) > 1]
    if twice:
        raise Problem(422, "invalid-query", "A parameter stands there twice", f"Send `{twice[0]}` once.")
    try:
        return model.model_validate(request.args.to_dict())
    except ValidationError as faults:
        raise _unprocessable("invalid-query", "Some parameters need attention", faults) from None


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
        raise _unprocessable("invalid-body", "Some fields need attention", faults) from None


def _unprocessable(kind: str, title: str, faults: ValidationError) -> Problem:
    errors = [
        {"field": ".".join(str(part) for part in fault["loc"]), "message": fault["msg"]}
        for fault in faults.errors()[:50]
    ]
    return Problem(422, kind, title, f"{errors[0]['field']}: {errors[0]['message']}", errors=errors)
