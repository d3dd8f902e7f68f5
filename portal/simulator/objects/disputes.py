"""Disputes over the API: read, list, answer with evidence, give in."""

from portal.simulator.billing.disputing import FILES, OPEN, TEXTS, Verdict, close, submit_evidence
from portal.simulator.errors import invalid
from portal.simulator.listing import page
from portal.simulator.objects.shared import apply, get_record
from portal.simulator.parameters import CREATED, PAGING, Absent, Accepted, Flag, Metadata, Text, fields
from portal.simulator.records import Record
from portal.simulator.routes import Call, get, post
from portal.simulator.world import World

VERDICTS: dict[str, Verdict] = {"winning_evidence": "won", "losing_evidence": "lost"}
"""Stripe's magic words in ``uncategorized_text``: what the bank will say."""


def update_dispute(world: World, call: Call) -> Record:
    """``POST /v1/disputes/:id``: evidence, which goes to the bank at once unless ``submit=false``."""
    dispute = _still_open(get_record(world, "dispute", call.id, "dispute", in_path=True))
    apply(dispute, call.params, "metadata")
    evidence = call.get("evidence") or {}
    dispute["evidence"].update(evidence)
    if not evidence or not call.get("submit", True):
        dispute["evidence_details"]["has_evidence"] = any(dispute["evidence"].get(name) for name in evidence)
        return world.save(dispute, "charge.dispute.updated")
    return submit_evidence(world, dispute, VERDICTS.get(evidence.get("uncategorized_text") or ""))


def close_dispute(world: World, call: Call) -> Record:
    """``POST /v1/disputes/:id/close``: give in. The dispute is lost."""
    return close(world, _still_open(get_record(world, "dispute", call.id, "dispute", in_path=True)), "lost")


def _still_open(dispute: Record) -> Record:
    if dispute["status"] not in OPEN:
        raise invalid(f"This dispute is already closed ({dispute['status']}).", code="dispute_already_closed")
    return dispute


_EVIDENCE = fields(**{name: Text(20_000, clearable=True) for name in TEXTS}, **dict.fromkeys(FILES, Absent()),
                   appeal=Absent(), enhanced_evidence=Absent())  # fmt: skip
ROUTES = (
    get("/v1/disputes", lambda world, call: page(world, call, "dispute", "/v1/disputes", charge=call.get("charge"),
        payment_intent=call.get("payment_intent")), **PAGING, created=CREATED, charge=Text(), payment_intent=Text()),
    get("/v1/disputes/{dispute}",
        lambda world, call: get_record(world, "dispute", call.id, "dispute", in_path=True)),
    post("/v1/disputes/{dispute}", update_dispute, evidence=_EVIDENCE, metadata=Metadata(), submit=Flag(),
         intended_submission_method=Accepted()),
    post("/v1/disputes/{dispute}/close", close_dispute),
)  # fmt: skip
