"""A small Kong: the part of its Admin API that we use, with the habits that bite, and a proxy that decides as it does.

Habits kept (docs/gateway.md): unknown fields are refused, names are unique, a service with routes cannot be deleted,
deleting what is missing is 204 at the top and 404 below a consumer, `?username=` is ignored, a route takes a moment
to go live, an answer can get lost after the change was made.
"""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
Row = dict[str, Any]

FIELDS = {
    "services": {"name", "protocol", "host", "port", "path", "tags", "retries", "connect_timeout"},
    "routes": {
        "name", "paths", "protocols", "strip_path", "preserve_host", "request_buffering", "response_buffering",
        "service", "tags", "methods", "hosts",
    },
    "consumers": {"username", "custom_id", "tags"},
    "plugins": {"name", "service", "consumer", "route", "config", "tags", "enabled"},
    "key-auth": {"key", "tags", "ttl"},
    "acls": {"group", "tags"},
}  # fmt: skip
CONFIG = {
    "key-auth": {"key_names", "hide_credentials", "key_in_query", "key_in_header", "key_in_body", "run_on_preflight"},
    "acl": {"allow", "deny", "hide_groups_header"},
    "request-size-limiting": {"allowed_payload_size", "size_unit"},
    "cors": {"origins", "credentials", "max_age", "methods", "headers", "exposed_headers", "preflight_continue"},
    "rate-limiting": {"second", "minute", "hour", "policy", "limit_by", "hide_client_headers", "fault_tolerant"},
    "http-log": {"http_endpoint", "headers", "queue", "method", "timeout", "keepalive", "content_type"},
}
QUEUE = {"max_batch_size", "max_coalescing_delay", "max_entries", "max_bytes", "max_retry_time", "max_retry_delay"}
UNIQUE = {"services": ("name",), "routes": ("name",), "consumers": ("username", "custom_id"), "key-auth": ("key",)}


class Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Kong:
    """State and rules. `delay` is how long a new route answers 404."""

    def __init__(self, delay: float = 0.1) -> None:
        self.rows: dict[str, dict[str, Row]] = {name: {} for name in FIELDS}
        self.delay = delay
        self.faults: list[str] = []
        self.calls: list[str] = []
        self.counts: dict[tuple[str, int], int] = {}
        self.lock = threading.RLock()

    def put(self, kind: str, key: str, body: Row, consumer: str | None = None) -> Row:
        if not UUID.match(key):
            raise Refused(400, "this stand-in wants uuids")
        if unknown := set(body) - FIELDS[kind]:
            raise Refused(400, f"schema violation ({unknown.pop()}: unknown field)")
        if kind == "plugins":
            self._check_plugin(body)
        if kind == "routes" and body["service"]["id"] not in self.rows["services"]:
            raise Refused(400, "the foreign key does not reference an existing service")
        for field in UNIQUE.get(kind, ()):
            for other, row in self.rows[kind].items():
                if other != key and body.get(field) is not None and row.get(field) == body[field]:
                    raise Refused(409, f"UNIQUE violation detected on '{field}'")
        owner = {"consumer": {"id": consumer}} if consumer else {}
        live_at = self.rows[kind].get(key, {}).get("live_at", time.monotonic() + self.delay)
        self.rows[kind][key] = {**body, **owner, "id": key, "live_at": live_at}
        return self.rows[kind][key]

    def delete(self, kind: str, key: str) -> None:
        if kind == "services" and any(row["service"]["id"] == key for row in self.rows["routes"].values()):
            raise Refused(400, "an existing 'routes' entity references this 'services' entity")
        self.rows[kind].pop(key, None)
        owner = {"services": "service", "consumers": "consumer", "routes": "route"}.get(kind)
        for other in ("plugins", "key-auth", "acls") if owner else ():
            for each, row in list(self.rows[other].items()):
                if row.get(owner, {}).get("id") == key:
                    del self.rows[other][each]

    def decide(self, path: str, key: str | None) -> int:
        """Return the status the proxy would answer a call with."""
        route = next(
            (
                row
                for row in self.rows["routes"].values()
                if any(path == p or path.startswith(p + "/") for p in row["paths"])
                and row["live_at"] < time.monotonic()
            ),
            None,
        )
        if route is None:
            return 404
        plugins = {
            row["name"]: row["config"]
            for row in self.rows["plugins"].values()
            if row.get("service", {}).get("id") == route["service"]["id"]
        }
        assert "http-log" in {row["name"] for row in self.rows["plugins"].values()}
        if "key-auth" not in plugins:
            return 200
        found = next((row for row in self.rows["key-auth"].values() if row["key"] == key), None)
        if found is None:
            return 401
        consumer = found["consumer"]["id"]
        groups = {row["group"] for row in self.rows["acls"].values() if row["consumer"]["id"] == consumer}
        if "acl" in plugins and not groups & set(plugins["acl"]["allow"]):
            return 403
        return 429 if self._is_over(consumer) else 200

    def _is_over(self, consumer: str) -> bool:
        limits = [
            row["config"]["minute"]
            for row in self.rows["plugins"].values()
            if row["name"] == "rate-limiting" and row.get("consumer", {}).get("id") == consumer
        ]
        window = (consumer, int(time.time() // 60))
        self.counts[window] = self.counts.get(window, 0) + 1
        return bool(limits) and self.counts[window] > limits[0]

    @staticmethod
    def _check_plugin(body: Row) -> None:
        name, config = body["name"], body["config"]
        if unknown := set(config) - CONFIG[name]:
            raise Refused(400, f"schema violation (config.{unknown.pop()}: unknown field)")
        if name == "key-auth" and body.get("consumer"):
            raise Refused(400, "schema violation (consumer: value must be null)")
        if name == "acl" and bool(config.get("allow")) == bool(config.get("deny")):
            raise Refused(400, "schema violation (exactly one of these fields must be non-empty: 'allow', 'deny')")
        if name == "http-log" and set(config.get("queue", {})) - QUEUE:
            raise Refused(400, "schema violation (config.queue: unknown field)")
        if name == "rate-limiting" and not config["minute"] > 0:
            raise Refused(400, "schema violation (config.minute: value must be greater than 0)")


def serve(kong: Kong) -> tuple[ThreadingHTTPServer, ThreadingHTTPServer]:
    """Start the Admin API and the proxy on free ports."""

    class Admin(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            with kong.lock:
                kong.calls.append(f"{self.command} {self.path}")
                fault = kong.faults.pop(0) if kong.faults and self.command in ("PUT", "DELETE") else ""
                if fault in ("500", "503"):
                    return self.say(int(fault), {"message": "An unexpected error occurred"})
                try:
                    status, value = self.work(body)
                except Refused as refused:
                    status, value = refused.status, {"message": str(refused)}
            if fault == "drop after":
                self.close_connection = True
                return self.connection.shutdown(socket.SHUT_RDWR)
            return self.say(status, value)

        def __getattr__(self, name: str) -> Any:
            if name in ("do_GET", "do_PUT", "do_DELETE"):
                return self.answer
            raise AttributeError(name)

        def work(self, body: Row) -> tuple[int, Row | None]:
            url = urlsplit(self.path)
            match url.path.strip("/").split("/"):
                case ["consumers"] if self.command == "GET":
                    wanted = parse_qs(url.query).get("custom_id")
                    rows = [r for r in kong.rows["consumers"].values() if not wanted or r["custom_id"] == wanted[0]]
                    return 200, {"data": rows, "next": None}
                case [("key-auths" | "acls") as kind] if self.command == "GET":
                    return 200, self.page("acls" if kind == "acls" else "key-auth", url, None)
                case ["consumers", consumer, ("key-auth" | "acls") as kind] if self.command == "GET":
                    return 200, self.page(kind, url, consumer)
                case ["key-auths", key, "consumer"] if self.command == "GET":
                    found = kong.rows["key-auth"].get(key)
                    return (200, found["consumer"]) if found else (404, {"message": "Not found"})
                case ["consumers", consumer, ("key-auth" | "acls") as kind, key]:
                    if consumer not in kong.rows["consumers"] or (
                        self.command == "DELETE" and key not in kong.rows[kind]
                    ):
                        return 404, {"message": "Not found"}
                    if self.command == "PUT":
                        return 200, kong.put(kind, key, body, consumer)
                    kong.delete(kind, key)
                    return 204, None
                case [("services" | "routes" | "consumers" | "plugins") as kind, key]:
                    if self.command == "PUT":
                        return 200, kong.put(kind, key, body)
                    if self.command == "DELETE":
                        kong.delete(kind, key)
                        return 204, None
            return 404, {"message": "Not found"}

        def page(self, kind: str, url: SplitResult, consumer: str | None) -> Row:
            """Two rows at a time, so that whoever does not follow `next` is found out."""
            query = parse_qs(url.query)
            rows = [
                row
                for row in kong.rows[kind].values()
                if set(query.get("tags", [])) <= set(row.get("tags") or [])
                and consumer in (None, row["consumer"]["id"])
            ]
            first = int(query.get("offset", ["0"])[0])
            rest = f"{url.path}?tags={query['tags'][0]}&offset={first + 2}" if len(rows) > first + 2 else None
            return {"data": rows[first : first + 2], "next": rest}

        def say(self, status: int, value: Row | None) -> None:
            raw = json.dumps(value).encode() if value is not None else b""
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: Any) -> None:
            pass

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with kong.lock:
                status = kong.decide(urlsplit(self.path).path, self.headers.get("X-API-Key"))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    servers = ThreadingHTTPServer(("127.0.0.1", 0), Admin), ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    for server in servers:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return servers
