"""The catalog's JSON: publishing an API from a script."""

from __future__ import annotations

from typing import Annotated, Any

from flask import Blueprint, jsonify, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import Field

from portal.catalog import service
from portal.catalog.errors import CatalogError, UnknownApi
from portal.db import transaction
from portal.kit.clock import isoformat_z
from portal.web.bodies import StrictBody, read_body
from portal.web.describing import described
from portal.web.plugs import plugs
from portal.web.principal import get_principal, right_required
from portal.web.problems import Problem

bp = Blueprint("catalog_api", __name__, url_prefix="/api")


class Publication(StrictBody):
    """How to publish; everything may be left out when it was said before."""

    upstream_url: Annotated[str, Field(max_length=2048)] = ""
    free_calls_per_month: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = None
    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 60


@bp.post("/apis/<int:api_id>/publish")
@right_required("publish")
@described(
    "Subscriptions",
    body=Publication,
    request={"upstream_url": "https://api.example.com"},
    answer={"id": 1, "state": "published"},
    refusals={404: "The organisation has no such API.", 409: "The API is not ready; the answer says what is missing."},
)
def publish(api_id: int) -> ResponseReturnValue:
    """Publish one of the organisation's APIs. Doing it again is harmless."""
    body = read_body(Publication) if request.content_length else Publication()
    principal, ports = get_principal(), plugs()
    if principal.organisation_id is None or api_id >= 2**63:
        raise _not_found()
    try:
        with transaction():
            api = service.publish(
                principal.organisation_id,
                api_id,
                actor=principal.actor,
                now=ports.clock.now(),
                allow_private=ports.settings.gateway_allow_private_upstreams,
                upstream_url=body.upstream_url,
                free_calls=body.free_calls_per_month,
                requests_per_minute=body.requests_per_minute,
            )
    except UnknownApi:
        raise _not_found() from None
    except CatalogError as fault:
        raise Problem(fault.status, fault.kind, "The API was not published", fault.message) from None
    return jsonify(_published(api, principal.organisation_slug or "", ports.settings.gateway_url))


def _published(api: Any, organisation: str, gateway_url: str) -> dict[str, Any]:
    return {
        "id": api.id,
        "organisation": organisation,
        "slug": api.slug,
        "name": api.name,
        "state": api.state,
        "upstream_url": api.upstream_url,
        "published_at": isoformat_z(api.published_at) if api.published_at else None,
        "page": url_for("catalog.show", organisation=organisation, api=api.slug),
        "base_url": f"{gateway_url}/{organisation}/{api.slug}",
    }


def _not_found() -> Problem:
    return Problem(404, "unknown-api", "Not found", "Your organisation has no such API.")
