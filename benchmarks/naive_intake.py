"""The ordinary way to take in a log, as a peer: `get_json`, pydantic models, one SQLAlchemy insert. For `metering`."""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime
from typing import Any

from flask import Flask, jsonify, request
from pydantic import BaseModel
from sqlalchemy import create_engine, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.db import SYSTEM, _scope
from portal.metering.models import RequestKey, RequestLog
from portal.metering.rules import is_billable


class Request(BaseModel):
    id: str
    method: str
    uri: str
    size: int = 0


class Answer(BaseModel):
    status: int
    size: int = 0


class Latencies(BaseModel):
    request: int
    proxy: int | None = None


class Entry(BaseModel):
    request: Request
    response: Answer
    latencies: Latencies
    started_at: int
    source: str = "upstream"
    client_ip: str | None = None
    portal: dict[str, Any]


app = Flask(__name__)
engine = create_engine(os.environ.get("DATABASE_URL", "postgresql+psycopg://"))


@app.get("/live")
def live() -> str:
    return "ok"


@app.post("/api/gateway/logs")
def take_in() -> Any:
    _scope.set(SYSTEM)  # what `enter_scope` does, without its session
    entries = [Entry.model_validate(entry) for entry in request.get_json()]
    with Session(engine, info={"unit_of_work": []}) as session:  # else nothing may be written (docs/adr/0039)
        keys = [_key(entry) for entry in entries]
        fresh = session.execute(insert(RequestKey).on_conflict_do_nothing().returning(RequestKey.request_id), keys)
        new = set(fresh.scalars())
        rows = [_row(entry) for entry in entries if uuid.UUID(entry.request.id) in new]
        session.execute(insert(RequestLog), rows)
        hours = {(row["started_at"].replace(minute=0, second=0, microsecond=0), row["subscription_id"]) for row in rows}
        session.execute(
            text(
                "INSERT INTO usage_dirty_hours (hour, subscription_id, account_id) VALUES (:hour, :subscription, 1)"
                " ON CONFLICT (hour, subscription_id) DO UPDATE SET generation = usage_dirty_hours.generation + 1"
            ),
            [{"hour": hour, "subscription": subscription} for hour, subscription in sorted(hours)],
        )
        session.commit()
    return jsonify(accepted=len(rows))


def _key(entry: Entry) -> dict[str, Any]:
    return {"request_id": uuid.UUID(entry.request.id), "checksum": 0, "started_at": _started(entry)}


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "request_id": uuid.UUID(entry.request.id),
        "started_at": _started(entry),
        "account_id": entry.portal["account_id"],
        "subscription_id": entry.portal["subscription_id"],
        "api_id": entry.portal["api_id"],
        "api_key_id": entry.portal["api_key_id"],
        "method": entry.request.method,
        "path": entry.request.uri.partition("?")[0],
        "status": entry.response.status,
        "source": entry.source,
        "latency_ms": entry.latencies.request,
        "upstream_ms": entry.latencies.proxy,
        "bytes_in": entry.request.size,
        "bytes_out": entry.response.size,
        "billable": is_billable(upstream_answered=True, status=entry.response.status, gateway_says=None),
        "decision": entry.portal["decision"],
        "client_ip": entry.client_ip,
    }


def _started(entry: Entry) -> datetime:
    return datetime.fromtimestamp(entry.started_at / 1000, UTC)
