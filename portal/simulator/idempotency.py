"""Idempotency keys: the first answer is kept and replayed, another request under the same key is refused."""

import hashlib
import json
from dataclasses import dataclass, field

from portal.simulator.errors import StripeError, invalid
from portal.simulator.records import Record
from portal.simulator.store import Store

LONGEST_KEY = 255
KEPT_FOR = 24 * 3600
"""Stripe may forget a key after 24 hours; the simulator does so exactly then."""


@dataclass(frozen=True)
class StoredAnswer:
    """A status and body that were sent before, and the request they were first sent to."""

    status: int
    body: Record
    request_id: str


@dataclass
class IdempotencyKeys:
    """Answers by key; a key belongs to one account (one API key)."""

    store: Store
    _running: set[str] = field(default_factory=set)

    def begin(self, account: str, key: str, method: str, path: str, raw: str, now: float) -> StoredAnswer | None:
        """Claim the key: None to go ahead, a stored answer to replay. Raises 400 or 409 as Stripe does."""
        if len(key) > LONGEST_KEY:
            raise invalid(
                f"Idempotency keys must be at most {LONGEST_KEY} characters.", "Idempotency-Key", stored=False
            )
        name = _name(account, key)
        if name in self._running:
            message = (
                "There is currently another in-progress request using this Idempotent Key (that probably means you "
                "submitted twice, and the other request is still going through)."
            )
            raise StripeError(409, "idempotency_error", message, code="idempotency_key_in_use", stored=False)
        row = self.store.connection.execute(
            "SELECT * FROM answers WHERE key = ? AND created > ?", (name, now - KEPT_FOR)
        ).fetchone()
        if row is None:
            self._running.add(name)
            return None
        if row["fingerprint"] != _fingerprint(method, path, raw):
            message = (
                "Keys for idempotent requests can only be used with the same parameters they were first used with. Try "
                f"using a key other than '{key}' if you meant to execute a different request."
            )
            raise StripeError(400, "idempotency_error", message, stored=False)
        return StoredAnswer(row["status"], json.loads(row["body"]), row["request_id"])

    def keep(self, account: str, key: str, method: str, path: str, raw: str, answer: StoredAnswer, now: float) -> None:
        """Remember what was answered, for 24 hours, and forget what is older."""
        with self.store.transaction():
            self.store.connection.execute("DELETE FROM answers WHERE created < ?", (now - KEPT_FOR,))
            self.store.connection.execute(
                "INSERT OR REPLACE INTO answers (key, fingerprint, status, body, request_id, created) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (
                    _name(account, key),
                    _fingerprint(method, path, raw),
                    answer.status,
                    json.dumps(answer.body),
                    answer.request_id,
                    now,
                ),
            )

    def release(self, account: str, key: str) -> None:
        """The request under this key is over."""
        self._running.discard(_name(account, key))


def _name(account: str, key: str) -> str:
    return hashlib.sha256(f"{account}\0{key}".encode("utf-8", "surrogateescape")).hexdigest()


def _fingerprint(method: str, path: str, raw: str) -> str:
    return hashlib.sha256(f"{method}\0{path}\0{raw}".encode("utf-8", "surrogateescape")).hexdigest()
