"""When an object next needs attention if nobody touches it. Pure: a record in, an instant out."""

from portal.simulator.records import Record

HOUR, DAY = 3600, 86_400
INCOMPLETE_LIFETIME = 23 * HOUR
"""How long the first payment of a subscription may stay open (Stripe: 23 hours)."""
TRIAL_WARNING = 3 * DAY
DRAFT_TIME = HOUR
"""How long a renewal invoice stays a draft before it is finalized and charged (Stripe: about an hour)."""


def next_due(record: Record) -> int | None:
    """The instant (Unix seconds) at which time alone changes this object, or None."""
    rule = _RULES.get(record["object"])
    candidates = [] if rule is None or record.get("deleted") else rule(record)
    return min(candidates) if candidates else None


def _subscription(record: Record) -> list[int]:
    status = record["status"]
    if status in ("canceled", "incomplete_expired", "paused"):
        return []
    if status == "incomplete":
        return [int(record["created"]) + INCOMPLETE_LIFETIME]
    due = [int(record["cancel_at"])] if record["cancel_at"] is not None else []
    if status == "trialing":
        due.append(int(record["trial_end"]))
        if not record.get("_private", {}).get("trial_end_announced"):
            due.append(max(int(record["trial_end"]) - TRIAL_WARNING, int(record["created"])))
    else:
        due.append(min(int(item["current_period_end"]) for item in record["items"]["data"]))
    return due


def _invoice(record: Record) -> list[int]:
    if record["status"] == "draft" and record["automatically_finalizes_at"] is not None:
        return [int(record["automatically_finalizes_at"])]
    if record["status"] == "open" and record["next_payment_attempt"] is not None:
        return [int(record["next_payment_attempt"])]
    return []


def _session(record: Record) -> list[int]:
    return [int(record["expires_at"])] if record["status"] == "open" else []


def _coupon(record: Record) -> list[int]:
    return [int(record["redeem_by"])] if record["valid"] and record["redeem_by"] is not None else []


def _promotion_code(record: Record) -> list[int]:
    return [int(record["expires_at"])] if record["active"] and record["expires_at"] is not None else []


_RULES = {"subscription": _subscription, "invoice": _invoice, "checkout.session": _session, "coupon": _coupon,
          "promotion_code": _promotion_code}  # fmt: skip
