"""Codes that buyers type and operators make. The provider keeps them; nothing about them is decided here twice."""

from __future__ import annotations

import re
from datetime import datetime

from portal.audit.service import record
from portal.db import SYSTEM, scoped, transaction
from portal.payments.discounts import Saving, saving_of
from portal.payments.errors import CodeRefused
from portal.ports.payments import Payments
from portal.ports.promotions import NewCode, PromotionCode
from portal.pricing.types import Offer
from portal.projects.queries import find_customer

_FORM = re.compile(r"[A-Za-z0-9-]{1,40}")


def check_code(
    text: str,
    offer: Offer,
    *,
    account_id: int | None,
    trial_days: int,
    payments: Payments,
    now: datetime,
    livemode: bool,
) -> Saving:
    """Return what a typed code does for a plan. Raises CodeRefused, PaymentsUnavailable and PaymentsRefused."""
    typed = re.sub(r"\s", "", text)
    if not _FORM.fullmatch(typed):
        raise CodeRefused("unknown")
    found = payments.find_code(typed)
    with scoped(SYSTEM):
        customer_id = find_customer(account_id, livemode=livemode) if account_id is not None else None
    return saving_of(found, offer, now=now, trial_days=trial_days, customer_id=customer_id)


def make_code(wanted: NewCode, *, payments: Payments, actor: str, reason: str, now: datetime) -> PromotionCode:
    """Make a code at the provider and note who did and why. Raises PaymentsRefused for one that is taken."""
    made = payments.create_code(wanted, key=f"code:{wanted.code}:{int(now.timestamp())}")
    facts = {"code": made.code, "duration": made.discount.duration, "months": made.discount.months}
    with transaction(SYSTEM):
        record("code.made", f"code:{made.id}", actor=actor, reason=reason, after=facts)
    return made


def stop_code(text: str, *, payments: Payments, actor: str, reason: str) -> PromotionCode | None:
    """Let nobody use a code any more. Returns None when there is no such code."""
    found = payments.find_code(text)
    if found is None:
        return None
    payments.stop_code(found.id)
    with transaction(SYSTEM):
        record("code.stopped", f"code:{found.id}", actor=actor, reason=reason, after={"code": found.code})
    return found
