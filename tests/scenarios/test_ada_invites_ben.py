"""Ada builds a team: Ben joins by mail, grows, and leaves; Dan tries doors that are not his.

1 June    Ada invites Ben as a developer; the mail is in the language she uses
4 June    Ben makes an account with the link; Dan, to whom Ben forwarded it, gets nowhere
1 July    Ben becomes an owner, and makes a token
15 July   Ada steps down and leaves; Ben cannot leave, because nobody would be left
1 August  Ada is asked back as a viewer, and as such removes nobody
1 August  in the afternoon Ben makes her an owner again, and she removes him: browser and token end with the next request
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.db import SYSTEM, scoped
from portal.identity.models import OrganisationToken
from portal.identity.people import find_confirmed
from portal.kit.clock import ManualClock
from tests.factories import make_organisation, make_user
from tests.mailbox import subjects_to, token_to
from tests.sign_in import sign_in_as

pytestmark = pytest.mark.scenario
BEN = "ben@kestrel.example"


def test_ada_invites_ben(app: Flask, clock: ManualClock) -> None:
    clock.set(datetime(2026, 6, 1, 9, 0, tzinfo=UTC))
    kestrel = make_organisation("Kestrel Data", "kestrel")
    ada = make_user("Ada", organisation=kestrel, locale="de")
    dan = make_user("Dan", organisation=make_organisation("Driftwood"))
    hers = sign_in_as(app.test_client(), ada)
    assert hers.post("/settings/invitations", data={"email": BEN, "role": "developer"}).status_code == 303
    assert subjects_to(BEN) == ["Kestrel Data auf Mercato beitreten"]

    clock.set(datetime(2026, 6, 4, 14, 0, tzinfo=UTC))
    link = token_to(BEN)
    assert sign_in_as(app.test_client(), dan).post("/invitation", data={"token": link}).status_code == 409
    his = app.test_client()
    joined = {"token": link, "name": "Ben Okafor", "password": "walnut ladder thunder"}
    assert his.post("/invitation", data=joined).location == "/"
    assert his.get("/settings/tokens").status_code == 403, "a developer manages nothing"
    with scoped(SYSTEM):
        ben = find_confirmed(BEN)
    assert ben is not None

    clock.set(datetime(2026, 7, 1, 9, 0, tzinfo=UTC))
    sign_in_as(hers, ada)
    sign_in_as(his, ben)
    assert hers.post(f"/settings/members/{ben.id}/role", data={"role": "owner"}).status_code == 303
    made = his.post("/settings/tokens", data={"name": "Nightly", "role": "viewer"})
    bearer = {"Authorization": "Bearer " + made.text.split('id="new-key">')[1].split("<")[0]}
    assert app.test_client().get("/api/subscriptions", headers=bearer).status_code == 200

    clock.set(datetime(2026, 7, 15, 9, 0, tzinfo=UTC))
    sign_in_as(hers, ada)
    sign_in_as(his, ben)
    assert hers.post("/settings/membership/removal").status_code == 303
    assert hers.get("/settings/members").status_code == 403
    assert his.post("/settings/membership/removal").status_code == 409

    clock.set(datetime(2026, 8, 1, 9, 0, tzinfo=UTC))
    sign_in_as(his, ben)
    his.post("/settings/invitations", data={"email": ada.email, "role": "viewer"})
    sign_in_as(hers, ada)
    assert hers.post("/invitation", data={"token": token_to(ada.email)}).status_code == 303
    assert hers.post(f"/settings/members/{ben.id}/removal").status_code == 403

    clock.set(datetime(2026, 8, 1, 15, 0, tzinfo=UTC))
    assert his.post(f"/settings/members/{ada.id}/role", data={"role": "owner"}).status_code == 303
    assert hers.post(f"/settings/members/{ben.id}/removal").status_code == 303
    assert his.get("/settings/members").status_code == 403
    assert app.test_client().get("/api/subscriptions", headers=bearer).status_code == 401
    assert subjects_to(BEN)[-1] == "You no longer act for Kestrel Data"
    with scoped(SYSTEM) as session:
        acts = session.scalars(
            select(AuditEntry.action).where(AuditEntry.organisation_id == kestrel.id).order_by(AuditEntry.id)
        ).all()
        assert session.scalars(select(OrganisationToken.revoked_at)).one() == clock.now()
    assert list(acts) == [
        "member.invited",
        "member.joined",
        "member.role-changed",
        "token.created",
        "member.left",
        "member.invited",
        "member.joined",
        "member.role-changed",
        "member.removed",
    ]
