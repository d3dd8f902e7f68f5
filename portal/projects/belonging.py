"""What every request of an integrator says first: for whom, in which project."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from portal.db import Scope, enter_scope
from portal.projects.queries import find_account_in
from portal.web.principal import AppPrincipal, get_app
from portal.web.problems import Problem

# An id of the integrator's own for somebody: anything visible, as long as it is one line.
UserId = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]
Code = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.:-]{0,99}$")]
ProjectId = Annotated[int, Field(ge=1, lt=2**63)]


def own_project(project_id: int) -> AppPrincipal:
    """Return the app that asks, which must belong to the project it names. Raises Problem 403."""
    app = get_app()
    if app.project_id != project_id:
        raise Problem(
            403, "project-mismatch", "Project ID does not match", f"This key belongs to project {app.project_id}."
        )
    return app


def find_user_account(app: AppPrincipal, user_id: str) -> int | None:
    """Return somebody's account in the app's project, if there is one."""
    return find_account_in(app.project_id, user_id)


def act_for(app: AppPrincipal, account_id: int) -> None:
    """Let what follows in this request touch the rows of one account of the app's project."""
    enter_scope(Scope(project_id=app.project_id, account_id=account_id))
