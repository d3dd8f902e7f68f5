"""`/api/v1/entitlements`: what may this user do, and what people give and take by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from flask import Blueprint, Flask, jsonify, request
from flask.typing import ResponseReturnValue
from pydantic import Field

from portal.db import transaction
from portal.entitlements import granting
from portal.entitlements.answering import Memory, answer, answer_at, lasting
from portal.entitlements.errors import EmptyWindow
from portal.entitlements.remembering import REMEMBERED
from portal.kit.clock import isoformat_z
from portal.projects.belonging import Code, ProjectId, UserId, act_for, find_user_account, own_project
from portal.projects.queries import find_feature
from portal.projects.service import ensure_project_account
from portal.projects.types import FeatureView
from portal.web.bodies import Instant, QueryArgs, StrictBody, read_body, read_query
from portal.web.describing import described
from portal.web.doors import Doors
from portal.web.idempotency import idempotent
from portal.web.plugs import plugs
from portal.web.principal import AppPrincipal, app_required
from portal.web.problems import Problem

bp = Blueprint("entitlements_api", __name__)
PATH = "/api/v1/entitlements"


Words = Annotated[str, Field(min_length=1, max_length=500)]


class Question(QueryArgs):
    """Whose rights, narrowed to one feature, at another instant than now."""

    user_id: UserId
    project_id: ProjectId
    feature_code: Code | None = None
    as_of: Instant | None = None


class GrantBody(StrictBody):
    """A right given by hand. `valid_to` is exclusive; without it the right lasts until it is revoked."""

    user_id: UserId
    project_id: ProjectId
    feature_code: Code
    granted_by: Annotated[str, Field(min_length=1, max_length=200)]
    reason: Words
    valid_from: Instant | None = None
    valid_to: Instant | None = None
    quantity: Annotated[int, Field(ge=0, lt=2**53)] | None = None


class RevokeBody(StrictBody):
    """A right given by hand, taken back. `granted_by` is accepted as another name of `revoked_by`."""

    user_id: UserId
    project_id: ProjectId
    feature_code: Code
    revoked_by: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    granted_by: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    reason: Words


def register(app: Flask) -> None:
    """Serve the addresses, and remember answers for this process's Redis."""
    app.register_blueprint(bp)
    doors: Doors = app.extensions["doors"]
    doors.open_reading(PATH, REMEMBERED)


@bp.get(PATH)
@app_required("entitlements:read")
@described(
    "Entitlements",
    query=Question,
    request={"user_id": "user_42", "project_id": 2},
    answer={
        "entitlements": [
            {
                "feature_code": "pro",
                "active": True,
                "source": "subscription",
                "source_id": 12,
                "valid_from": "2026-11-09T06:00:00Z",
                "valid_to": "2026-12-09T07:00:00Z",
                "quantity": None,
            }
        ],
        "features": [
            {
                "feature_code": "pro",
                "active": True,
                "quantity": None,
                "sources": ["subscription"],
                "until": "2026-12-09T07:00:00Z",
            }
        ],
        "version": 3,
        "as_of": "2026-11-29T12:00:00Z",
        "steady_until": "2026-12-09T07:00:00Z",
    },
)
def entitlements() -> ResponseReturnValue:
    """Return what a user may do: each live right with its source, and their union per feature.

    Somebody we have never heard of has no rights, which is an answer and not an error.
    """
    asked = read_query(Question)
    app = own_project(asked.project_id)
    if asked.as_of is not None:
        return jsonify(answer_at(app.project_id, asked.user_id, asked.as_of, feature_code=asked.feature_code))
    ports = plugs()
    memory = Memory(ports.redis)
    found = answer(app.project_id, asked.user_id, now=ports.clock.now(), memory=memory, feature_code=asked.feature_code)
    response = jsonify(found)
    about, allows = (app.project_id, asked.user_id), bool(found["features"])
    lasts = lasting(found, ports.clock.now())
    REMEMBERED.keep(request.environ, about, response.get_data(), allows=allows, lasts=lasts)
    return response


@bp.post("/api/v1/admin/grant")
@app_required("grants")
@idempotent
@described(
    "Entitlements",
    body=GrantBody,
    request={
        "user_id": "user_42",
        "project_id": 2,
        "feature_code": "labs",
        "granted_by": "support@example.com",
        "reason": "VIP pilot",
        "valid_to": "2027-01-01T00:00:00Z",
    },
    status=201,
    answer={
        "entitlement_id": 31,
        "user_id": "user_42",
        "feature_code": "labs",
        "active": True,
        "source": "manual",
        "valid_from": "2026-11-29T12:00:00Z",
        "valid_to": "2027-01-01T00:00:00Z",
        "granted_by": "support@example.com",
        "replaced": False,
    },
    refusals={
        404: "The project has no feature of this code.",
        409: "The first request with this key is still running.",
    },
    is_idempotent=True,
)
def grant() -> ResponseReturnValue:
    """Give a user a right by hand, with who and why."""
    body, ports = read_body(GrantBody), plugs()
    app = own_project(body.project_id)
    feature, now = _feature(app, body.feature_code), ports.clock.now()
    start = body.valid_from or now
    if start < now and body.valid_from is not None:
        raise _field("valid_from", "Rights begin now or later; what was answered before stays as it was.")
    account_id = _account(app, body.user_id)
    try:
        with transaction():
            done = granting.grant(
                account_id,
                feature.id,
                granted_by=body.granted_by,
                reason=body.reason,
                valid_from=start,
                valid_to=body.valid_to,
                quantity=None if body.quantity is None else Decimal(body.quantity),
                actor=app.actor,
                organisation_id=app.organisation_id,
                now=now,
                queue=ports.queue,
            )
    except EmptyWindow as problem:
        raise _field("valid_to", str(problem)) from None
    Memory(ports.redis).raise_version(app.project_id, body.user_id, account_id, done.version)
    return jsonify(
        entitlement_id=done.grant.id,
        user_id=body.user_id,
        feature_code=feature.code,
        active=done.grant.holds(now),
        source="manual",
        valid_from=isoformat_z(done.grant.valid_from),
        valid_to=isoformat_z(done.grant.valid_to) if done.grant.valid_to else None,
        granted_by=body.granted_by,
        replaced=done.replaced,
    ), 201


@bp.post("/api/v1/admin/revoke")
@app_required("grants")
@idempotent
@described(
    "Entitlements",
    body=RevokeBody,
    request={
        "user_id": "user_42",
        "project_id": 2,
        "feature_code": "labs",
        "revoked_by": "support@example.com",
        "reason": "Pilot over",
    },
    answer={"user_id": "user_42", "feature_code": "labs", "revoked": 1, "still_active": False, "entitlements": []},
    refusals={404: "The project has no feature of this code."},
    is_idempotent=True,
)
def revoke() -> ResponseReturnValue:
    """Take back what was given by hand. What a subscription or purchase supports stays, and the answer says so."""
    body, ports = read_body(RevokeBody), plugs()
    app = own_project(body.project_id)
    feature, now = _feature(app, body.feature_code), ports.clock.now()
    by = body.revoked_by or body.granted_by
    if by is None:
        raise _field("revoked_by", "Say who takes it back.")
    account_id = find_user_account(app, body.user_id)
    revoked = 0
    if account_id is not None:
        act_for(app, account_id)
        with transaction():
            ended = granting.revoke(
                account_id,
                feature.id,
                revoked_by=by,
                reason=body.reason,
                actor=app.actor,
                organisation_id=app.organisation_id,
                now=now,
                queue=ports.queue,
            )
        revoked = len(ended.grants)
        if revoked:
            Memory(ports.redis).raise_version(app.project_id, body.user_id, account_id, ended.version)
    left = answer(app.project_id, body.user_id, now=now, memory=None, feature_code=feature.code)
    return jsonify(
        user_id=body.user_id, feature_code=feature.code, revoked=revoked, still_active=bool(left["features"]),
        entitlements=left["entitlements"],
    )  # fmt: skip


def _account(app: AppPrincipal, user_id: str) -> int:
    with transaction():
        account_id = ensure_project_account(app.project_id, user_id)
    act_for(app, account_id)
    return account_id


def _feature(app: AppPrincipal, code: str) -> FeatureView:
    found = find_feature(app.project_id, code)
    if found is None:
        raise Problem(
            404,
            "unknown-feature",
            "No such feature",
            f"Project {app.project_id} has no feature `{code}`; add it first.",
        )
    return found


def _field(name: str, message: str) -> Problem:
    return Problem(
        422, "invalid-body", "Some fields need attention", message, errors=[{"field": name, "message": message}]
    )
