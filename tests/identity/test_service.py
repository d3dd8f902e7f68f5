"""Each wall stands alone: commands refuse where row level security is off, and the database where they forget."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError

from portal.db import PUBLIC, SYSTEM, Scope, scoped, transaction
from portal.identity import queries, service
from portal.identity.errors import UnknownOrganisation, UnknownSession, UnknownToken
from portal.identity.models import Membership, Organisation, OrganisationToken, User, UserSession
from portal.kit.clock import ManualClock
from tests.factories import make_organisation, make_user


@pytest.fixture
def dan(app: Flask) -> User:
    return make_user("Dan", organisation=make_organisation("Driftwood", "driftwood"))


def start(user: User, clock: ManualClock) -> int:
    with transaction(SYSTEM) as session:
        service.start_session(user.id, ip="192.0.2.1", user_agent="Test", now=clock.now())
        return session.scalars(select(UserSession.id).where(UserSession.user_id == user.id)).one()


def make_token(organisation: Organisation, clock: ManualClock) -> int:
    with transaction(SYSTEM):
        made = service.create_token(
            organisation.id, "Nightly", "viewer", created_by=None, now=clock.now(), pepper=b"pepper"
        )
    return made.id


class TestTheCommandsAlone:
    """Run as the system, which row level security lets see everything."""

    def test_nobody_ends_the_session_of_another(self, cleo: User, dan: User, clock: ManualClock) -> None:
        hers = start(cleo, clock)
        with pytest.raises(UnknownSession), transaction(SYSTEM):
            service.end_session(dan.id, hers, now=clock.now())

    def test_ending_all_sessions_ends_one_s_own(self, cleo: User, dan: User, clock: ManualClock) -> None:
        start(cleo, clock)
        start(dan, clock)
        with transaction(SYSTEM):
            assert service.end_all_sessions(dan.id, now=clock.now()) == 1

    def test_nobody_revokes_the_token_of_another(self, harbour: Organisation, dan: User, clock: ManualClock) -> None:
        theirs = make_token(harbour, clock)
        with pytest.raises(UnknownToken), transaction(SYSTEM):
            service.revoke_token(harbour.id + 1, theirs, now=clock.now(), actor="user:1")

    def test_lists_hold_one_s_own(self, cleo: User, dan: User, harbour: Organisation, clock: ManualClock) -> None:
        start(cleo, clock)
        make_token(harbour, clock)
        with scoped(SYSTEM):
            driftwood = queries.get_organisation_by_slug("driftwood")
            assert queries.list_sessions(dan.id, None, clock.now()) == []
            assert queries.list_tokens(driftwood.id) == []
            assert [member.name for member in queries.list_members(driftwood.id)] == ["Dan"]
        with transaction(SYSTEM):
            started = service.start_session(dan.id, ip="192.0.2.1", user_agent="Test", now=clock.now())
        known = queries.find_session(started.text, clock.now())
        assert known is not None
        assert known.organisations == ((driftwood.id, "Driftwood"),)


class TestTheDatabaseAlone:
    """Statements without a condition, as a forgetful query would send them, in the scope of Dan's request."""

    @pytest.fixture
    def as_dan(self, dan: User, harbour: Organisation, cleo: User, clock: ManualClock) -> Scope:
        start(cleo, clock)
        make_token(harbour, clock)
        with scoped(SYSTEM) as session:
            driftwood = session.scalars(select(Membership.organisation_id).where(Membership.user_id == dan.id)).one()
        return Scope(organisation_id=driftwood, user_id=dan.id)

    def test_it_shows_only_one_s_own(self, as_dan: Scope) -> None:
        with scoped(as_dan) as session:
            assert session.scalars(select(UserSession)).all() == []
            assert session.scalars(select(OrganisationToken)).all() == []
            assert session.scalars(select(User.name)).all() == ["Dan"]
            assert len(session.scalars(select(Membership)).all()) == 1

    def test_it_shows_a_stranger_nobody(self, as_dan: Scope) -> None:
        with scoped(PUBLIC) as session:
            for table in (User, UserSession, OrganisationToken, Membership):
                assert session.scalars(select(table)).all() == []

    def test_it_changes_only_one_s_own(self, as_dan: Scope, clock: ManualClock) -> None:
        with transaction(as_dan) as session:
            session.execute(update(UserSession).values(revoked_at=clock.now()))
            session.execute(update(OrganisationToken).values(revoked_at=clock.now()))
            session.execute(update(User).values(name="Changed"))
        with scoped(SYSTEM) as session:
            assert session.scalars(select(UserSession.revoked_at)).all() == [None]
            assert session.scalars(select(OrganisationToken.revoked_at)).all() == [None]
            assert sorted(session.scalars(select(User.name))) == ["Changed", "Cleo"]

    @pytest.mark.parametrize("change", [{"is_operator": True}, {"email": "x@example.com"}, {"disabled_at": None}])
    def test_it_lets_nobody_promote_themselves(self, as_dan: Scope, change: dict[str, object]) -> None:
        with pytest.raises(DBAPIError, match="permission denied"), transaction(as_dan) as session:
            session.execute(update(User).values(**change))


def test_unknown_organisations_are_said_to_be_unknown(app: Flask) -> None:
    for ask in (lambda: queries.get_organisation(10**15), lambda: queries.get_organisation_by_slug("\u00e9")):
        with pytest.raises(UnknownOrganisation):
            ask()
