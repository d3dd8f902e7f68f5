"""Changes of an API in the reader's words."""

from __future__ import annotations

from flask_babel import format_date, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that the extraction of messages looks for

from portal.catalog import wording
from portal.catalog.differences.breaking import Change
from portal.catalog.renditions.feed import Entry
from portal.catalog.types import VersionView
from portal.web.formatting import date_pattern

_SENTENCES = {
    "operation added": N_("New operation"),
    "operation removed": N_("Operation removed"),
    "operation deprecated": N_("Marked as deprecated"),
    "operation no longer deprecated": N_("No longer deprecated"),
    "parameter added": N_("Optional parameter added"),
    "required parameter added": N_("Required parameter added"),
    "parameter removed": N_("Parameter removed"),
    "parameter now required": N_("Parameter is required now"),
    "parameter now optional": N_("Parameter is optional now"),
    "parameter type changed": N_("Parameter has another type"),
    "parameter type widened": N_("Parameter takes more than before"),
    "parameter value added": N_("Parameter takes another value"),
    "parameter value removed": N_("Parameter no longer takes a value"),
    "parameter limit tightened": N_("Parameter has a tighter limit"),
    "parameter limit loosened": N_("Parameter has a looser limit"),
    "body added": N_("Optional body added"),
    "required body added": N_("Required body added"),
    "body removed": N_("Body removed"),
    "body now required": N_("Body is required now"),
    "body now optional": N_("Body is optional now"),
    "body format added": N_("Body may have another format"),
    "body format removed": N_("Body may no longer have a format"),
    "body field added": N_("Optional field added to the body"),
    "required body field added": N_("Required field added to the body"),
    "body field removed": N_("Field removed from the body"),
    "body field now required": N_("Field of the body is required now"),
    "body field now optional": N_("Field of the body is optional now"),
    "body field type changed": N_("Field of the body has another type"),
    "body field type widened": N_("Field of the body takes more than before"),
    "body field value added": N_("Field of the body takes another value"),
    "body field value removed": N_("Field of the body no longer takes a value"),
    "body field limit tightened": N_("Field of the body has a tighter limit"),
    "body field limit loosened": N_("Field of the body has a looser limit"),
    "answer added": N_("New answer"),
    "answer removed": N_("Answer removed"),
    "error answer removed": N_("Error answer removed"),
    "answer format added": N_("Answer may have another format"),
    "answer format removed": N_("Answer no longer has a format"),
    "answer field added": N_("Field added to the answer"),
    "answer field removed": N_("Field removed from the answer"),
    "answer field no longer promised": N_("Field of the answer may be missing now"),
    "answer field now promised": N_("Field of the answer is always there now"),
    "answer field type changed": N_("Field of the answer has another type"),
    "answer field type narrowed": N_("Field of the answer says less than before"),
    "answer field value added": N_("Field of the answer may have another value"),
    "answer field value removed": N_("Field of the answer no longer has a value"),
}


def sentence(change: Change) -> str:
    """Return what happened, without where."""
    return str(_SENTENCES[change.kind])


def difference(change: Change) -> str:
    """Return before and after where the documents say them: "integer → string"."""
    if change.before and change.after:
        return f"{change.before} → {change.after}"
    return change.before or change.after


def entry(version: VersionView) -> Entry:
    """Return a version as an entry of the feed."""
    words, _tone = wording.state(version.state)
    parts = [words, ngettext("%(num)d operation", "%(num)d operations", version.operation_count)]
    if version.sunset_at:
        parts.append(_("works until %(date)s", date=format_date(version.sunset_at, date_pattern("d MMM yyyy"))))
    if version.migration_note:
        parts.append(version.migration_note)
    updated = max(filter(None, (version.created_at, version.deprecated_at)))
    return Entry(f"version-{version.id}", version.name, " · ".join(map(str, parts)), updated)
