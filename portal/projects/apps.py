"""Apps of integrators and their keys: made, replaced with an overlap, ended. Callers hold the unit of work."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from portal.audit.service import record
from portal.db import db
from portal.kit.tokens import keyed_hash, new_token
from portal.projects.errors import InvalidApp, NameTaken, UnknownApp
from portal.projects.models import App, AppKey
from portal.projects.rules import MOST_ORIGINS, unknown_scopes
from portal.projects.types import APP_KEY_PREFIX, SCOPES, Acting, AppSettings, NewApp

LONGEST_OVERLAP = timedelta(days=30)


def create_app(
    project_id: int,
    name: str,
    *,
    pepper: bytes,
    now: datetime,
    by: Acting,
    scopes: tuple[str, ...] = SCOPES,
    redirect_origins: tuple[str, ...] = (),
    requests_per_minute: int = 600,
) -> NewApp:
    """Give an integrator a key of a project; its text exists only in what is returned.

    Raises NameTaken and InvalidApp; the unit of work stays usable.
    """
    wanted = AppSettings(name, scopes, redirect_origins, requests_per_minute)
    _check(wanted)
    statement = insert(App).values(project_id=project_id, **_columns(wanted))
    app_id = db.session.execute(
        statement.on_conflict_do_nothing(constraint="apps_name").returning(App.id)
    ).scalar_one_or_none()
    if app_id is None:
        raise NameTaken(f"the project has an app {name!r}")
    made = _new_key(project_id, app_id, pepper=pepper, now=now, by=by)
    after = {**_columns(wanted), "key": made.public_id}
    record("app.created", f"app:{app_id}", **by.columns, after={"project": project_id, **after})
    return made


def change_app(project_id: int, app_id: int, wanted: AppSettings, *, by: Acting) -> None:
    """Give an app another name, scopes, origins or rate. Raises UnknownApp, NameTaken and InvalidApp."""
    _check(wanted)
    app = _locked(project_id, app_id)
    taken = select(App.id).where(App.project_id == project_id, App.name == wanted.name, App.id != app_id)
    if db.session.scalar(taken) is not None:
        raise NameTaken(f"the project has an app {wanted.name!r}")
    columns = _columns(wanted)
    before = {name: getattr(app, name) for name in columns}
    for name, value in columns.items():
        setattr(app, name, value)
    record("app.changed", f"app:{app_id}", **by.columns, before=before, after=columns)


def rotate_key(project_id: int, app_id: int, *, overlap: timedelta, pepper: bytes, now: datetime, by: Acting) -> NewApp:
    """Make a new lasting key; the one before works for `overlap` longer (at most 30 days), so that nothing stops.

    Raises UnknownApp and InvalidApp.
    """
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise InvalidApp({"overlap": "Between now and 30 days."})
    _locked(project_id, app_id)
    db.session.execute(
        update(AppKey)
        .where(AppKey.app_id == app_id, AppKey.expires_at.is_(None), AppKey.revoked_at.is_(None))
        .values(expires_at=now + overlap)
    )
    made = _new_key(project_id, app_id, pepper=pepper, now=now, by=by)
    after = {"key": made.public_id, "overlap_hours": overlap // timedelta(hours=1)}
    record("app.key.rotated", f"app:{app_id}", **by.columns, after=after)
    return made


def revoke_key(project_id: int, app_id: int, key_id: int, *, now: datetime, by: Acting) -> None:
    """End a key at once, as after a leak. Raises UnknownApp when the app has no such key that still lives."""
    ended = db.session.execute(
        update(AppKey)
        .where(
            AppKey.project_id == project_id, AppKey.app_id == app_id, AppKey.id == key_id, AppKey.revoked_at.is_(None)
        )
        .values(revoked_at=now)
        .returning(AppKey.public_id)
    ).scalar_one_or_none()
    if ended is None:
        raise UnknownApp(f"app {app_id} has no live key {key_id}")
    record("app.key.revoked", f"app:{app_id}", **by.columns, before={"key": ended})


def set_active(project_id: int, app_id: int, active: bool, *, by: Acting) -> None:
    """Switch an app off, whatever keys it holds, or on again. Raises UnknownApp."""
    _locked(project_id, app_id).active = active
    record("app.activated" if active else "app.deactivated", f"app:{app_id}", **by.columns)


def note_use(key_id: int, now: datetime) -> None:
    """Remember that a key was used."""
    db.session.execute(update(AppKey).where(AppKey.id == key_id).values(last_used_at=now))


def _new_key(project_id: int, app_id: int, *, pepper: bytes, now: datetime, by: Acting) -> NewApp:
    token = new_token(APP_KEY_PREFIX)
    row = AppKey(
        app_id=app_id,
        project_id=project_id,
        public_id=token.public_id,
        key_hash=keyed_hash(token.text, pepper),
        last_four=token.last_four,
        created_by=by.actor,
        created_at=now,
    )
    db.session.add(row)
    db.session.flush()  # the id is part of the answer
    return NewApp(app_id=app_id, key_id=row.id, public_id=token.public_id, key=token.text)


def _locked(project_id: int, app_id: int) -> App:
    app = db.session.scalars(
        select(App).where(App.project_id == project_id, App.id == app_id).with_for_update()
    ).one_or_none()
    if app is None:
        raise UnknownApp(f"project {project_id} has no app {app_id}")
    return app


def _check(wanted: AppSettings) -> None:
    faults = {}
    if not 0 < len(wanted.name) <= 80:
        faults["name"] = "A name of 1 to 80 characters."
    if unknown_scopes(wanted.scopes):
        faults["scopes"] = f"Unknown scopes: {', '.join(unknown_scopes(wanted.scopes))}."
    if not 1 <= wanted.requests_per_minute <= 100_000:
        faults["requests_per_minute"] = "Between 1 and 100,000 requests per minute."
    if len(wanted.redirect_origins) > MOST_ORIGINS:
        faults["redirect_origins"] = f"At most {MOST_ORIGINS} origins."
    if faults:
        raise InvalidApp(faults)


def _columns(wanted: AppSettings) -> dict[str, object]:
    return {
        "name": wanted.name,
        "scopes": list(wanted.scopes),
        "redirect_origins": list(wanted.redirect_origins),
        "requests_per_minute": wanted.requests_per_minute,
    }
