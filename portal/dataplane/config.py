"""What the process is told: flags first, then the environment."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from portal.kit.tokens import Pepper

MIB = 1024 * 1024


class ConfigError(ValueError):
    """Something needed is missing or makes no sense; the message says what to set."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one gateway process. Times are seconds, sizes bytes.

    `lease` bounds how long an answer of the database is believed without proof that nothing changed since.
    `outage` bounds how long known keys are served while the database is away.
    """

    host: str
    port: int
    database_url: str
    redis_url: str
    log_url: str
    log_token: str
    portal_url: str
    pepper: Pepper
    state: Path
    allow_private_upstreams: bool = False
    max_body: int = 10 * MIB
    max_response: int = 512 * MIB
    max_in_flight: int = 2000
    connect_timeout: float = 5.0
    read_timeout: float = 60.0
    client_timeout: float = 15.0
    drain_timeout: float = 20.0
    lease: float = 0.9
    outage: float = 300.0
    spool_limit: int = 512 * MIB


def read_config(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Config:
    """Return the configuration. Raises ConfigError; prints usage and exits for unknown flags."""
    given = _parser(environment).parse_args(arguments)
    peppers = [part.strip() for part in environment.get("KEY_PEPPER", "").split(",") if part.strip()]
    if not peppers or any(len(pepper) < 16 for pepper in peppers):
        raise ConfigError("set KEY_PEPPER to the portal's KEY_PEPPER (at least 16 characters)")
    if not given.database_url:
        raise ConfigError("set DATABASE_URL or --database-url")
    portal_url = given.portal_url.rstrip("/")
    log_url = given.log_url or (f"{portal_url}/api/gateway/logs" if portal_url else "")
    if log_url and not given.log_token:
        raise ConfigError("set GATEWAY_LOG_TOKEN: the portal takes no log entries without it")
    return Config(
        host=given.host,
        port=given.port,
        database_url=plain_postgres_url(given.database_url),
        redis_url=given.redis_url,
        log_url=log_url,
        log_token=given.log_token,
        portal_url=portal_url or _origin(log_url),
        pepper=Pepper.of(peppers),
        state=Path(given.state),
        allow_private_upstreams=given.allow_private_upstreams,
        max_body=given.max_body,
        read_timeout=given.read_timeout,
    )


def plain_postgres_url(url: str) -> str:
    """Return an address that libpq understands, whatever driver a SQLAlchemy address names."""
    scheme, separator, rest = url.partition("://")
    return f"postgresql://{rest}" if separator and scheme.startswith("postgres") else url


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    def default(name: str, otherwise: str = "") -> str:
        return environment.get(name) or otherwise

    parser = argparse.ArgumentParser(
        prog="python -m portal.dataplane",
        description="The gateway in front of published APIs. KEY_PEPPER comes from the environment only.",
    )
    add = parser.add_argument
    add("--host", default=default("GATEWAY_HOST", "127.0.0.1"))
    add("--port", type=int, default=int(default("GATEWAY_PORT", "8080")))
    add("--database-url", default=default("DATABASE_URL"))
    add("--redis-url", default=default("REDIS_URL"), help="a faster hint about changes; everything works without it")
    add("--portal-url", default=default("PUBLIC_URL"), help="where refusals send people for help")
    add("--log-url", default=default("GATEWAY_LOG_URL"), help="default: <portal-url>/api/gateway/logs")
    add("--log-token", default=default("GATEWAY_LOG_TOKEN"), help="prefer the environment: flags show in process lists")
    add("--state", default=default("GATEWAY_STATE", str(Path(default("PORTAL_STATE", ".state")) / "gateway")))
    add("--max-body", type=int, default=int(default("GATEWAY_MAX_BODY", str(10 * MIB))))
    add("--read-timeout", type=float, default=float(default("GATEWAY_READ_TIMEOUT", "60")))
    add(
        "--allow-private-upstreams",
        action="store_true",
        default=default("GATEWAY_ALLOW_PRIVATE_UPSTREAMS").lower() in ("1", "true", "yes", "on"),
        help="reach upstreams on this machine and in private networks; for development",
    )
    return parser
