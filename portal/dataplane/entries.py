"""Log entries in the shape of Kong's http-log plugin, with our own facts under `portal`."""

from __future__ import annotations

import time
from urllib.parse import parse_qsl

import orjson
from aiohttp.web import BaseRequest

from portal.dataplane.call import Call
from portal.dataplane.keys import redacted

_KEPT = ("host", "user-agent", "content-type", "content-length", "accept", "origin", "referer")
_WORKSPACE = "00000000-0000-0000-0000-000000000000"


def log_entry(call: Call, request: BaseRequest) -> bytes:
    """Return one line of JSON. Nothing in it can be used as a credential."""
    finished = time.perf_counter()
    query = redacted(call.query) if call.query else ""
    path = redacted(call.path)
    uri = f"{path}?{query}" if query else path
    host = request.headers.get("Host", "")
    credential, route = call.credential, call.route
    entry = {
        "request": {
            "id": call.request_id,
            "method": request.method,
            "uri": uri,
            "url": f"{request.scheme}://{host}{uri}",
            "size": call.bytes_in + _size_of_head(request),
            "querystring": dict(parse_qsl(query, keep_blank_values=True, max_num_fields=100)) if query else {},
            "headers": {name: redacted(request.headers[name])[:500] for name in _KEPT if name in request.headers},
        },
        "response": {"status": call.status, "size": call.bytes_out, "headers": call.response_headers},
        "latencies": _latencies(call, finished),
        "tries": [],
        "client_ip": call.client_ip,
        "started_at": int(call.instant.timestamp() * 1000),
        "upstream_uri": redacted(call.upstream_uri),
        "upstream_status": "" if call.upstream_status is None else str(call.upstream_status),
        "source": call.source,
        "workspace": _WORKSPACE,
        "workspace_name": "default",
        "portal": {
            "subscription_id": credential.subscription_id if credential else None,
            "account_id": credential.account_id if credential else None,
            "api_id": route.api_id if route else None,
            "api_key_id": credential.key_id if credential else None,
            "decision": call.decision,
            "billable": call.is_billable,
        },
    }
    if route:
        entry["service"], entry["route"] = route.service, route.log_route
    if credential:
        entry["consumer"] = credential.consumer
        entry["authenticated_entity"] = {"id": credential.credential_id}
    try:
        return orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError:  # a stranger's bytes made text that is no UTF-8: those bytes become `?`
        return orjson.dumps(_cleaned(entry), option=orjson.OPT_APPEND_NEWLINE)


def _latencies(call: Call, finished: float) -> dict[str, int]:
    total = round((finished - call.started) * 1000)
    if call.upstream_started is None:
        return {"request": total, "kong": total, "proxy": -1, "receive": 0}
    answered = call.upstream_answered or finished
    proxy = round((answered - call.upstream_started) * 1000)
    receive = round((finished - answered) * 1000)
    return {"request": total, "kong": max(0, total - proxy - receive), "proxy": proxy, "receive": receive}


def _size_of_head(request: BaseRequest) -> int:
    return len(request.method) + len(request.raw_path) + 12 + sum(len(n) + len(v) + 4 for n, v in request.raw_headers)


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_cleaned(name): _cleaned(item) for name, item in value.items()}
    return value
