"""What a person typed about a project, an app or a feature."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from portal.projects.rules import MOST_ORIGINS, NotAnOrigin, origin_of
from portal.projects.types import SCOPES, AppSettings

_CODE = re.compile(r"[a-z0-9][a-z0-9_.:-]{0,99}")
MOST_PER_MINUTE = 100_000


@dataclass(slots=True)
class Entered:
    """What goes back into a form, and what is wrong with it by field."""

    values: dict[str, str] = field(default_factory=dict)
    scopes: tuple[str, ...] = SCOPES
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def problems(self) -> list[tuple[str, str]]:
        """The faults as (id of the field, message), for the summary above the form."""
        return [(f"f-{name}", message) for name, message in self.errors.items()]

    @property
    def first_problem(self) -> str:
        """The first fault, for pages that have room for one."""
        return next(iter(self.errors.values()), "")


def read_name(form: MultiDict[str, str]) -> tuple[str | None, Entered]:
    """Return the name of a project, or None and what to mend."""
    entered = Entered({"name": _one_line(form.get("name", ""))})
    _check_name(entered)
    return (None if entered.errors else entered.values["name"]), entered


def read_feature(form: MultiDict[str, str]) -> tuple[tuple[str, str] | None, Entered]:
    """Return code and name of a feature, or None and what to mend."""
    entered = Entered({"code": form.get("code", "").strip(), "name": _one_line(form.get("name", ""))})
    if not _CODE.fullmatch(entered.values["code"]):
        entered.errors["code"] = _("Use small letters, digits and . _ : - and begin with a letter or digit.")
    _check_name(entered)
    return (None if entered.errors else (entered.values["code"], entered.values["name"])), entered


def read_app(form: MultiDict[str, str], *, insecure: bool) -> tuple[AppSettings | None, Entered]:
    """Return what an app should be given, or None and what to mend. Origins stand one to a line."""
    names = ("name", "redirect_origins", "requests_per_minute")
    entered = Entered({name: form.get(name, "").strip() for name in names}, tuple(form.getlist("scopes")))
    _check_name(entered)
    if not entered.scopes or any(scope not in SCOPES for scope in entered.scopes):
        entered.errors["scopes"] = _("Choose at least one thing the app may do.")
    per_minute = entered.values["requests_per_minute"]
    if not (per_minute.isascii() and per_minute.isdigit() and 1 <= int(per_minute[:9]) <= MOST_PER_MINUTE):
        entered.errors["requests_per_minute"] = _("A whole number from 1 to 100,000.")
    origins = _read_origins(entered, insecure)
    if entered.errors:
        return None, entered
    return AppSettings(entered.values["name"], entered.scopes, origins, int(per_minute)), entered


def _read_origins(entered: Entered, insecure: bool) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for line in entered.values["redirect_origins"].split():
        try:
            found[origin_of(line, insecure=insecure)] = None
        except NotAnOrigin:
            entered.errors["redirect_origins"] = _(
                "“%(line)s” is no address we can send people back to. Write it as https://app.example.com.",
                line=line[:80],
            )
    if len(found) > MOST_ORIGINS:
        entered.errors["redirect_origins"] = _("At most %(count)s addresses.", count=MOST_ORIGINS)
    return tuple(found)


def _check_name(entered: Entered) -> None:
    name = entered.values["name"]
    if not 0 < len(name) <= 80 or not name.isprintable():
        entered.errors["name"] = _("Give it a name of up to 80 ordinary characters.")


def _one_line(text: str) -> str:
    return " ".join(text.split())
