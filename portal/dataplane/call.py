"""One call on its way through, and what the log will say about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from portal.dataplane.refusals import Refusal
from portal.dataplane.types import Credential, Decision, Route


@dataclass(slots=True)
class Call:
    """Facts gathered while a call is handled. `started` and the marks are seconds of a monotonic clock."""

    request_id: str
    instant: datetime
    started: float
    client_ip: str
    path: str = "/"
    query: str = ""
    route: Route | None = None
    credential: Credential | None = None
    decision: Decision = Decision.ADMITTED
    status: int = 0
    source: str = "kong"
    upstream_uri: str = ""
    upstream_status: int | None = None
    upstream_started: float | None = None
    upstream_answered: float | None = None
    is_booked: bool = False
    body_refusal: Refusal | None = None
    bytes_in: int = 0
    bytes_out: int = 0
    response_headers: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def is_billable(self) -> bool:
        """A call counts when the provider's server answered it and did not fail: what we answer ourselves is free."""
        return self.source == "upstream" and self.status < 500
