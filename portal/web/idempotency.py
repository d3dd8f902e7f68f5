"""`Idempotency-Key`: the same request, sent twice, has one effect and gets one answer.

After the IETF draft "The Idempotency-Key HTTP Header Field": a key with another body is 422, one whose first request is
still being worked on is 409, a repeated one gets the kept answer with `Idempotency-Replayed: true`. Keys belong to the
caller and the route. Only successful answers are kept, for a day: what was refused may be corrected and sent again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, ParamSpec

from flask import Response, make_response, request
from flask.typing import ResponseReturnValue
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.db import SYSTEM, in_transaction
from portal.kit.sealing import Sealer
from portal.web.limits import caller_of
from portal.web.models import IdempotentRequest
from portal.web.plugs import plugs
from portal.web.principal import find_principal
from portal.web.problems import Problem

P = ParamSpec("P")
HEADER = "Idempotency-Key"
KEPT_FOR = timedelta(hours=24)
WORKED_FOR = timedelta(minutes=1)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_KEPT_HEADERS = ("Location", "Content-Type")


def idempotent(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Honour the key of a request; without one the request is simply worked. Stands below the access decorator."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        key = request.headers.get(HEADER)
        if key is None:
            return view(*args, **kwargs)
        kept = _Kept(key)
        replay = in_transaction(kept.begin, scope=SYSTEM)
        if replay is not None:
            return replay
        try:
            response = make_response(view(*args, **kwargs))
        except BaseException:
            in_transaction(kept.release, scope=SYSTEM)
            raise
        in_transaction(lambda session: kept.finish(session, response), scope=SYSTEM)
        return response

    return guarded


def forget_old_answers(session: Session) -> int:
    """Remove what is older than a day; return how many."""
    old = delete(IdempotentRequest).where(IdempotentRequest.created_at < func.clock_timestamp() - KEPT_FOR)
    return len(session.execute(old.returning(IdempotentRequest.key)).all())


def _acting() -> str:
    """Return whose key it is: the caller, and for whom they act, for a person may act for several organisations."""
    person = find_principal()
    return f"{caller_of()} for {person.organisation_id}" if person else caller_of()


class _Kept:
    """One key of one caller on one route."""

    def __init__(self, key: str) -> None:
        if not _KEY.fullmatch(key):
            raise Problem(
                400, "bad-idempotency-key", "Unusable Idempotency-Key", "Send 1 to 255 visible ASCII characters."
            )
        self._id = {"principal": _acting(), "route": request.endpoint or "", "key": key}
        body = request.get_data(cache=True)
        self._digest = hashlib.sha256(request.path.encode() + b"\0" + body).digest()
        self._sealer = Sealer(plugs().settings.sealers)

    def begin(self, session: Session) -> Response | None:
        """Take the key for this request, or return the answer that it was given before."""
        until = func.clock_timestamp() + WORKED_FOR
        taken = insert(IdempotentRequest).values(**self._id, body_sha256=self._digest, locked_until=until)
        if session.execute(taken.on_conflict_do_nothing().returning(IdempotentRequest.key)).first():
            return None
        held = session.scalars(select(IdempotentRequest).filter_by(**self._id).with_for_update()).one_or_none()
        now = session.scalar(select(func.clock_timestamp()))
        assert now is not None
        if held is None or now - held.created_at > KEPT_FOR:
            self.release(session)
            return self.begin(session)
        if held.body_sha256 != self._digest:
            detail = "This Idempotency-Key was used for another request. Take a new key for a new request."
            raise Problem(422, "idempotency-key-reused", "The key was used for another request", detail)
        if held.answer is not None:
            return self._replay(held)
        if held.locked_until > now:
            detail = "The first request with this key is still being worked on. Send it again in a moment."
            raise Problem(409, "request-in-progress", "Still being worked on", detail, headers={"Retry-After": "2"})
        held.locked_until = now + WORKED_FOR  # the first one died; its effects are guarded by business keys
        return None

    def finish(self, session: Session, response: Response) -> None:
        """Keep a successful answer; let the key go after any other."""
        if not 200 <= response.status_code < 300:
            self.release(session)
            return
        headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
        plain = json.dumps({"headers": headers, "body": response.get_data(as_text=True)}).encode()
        sealed = self._sealer.seal(plain, self._purpose)
        row = update(IdempotentRequest).filter_by(**self._id)
        session.execute(row.values(status=response.status_code, answer=sealed))

    def release(self, session: Session) -> None:
        """Let the key be used again."""
        session.execute(delete(IdempotentRequest).filter_by(**self._id))

    def _replay(self, held: IdempotentRequest) -> Response:
        assert held.answer is not None
        kept: dict[str, Any] = json.loads(self._sealer.open(held.answer, self._purpose))
        return Response(kept["body"], held.status, {**kept["headers"], "Idempotency-Replayed": "true"})

    @property
    def _purpose(self) -> str:
        return "answer " + "\n".join(self._id.values())
