"""Log entries as gateways post them."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Any

_numbers = itertools.count(1)


def entry(at: datetime, *, request_id: str = "", status: int = 200, **changes: Any) -> dict[str, Any]:
    """One entry of Kong's http-log as 3.9 writes it; dotted changes go deep: `entry(now, **{"request.uri": "/x"})`."""
    made: dict[str, Any] = {
        "request": {
            "id": request_id or f"{next(_numbers):032x}",
            "method": "GET",
            "uri": "/acme/rates/latest",
            "url": "http://127.0.0.1:8000/acme/rates/latest",
            "size": 120,
            "querystring": {},
            "headers": {"host": "127.0.0.1:8000", "accept": "*/*"},
        },
        "response": {"status": status, "size": 500, "headers": {"content-type": "application/json"}},
        "latencies": {"request": 42, "kong": 2, "proxy": 40, "receive": 0},
        "started_at": int(at.timestamp() * 1000),
        "client_ip": "198.51.100.7",
        "upstream_uri": "/latest",
        "upstream_status": str(status),
        "source": "upstream",
        "tries": [{"ip": "192.0.2.1", "port": 443, "balancer_start_ns": 1.79e18}],
        "service": {"id": "6faee375-21a5-4c07-a5c7-e862c11cb1cc", "name": "acme-rates", "tags": ["portal"]},
        "workspace_name": "default",
    }
    for name, value in changes.items():
        _set(made, name.split("."), value)
    return made


def of(subscription_id: int, at: datetime, **changes: Any) -> dict[str, Any]:
    """An entry of a call with a key of this subscription, as Kong attributes it."""
    consumer = {"id": "9d860c79-1df8-4157-99da-96d893e91c50", "custom_id": str(subscription_id), "username": "sub"}
    return entry(at, **{"consumer": consumer, **changes})


def refused(at: datetime, status: int = 401, **changes: Any) -> dict[str, Any]:
    """An entry of a call that Kong answered itself."""
    own: dict[str, Any] = {"source": "kong", "upstream_status": "", "latencies.proxy": -1}
    return entry(at, status=status, **{**own, **changes})


def _set(target: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value
