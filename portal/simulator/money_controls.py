"""Controls for what banks do later: a dispute is opened or decided, a refund comes back."""

from collections.abc import Callable

from aiohttp import web

from portal.simulator.billing.disputing import OPEN, REASONS, Verdict, close, open_dispute
from portal.simulator.control_input import Unusable, json_object
from portal.simulator.engine import Simulator
from portal.simulator.objects.refunds import FAILURES, fail
from portal.simulator.records import Record
from portal.simulator.world import public

VERDICTS: dict[object, Verdict] = {"won": "won", "lost": "lost"}


class MoneyControls:
    """The bank's side of charges and refunds."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def routes(self, guard: Callable[..., Callable[..., object]]) -> list[web.RouteDef]:
        """The addresses, each behind ``guard``."""
        return [
            web.post("/_simulator/charges/{id}/dispute", guard(self.dispute)),  # type: ignore[arg-type]
            web.post("/_simulator/disputes/{id}/close", guard(self.decide)),  # type: ignore[arg-type]
            web.post("/_simulator/refunds/{id}/fail", guard(self.fail_refund)),  # type: ignore[arg-type]
        ]

    async def dispute(self, request: web.Request) -> web.Response:
        """``{"reason": "fraudulent"}``: the card's owner complains about a charge that succeeded."""
        given = await json_object(request)
        charge = self._get("charge", request)
        reason = given.get("reason", "fraudulent")
        if reason not in REASONS or charge["status"] != "succeeded" or charge["disputed"]:
            raise Unusable(f"reason is one of {', '.join(REASONS)}; the charge succeeded and was not disputed before")
        return self._done(lambda: open_dispute(self._simulator.world, charge, str(reason)))

    async def decide(self, request: web.Request) -> web.Response:
        """``{"verdict": "won" | "lost"}``: the bank decides."""
        given = await json_object(request)
        dispute = self._get("dispute", request)
        verdict = VERDICTS.get(given.get("verdict")) if isinstance(given.get("verdict"), str) else None
        if verdict is None or dispute["status"] not in OPEN:
            raise Unusable("verdict is won or lost; the dispute is still open")
        return self._done(lambda: close(self._simulator.world, dispute, verdict))

    async def fail_refund(self, request: web.Request) -> web.Response:
        """``{"reason": "expired_or_canceled_card"}``: the bank could not pass a refund on; the money comes back."""
        given = await json_object(request)
        refund = self._get("refund", request)
        reason = given.get("reason", FAILURES[0])
        if reason not in FAILURES or refund["status"] != "succeeded":
            raise Unusable(f"reason is one of {', '.join(FAILURES)}; the refund has not failed yet")
        return self._done(lambda: fail(self._simulator.world, refund, str(reason)))

    def _get(self, kind: str, request: web.Request) -> Record:
        found = self._simulator.store.find(kind, request.match_info["id"])
        if found is None:
            raise web.HTTPNotFound(text=f"no such {kind}")
        return found

    def _done(self, act: Callable[[], Record]) -> web.Response:
        with self._simulator.store.transaction():
            record = act()
        self._simulator.changed()
        return web.json_response(public(record))
