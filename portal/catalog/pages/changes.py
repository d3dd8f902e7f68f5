"""Versions of an API: which there are, how long each works, what changed between two of them, and a feed of all that."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, make_response, render_template, request, url_for
from flask_babel import gettext as _

from portal.catalog import change_words, markdown, queries
from portal.catalog.comparing import compare_versions, pair_of
from portal.catalog.frame import find_view, frame, is_own
from portal.catalog.renditions.feed import atom
from portal.web.pictures import public_address
from portal.web.principal import public


def routes(bp: Blueprint) -> None:
    """Add the routes."""
    bp.get("/marketplace/<organisation>/<api>/versions")(changes)
    bp.get("/marketplace/<organisation>/<api>/versions.atom")(feed)


@public
def changes(organisation: str, api: str) -> Response:
    """List the versions and what changed between two: those in the address, else the current one and the one before."""
    view = find_view(organisation, api)
    versions = queries.list_versions(view.id, with_drafts=is_own(view))
    pair = pair_of(versions, request.args.get("from"), request.args.get("to"))
    if pair is None and (request.args.get("from") or request.args.get("to")):
        abort(404)
    context: dict[str, Any] = frame(view, "changes") | {
        "versions": versions,
        "pair": pair,
        "comparison": compare_versions(*pair) if pair else None,
        "words": change_words,
        "markdown": markdown.render,
    }
    return make_response(render_template("catalog/changes.html", **context))


@public
def feed(organisation: str, api: str) -> Response:
    """Return the versions as an Atom feed, the newest first."""
    view = find_view(organisation, api)
    address: dict[str, Any] = {"organisation": view.organisation, "api": view.slug}
    response = make_response(
        atom(
            _("%(name)s: versions", name=view.name),
            view.organisation_name,
            page=public_address(url_for("catalog.changes", **address)),
            own=public_address(url_for("catalog.feed", **address)),
            updated=view.updated_at,
            entries=[change_words.entry(version) for version in queries.list_versions(view.id, with_drafts=False)],
        )
    )
    response.mimetype = "application/atom+xml"
    return response
