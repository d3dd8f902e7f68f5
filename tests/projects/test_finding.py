"""Users are found by words in a project of any size, by an index, and never another project's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, text

from portal.db import SYSTEM, db, transaction
from portal.projects.finding import LOOKED_THROUGH, MOST_COUNTED, search_accounts
from portal.projects.rules import word_start_pattern
from portal.projects.types import FoundAccounts
from tests.factories import make_organisation, make_project, make_user
from tests.sign_in import sign_in_as

MANY = LOOKED_THROUGH + 2000
# From the oldest on: two whom the newest hide, then a crowd; every 500th of it has a name.
_CROWD = text("""
    INSERT INTO accounts (project_id, external_id, kind, name, email)
    SELECT :project, CASE n WHEN 1 THEN 'first-of_all' WHEN 2 THEN 'q7\\x' ELSE 'user_' || n END, 'user',
        CASE WHEN n = 1 THEN 'Zoë 100%' WHEN n % 500 = 0 THEN 'Maria Kovac' END,
        CASE WHEN n > 2 THEN 'u' || n || '@mail' || :project || '.example' END
    FROM generate_series(1, :many) n
""")


@pytest.fixture
def projects(app: Flask) -> tuple[int, int]:
    """A project with a crowd of users, and another one with some of the same ids and names."""
    assert app is not None
    organisation = make_organisation("Kestrel Data")
    found = [make_project(name, organisation).id for name in ("space_journal", "star_atlas")]
    with transaction(SYSTEM) as session:
        for project_id, many in zip(found, (MANY, 1500), strict=True):
            session.execute(_CROWD, {"project": project_id, "many": many})
    with db.engine.connect() as connection:  # what the planner knows is up to date
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE accounts"))
    return found[0], found[1]


@pytest.fixture
def find(projects: tuple[int, int]) -> Callable[..., FoundAccounts]:
    return lambda words, limit=50, offset=0: search_accounts(projects[0], words, limit=limit, offset=offset)


def _ids(found: FoundAccounts) -> list[str]:
    return [one.external_id for one in found.accounts]


def test_what_somebody_s_id_name_or_address_holds_finds_them(find: Callable[..., FoundAccounts]) -> None:
    for words, ids in {
        "FIRST": ["first-of_all"],
        "irst-of_a": ["first-of_all"],
        "zoë 100%": ["first-of_all"],
        "100%": ["first-of_all"],
        "user_11999": ["user_11999"],
        "userx11999": [],
        "u11999@mail": ["user_11999"],
        "u1_999": [],
        "1999%": [],
        "q7": ["q7\\x"],
        "q7\\x": ["q7\\x"],
        "7\\x": [],  # shorter than three in a row: only where a word begins
        "of": ["first-of_all"],
        ".*": [],
        "(^|": [],
        "[[:": [],
        "\\": [],  # nothing that an index knows: among the newest only
    }.items():
        found = find(words)
        assert (_ids(found), found.total, found.is_counted) == (ids, len(ids), True), words


def test_the_newest_come_first_part_by_part_and_only_the_project_s_own(
    find: Callable[..., FoundAccounts], projects: tuple[int, int]
) -> None:
    marias = [f"user_{n}" for n in range(MANY, 0, -1) if n % 500 == 0]
    assert _ids(find("ria kov")) == marias
    assert _ids(find("ria kov", 5, 10)) == marias[10:15]
    assert {one.project_id for one in find("maria").accounts} == {projects[0]}
    assert find(f"mail{projects[1]}.").total == 0
    beyond = find("maria", 50, 100)
    assert (beyond.accounts, beyond.total) == ([], len(marias))
    everybody = find("", 2, 1)
    assert (_ids(everybody), everybody.total) == ([f"user_{MANY - 1}", f"user_{MANY - 2}"], MANY)


def test_what_many_hold_is_not_counted_to_its_end(find: Callable[..., FoundAccounts]) -> None:
    found = find("user")
    assert (found.total, found.is_counted, _ids(found)[0]) == (MOST_COUNTED, False, f"user_{MANY}")
    last = find("user", 50, MOST_COUNTED - 10)
    assert _ids(last) == [f"user_{n}" for n in range(MANY - MOST_COUNTED + 10, MANY - MOST_COUNTED, -1)]
    assert find("@").total == MOST_COUNTED


def test_a_small_project_is_searched_as_typed(projects: tuple[int, int]) -> None:
    for words, total in {"7\\x": 1, "user": 1498, "irst": 1, "\\": 1}.items():
        found = search_accounts(projects[1], words, limit=1, offset=0)
        assert (len(found.accounts), found.total, found.is_counted) == (1, total, True)


def test_an_index_serves_the_words(find: Callable[..., FoundAccounts], statements: list[str]) -> None:
    """The system may use it; under a policy, which stands before every other condition, nobody could."""
    values: list[Any] = []

    def note(*asked: Any) -> None:
        values.append(asked[3])

    event.listen(db.engine, "before_cursor_execute", note)
    for words in ("irst-of", "zoë", "maria"):
        statements.clear()
        values.clear()
        find(words)
        [number] = [n for n, statement in enumerate(statements) if "hits" in statement]
        assert "Bitmap Index Scan on accounts_words" in _plan(statements[number], values[number])
    event.remove(db.engine, "before_cursor_execute", note)
    db.session.execute(text("SET LOCAL enable_seqscan = off"))  # a small table is read faster as a whole
    short = _plan("SELECT FROM accounts WHERE external_id ~* %(pattern)s", {"pattern": word_start_pattern("q7")})
    assert "Bitmap Index Scan on accounts_words" in short


def _plan(statement: str, values: Any) -> str:
    with db.session.connection().connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + statement, values)
        return "\n".join(row[0] for row in cursor.fetchall())


def test_the_page_says_when_there_are_more(app: Flask, projects: tuple[int, int]) -> None:
    olive = sign_in_as(app.test_client(), make_user("Olive", organisation=make_organisation(), is_operator=True))
    page = f"/projects/{projects[0]}/users"
    assert "More than 1000 users. Write more" in olive.get(f"{page}?q=user").text
    assert "Page 1 of 20" in olive.get(f"{page}?q=user").text
    assert "24 users" in olive.get(f"{page}?q=maria").text
    assert f"{MANY} users" in olive.get(page).text
    assert f"{MANY} users so far." in olive.get(f"/projects/{projects[0]}/steps").text
