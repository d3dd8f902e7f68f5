"""A provider's desk: which APIs we offer, adding one, publishing it and its versions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time
from typing import TypedDict

from flask import Blueprint, Response, abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Redirect

from portal.catalog import farewells, queries, service, versions, wording
from portal.catalog.errors import CatalogError, UnknownApi
from portal.catalog.forms import NewApi, Upload, read_upload
from portal.catalog.openapi import reading
from portal.catalog.openapi.documents import MAX_BYTES
from portal.catalog.types import CATEGORIES, ImportResult
from portal.db import transaction
from portal.web.plugs import plugs
from portal.web.principal import get_principal, right_required

bp = Blueprint("provider", __name__, url_prefix="/provider/apis")


@bp.url_value_preprocessor
def _allow_documents(endpoint: str | None, _values: object) -> None:
    # Before anything reads the form: a document may be larger than what other pages accept.
    if endpoint in ("provider.create", "provider.update"):
        request.max_content_length = MAX_BYTES + 64 * 1024


@bp.get("")
@right_required("read")
def index() -> str:
    """List what the organisation provides, in every state."""
    apis = queries.list_own(_organisation_id())
    return render_template("catalog/provider/index.html", apis=apis, wording=wording, may_publish=_may_publish())


@bp.get("/new")
@right_required("publish")
def new() -> str:
    """Offer the form that turns a document into an API."""
    return _form(NewApi())


@bp.post("/new")
@right_required("publish")
def create() -> Response | Redirect:
    """Import a document as a new API and show what became of it."""
    upload, entered = read_upload(request.form, request.files)
    if upload is None:
        return make_response(_form(entered), 422)
    try:
        result = _import(upload)
    except CatalogError as fault:
        entered.errors["document"] = fault.message
        entered.faults = [(each.pointer, each.message) for each in fault.faults]
        return make_response(_form(entered), fault.status)
    flash(_done(result), "success")
    return redirect(url_for("provider.show", api_id=result.api_id), 303)


def _form(entered: NewApi) -> str:
    categories = [(name, wording.category(name)) for name in CATEGORIES]
    return render_template("catalog/provider/new.html", entered=entered, categories=categories, largest=MAX_BYTES)


def _import(upload: Upload) -> ImportResult:
    prepared = reading.read(upload.document)
    with transaction():
        return service.import_document(
            _organisation_id(),
            upload.document,
            prepared,
            **_by(),
            slug=upload.slug,
            name=upload.name,
            category=upload.category,
            replace=upload.replace,
            upstream_url=upload.upstream_url,
        )


def _done(result: ImportResult) -> str:
    said = {
        "created": _("Imported. Nobody else sees it until you publish it."),
        "new version": _("Version %(name)s imported.", name=result.version),
        "replaced": _("Version %(name)s replaced.", name=result.version),
        "unchanged": _("This is the document you had already. Nothing changed."),
    }
    return str(said[result.outcome])


@bp.get("/<int:api_id>")
@right_required("read")
def show(api_id: int) -> str:
    """Show one API with what its document left open, and what can be done next."""
    return _show(api_id)


def _show(api_id: int, *, problem: str = "", upstream: str | None = None) -> str:
    own = queries.find_own(_organisation_id(), api_id)
    if own is None:
        abort(404)
    view = queries.get_api(_organisation_id(), own.organisation, own.slug)
    servers = [server["url"] for server in view.overview.get("servers", ()) if server["url"].startswith("http")]
    return render_template(
        "catalog/provider/show.html",
        own=own,
        api=view,
        versions=queries.list_versions(api_id, with_drafts=True),
        upstream=upstream if upstream is not None else own.upstream_url or (servers[0] if servers else ""),
        problem=problem,
        problems=_grouped(view.problems),
        wording=wording,
        may_publish=_may_publish(),
    )


def _grouped(problems: list[dict[str, str]]) -> list[tuple[str, list[str]]]:
    """One entry per message with the places it is about, since a document often repeats a fault."""
    places: dict[str, list[str]] = {}
    for found in problems:
        places.setdefault(found["message"], []).append(wording.place(found["pointer"]))
    return list(places.items())


@bp.post("/<int:api_id>/document")
@right_required("publish")
def update(api_id: int) -> Response | Redirect:
    """Import another document for an API: a new version, or the same one mended."""
    own = queries.find_own(_organisation_id(), api_id)
    if own is None:
        abort(404)
    upload, entered = read_upload(request.form, request.files, slug=own.slug)
    if upload is None:
        return make_response(_show(api_id, problem=entered.errors["document"]), 422)
    try:
        result = _import(upload)
    except CatalogError as fault:
        return make_response(_show(api_id, problem=fault.message), fault.status)
    flash(_done(result), "success")
    return redirect(url_for("provider.show", api_id=api_id), 303)


@bp.post("/<int:api_id>/publication")
@right_required("publish")
def publish(api_id: int) -> Response | Redirect:
    """List the API in the market and open it at the gateway."""
    upstream = request.form.get("upstream_url", "").strip()
    free = request.form.get("free_calls", "").strip()

    def act() -> None:
        service.publish(
            _organisation_id(),
            api_id,
            **_by(),
            allow_private=plugs().settings.gateway_allow_private_upstreams,
            upstream_url=upstream,
            free_calls=int(free) if free.isascii() and free.isdecimal() and len(free) < 10 else None,
        )

    return _act(api_id, _("Published. It is in the market now."), act, upstream=upstream)


@bp.post("/<int:api_id>/versions/<int:version_id>/publication")
@right_required("publish")
def publish_version(api_id: int, version_id: int) -> Response | Redirect:
    """Show a version to everybody and make it the current one."""

    def act() -> None:
        versions.publish_version(_organisation_id(), version_id, **_by(), make_default=True)

    return _act(api_id, _("This version is the current one now."), act)


@bp.post("/<int:api_id>/versions/<int:version_id>/deprecation")
@right_required("publish")
def deprecate_version(api_id: int, version_id: int) -> Response | Redirect:
    """Announce that a version will stop working."""

    def act() -> None:
        versions.deprecate_version(_organisation_id(), version_id, **_by(), sunset_at=_last_day(), note=_note())

    return _act(api_id, _("Readers now see that this version will go."), act)


@bp.post("/<int:api_id>/farewell")
@right_required("publish")
def deprecate(api_id: int) -> Response | Redirect:
    """Announce that the whole API will go, what replaces it and how to move."""
    replacement = request.form.get("replacement", "").strip()[:200]

    def act() -> None:
        farewells.deprecate_api(
            _organisation_id(), api_id, **_by(), sunset_at=_last_day(), replacement=replacement, note=_note()
        )

    return _act(api_id, _("Readers now see that this API will go."), act)


@bp.post("/<int:api_id>/retirement")
@right_required("publish")
def retire(api_id: int) -> Response | Redirect:
    """End an API whose last day has come."""

    def act() -> None:
        farewells.retire_api(_organisation_id(), api_id, **_by())

    return _act(api_id, _("Retired. It takes no new subscriptions."), act)


def _act(api_id: int, said: str, act: Callable[[], None], *, upstream: str | None = None) -> Response | Redirect:
    """Do it, say so and show the API; what stands against it is shown beside what was entered."""
    try:
        with transaction():
            act()
    except UnknownApi:
        abort(404)
    except CatalogError as fault:
        return make_response(_show(api_id, problem=fault.message, upstream=upstream), fault.status)
    flash(said, "success")
    return redirect(url_for("provider.show", api_id=api_id), 303)


class _By(TypedDict):
    actor: str
    now: datetime


def _by() -> _By:
    return {"actor": get_principal().actor, "now": plugs().clock.now()}


def _note() -> str:
    """The note without what PostgreSQL cannot store; line ends as everywhere else."""
    return request.form.get("note", "").replace("\x00", "").replace("\r\n", "\n")


def _last_day() -> datetime | None:
    text = request.form.get("sunset", "")
    if not text:
        return None
    try:
        return datetime.combine(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date(), time(), UTC)
    except ValueError:
        raise CatalogError(_("Write the date as year-month-day.")) from None


def _organisation_id() -> int:
    organisation_id = get_principal().organisation_id
    if organisation_id is None:
        abort(404)
    return organisation_id


def _may_publish() -> bool:
    return get_principal().may("publish")
