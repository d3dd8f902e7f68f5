"""Probes and metrics. Only the database makes the portal unready; a lost Redis degrades it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client import REGISTRY as PROCESS_REGISTRY
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from portal.db import db
from portal.kit.tokens import is_one_of
from portal.web.principal import public
from portal.web.problems import Problem

bp = Blueprint("health", __name__)
draining = threading.Event()

REQUESTS = Counter("portal_http_requests_total", "HTTP requests answered", ["method", "endpoint", "status"])
SECONDS = Histogram(
    "portal_http_request_seconds",
    "Seconds to answer",
    ["endpoint"],
    buckets=(0.005, 0.01, 0.03, 0.06, 0.1, 0.3, 1, 3, 10),
)


def watch_for_termination() -> None:
    """Report unready once the process is asked to end, so that a balancer stops sending before we stop answering."""
    if threading.current_thread() is not threading.main_thread():
        return
    previous = signal.getsignal(signal.SIGTERM)

    def drain(number: int, frame: Any) -> None:
        draining.set()
        if callable(previous):
            previous(number, frame)
        elif previous == signal.SIG_DFL:
            raise SystemExit(0)

    signal.signal(signal.SIGTERM, drain)


@bp.get("/health")
@public
def health() -> Response:
    """Say that the process answers; kept for callers of the earlier billing service."""
    return jsonify(status="ok")


@bp.get("/live")
@public
def live() -> Response:
    """Say that the process answers, whatever its dependencies do."""
    return jsonify(status="ok")


@bp.get("/ready")
@public
def ready() -> tuple[Response, int]:
    """Say whether to send traffic: database reachable, schema at head, not draining."""
    checks = {"database": _database(), "redis": _redis(), "draining": draining.is_set()}
    schema = checks["database"]
    usable = schema == "ok" and not draining.is_set()
    warnings = _warnings() if usable else []
    fine = checks["redis"] == "ok" and not warnings
    status = ("ok" if fine else "degraded") if usable else "unavailable"
    return jsonify(status=status, checks=checks, warnings=warnings), 200 if usable else 503


@bp.get("/metrics")
@public
def metrics() -> Response:
    """Return Prometheus text to callers that hold the metrics token; off (404) while none is configured."""
    token = current_app.config["SETTINGS"].metrics_token
    if not token:
        raise Problem(404, "not-found", "Metrics are off", "Set METRICS_TOKEN to switch them on.")
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not is_one_of(given, token):
        raise Problem(
            401, "unauthorized", "Send the metrics token", headers={"WWW-Authenticate": 'Bearer realm="metrics"'}
        )
    return Response(generate_latest(_registry()) + _gauges(), content_type=CONTENT_TYPE_LATEST)


def _registry() -> CollectorRegistry:
    if not current_app.config.get("METRICS_DIRECTORY"):
        return PROCESS_REGISTRY
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


def contribute(app: Flask, warnings: Callable[[], list[str]], collector: Any) -> None:
    """Let a feature add what it wants looked at: sentences for `/ready` (it stays usable), gauges for `/metrics`."""
    app.extensions.setdefault("warnings", []).append(warnings)
    registry = app.extensions.setdefault("gauges", CollectorRegistry())
    registry.register(collector)


def _warnings() -> list[str]:
    return [sentence for read in current_app.extensions.get("warnings", []) for sentence in read()]


def _gauges() -> bytes:
    found = current_app.extensions.get("gauges")
    try:
        return generate_latest(found) if found else b""
    except DBAPIError as failure:
        current_app.logger.warning("gauges could not be read: %s", type(failure).__name__)
        return b""


def _database() -> str:
    try:
        with db.engine.connect() as connection:
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    except Exception as failure:
        current_app.logger.warning("database probe failed: %s", type(failure).__name__)
        return "unreachable"
    return "ok" if found == current_app.config["SCHEMA_HEAD"] else "schema is not at head: run the migrations"


def _redis() -> str:
    probe: Callable[[], bool] = current_app.config["REDIS_PROBE"]
    return "ok" if probe() else "unreachable"
