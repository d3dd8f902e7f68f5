"""Whoever subscribes to an API is told that operators have shut it, and that it is open again.

An API may have thousands of subscribers, so the operator's act announces one word, and a worker turns it into mails page
by page: each page announces the next in its own unit of work, and mails of other causes find their way between.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import select

from portal.catalog.labels import find_label_of_api
from portal.catalog.rules import stands_as
from portal.db import db
from portal.identity.queries import list_members
from portal.identity.types import Member
from portal.outbox.service import announce, announce_mail, was_mailed
from portal.projects.queries import find_organisation_of
from portal.subscriptions.models import Subscription
from portal.subscriptions.types import LIVE
from portal.web.principal import RIGHTS

PAGE = 100
KINDS = {"blocked": "subscription.api-blocked", "released": "subscription.api-released"}


def tell_holders(facts: Mapping[str, Any], *, page: int = PAGE) -> int:
    """Announce the mails to one page of an API's live subscribers, and the next page; return how many are new.

    Once per block, subscription and reader. Nothing when the API has changed again meanwhile: that change has its own
    word. Users of integrators are told by the integrator. Callers hold the unit of work.
    """
    label = find_label_of_api(int(facts["api_id"]))
    if label is None or not stands_as(facts, label.state, label.blocked_at):
        return 0
    after = int(facts.get("after", 0))
    rows = db.session.execute(
        select(Subscription.id, Subscription.account_id)
        .where(Subscription.product_id == label.product_id, Subscription.status.in_(LIVE), Subscription.id > after)
        .order_by(Subscription.id)
        .limit(page)
    ).all()
    told = sum(_tell(row.id, row.account_id, facts) for row in rows)
    if len(rows) == page:
        last = rows[-1].id
        announce("api.door", f"{label.api_id}:{facts['change']}:{facts['at']}:{last}", {**facts, "after": last})
    return told


def readers_among(members: Collection[Member]) -> list[Member]:
    """Return who is told: whoever may cancel it, and whoever makes the calls that fail."""
    return [one for one in members if RIGHTS[one.role] & {"buy", "keys"}]


def _tell(subscription_id: int, account_id: int, facts: Mapping[str, Any]) -> int:
    organisation_id = find_organisation_of(account_id)
    if organisation_id is None:
        return 0
    told, shut = 0, {name: facts[name] for name in ("change", "api_id", "since", "at")}
    for reader in readers_among(list_members(organisation_id)):
        cause = f"{subscription_id}:{facts['since']}:{reader.user_id}"
        if facts["change"] == "released" and not was_mailed(KINDS["blocked"], [cause]):
            continue  # shut and opened before the first word reached anybody, or somebody who came later
        told += announce_mail(
            KINDS[facts["change"]], cause, user_id=reader.user_id, subscription_id=subscription_id, **shut
        )
    return told
