"""An `Idempotency-Key` belongs to whoever acts, and to whom they act for: nobody is answered with another's answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal.db import SYSTEM, scoped, transaction
from portal.identity.models import Membership
from portal.kit.clock import ManualClock
from portal.payments.models import Purchase
from portal.payments.syncing import Syncing
from portal.projects.models import Account
from tests.factories import make_app_key, make_feature, make_organisation, make_project, make_user
from tests.sign_in import Machine, bearer_of, sign_in_as

SAME = {"Idempotency-Key": "my-first-key"}
MONTHLY, YEARLY = {"plan": "premium_monthly"}, {"plan": "premium_yearly"}


@dataclass
class Two:
    """Two organisations, and one owner of both who has a browser open for each."""

    app: Flask
    organisations: tuple[int, int]
    browsers: tuple[FlaskClient, FlaskClient]


@pytest.fixture
def two(app: Flask, syncing: Syncing) -> Two:
    assert syncing.livemode is False
    sold = app.test_cli_runner().invoke(args=["premium", "offer", "--monthly", "900", "--yearly", "9000"])
    assert sold.exit_code == 0, sold.output
    first, second = make_organisation("Tidewater Labs"), make_organisation("Kestrel Data")
    cleo = make_user("Cleo", organisation=first)
    with transaction(SYSTEM) as session:
        session.add(Membership(organisation_id=second.id, user_id=cleo.id, role="owner"))
    browsers = [sign_in_as(app.test_client(), cleo, organisation_id=one.id) for one in (first, second)]
    return Two(app, (first.id, second.id), (browsers[0], browsers[1]))


def _buy(client: FlaskClient, body: dict[str, str], **headers: str) -> TestResponse:
    return client.post("/api/checkout", json=body, headers={**SAME, **headers})


def _owner(answer: TestResponse) -> int | None:
    """Return the organisation that the purchase of an answer is of."""
    assert answer.status_code == 200, answer.text
    with scoped(SYSTEM) as session:
        purchase = session.query(Purchase).filter_by(public_id=answer.json["purchaseId"]).one()
        account = session.get(Account, purchase.account_id)
    assert account is not None
    return account.organisation_id


@pytest.mark.parametrize("second_body", [YEARLY, MONTHLY], ids=["another body", "the same body"])
def test_a_person_with_two_organisations_is_answered_for_the_one_they_act_for(
    two: Two, second_body: dict[str, str]
) -> None:
    here, there = _buy(two.browsers[0], MONTHLY), _buy(two.browsers[1], second_body)
    assert (_owner(here), _owner(there)) == two.organisations
    assert "Idempotency-Replayed" not in there.headers
    again = [_buy(two.browsers[0], MONTHLY), _buy(two.browsers[1], second_body)]
    assert [one.json for one in again] == [here.json, there.json]
    assert {one.headers["Idempotency-Replayed"] for one in again} == {"true"}
    reused = _buy(two.browsers[0], YEARLY)
    assert (reused.status_code, reused.json["type"]) == (422, "/problems/idempotency-key-reused")


@pytest.mark.parametrize("second_body", [YEARLY, MONTHLY], ids=["another body", "the same body"])
def test_tokens_share_keys_within_their_organisation_only(two: Two, second_body: dict[str, str]) -> None:
    here, there = [bearer_of(one, role="owner") for one in two.organisations]
    program = Machine(two.app, two.app.response_class)
    first, second = _buy(program, MONTHLY, **here), _buy(program, second_body, **there)
    assert (_owner(first), _owner(second)) == two.organisations
    assert "Idempotency-Replayed" not in second.headers
    colleague = bearer_of(two.organisations[0], role="admin")
    replayed = _buy(program, MONTHLY, **colleague)
    assert (replayed.json, replayed.headers["Idempotency-Replayed"]) == (first.json, "true")
    assert _buy(program, YEARLY, **colleague).status_code == 422


def test_a_person_and_a_token_of_their_organisation_have_keys_of_their_own(two: Two) -> None:
    program = Machine(two.app, two.app.response_class)
    assert _owner(_buy(two.browsers[0], MONTHLY)) == two.organisations[0]
    answer = _buy(program, MONTHLY, **bearer_of(two.organisations[0], role="owner"))
    assert "Idempotency-Replayed" not in answer.headers
    assert _owner(answer) == two.organisations[0]


@pytest.mark.parametrize("is_same_project", [True, False], ids=["of one project", "of two projects"])
def test_apps_have_keys_of_their_own(app: Flask, clock: ManualClock, is_same_project: bool) -> None:
    pepper, now = app.config["SETTINGS"].pepper, clock.now()
    mine = make_project("space_journal")
    theirs = mine if is_same_project else make_project("star_atlas")
    for project in {mine.id: mine, theirs.id: theirs}.values():
        make_feature(project, "pro")
    program = Machine(app, app.response_class)
    first, second = make_app_key(mine, pepper, now)[1], make_app_key(theirs, pepper, now)[1]

    def grant(key: str, project_id: int, reason: str) -> Any:
        body = {
            "user_id": "user_42",
            "project_id": project_id,
            "feature_code": "pro",
            "granted_by": "s",
            "reason": reason,
        }
        return program.post("/api/v1/admin/grant", json=body, headers={"X-API-Key": key, **SAME})

    given, other = grant(first, mine.id, "pilot"), grant(second, theirs.id, "press")
    assert (given.status_code, other.status_code) == (201, 201)
    assert "Idempotency-Replayed" not in other.headers
    assert grant(first, mine.id, "pilot").headers["Idempotency-Replayed"] == "true"
    assert grant(second, theirs.id, "press").headers["Idempotency-Replayed"] == "true"
    assert grant(first, mine.id, "press").status_code == 422
