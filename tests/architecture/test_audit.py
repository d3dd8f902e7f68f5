"""Privileged acts leave an entry in the trail: whatever changes something with more than a right to read leads to one."""

from __future__ import annotations

import inspect

import pytest
from flask import Flask

from tests.architecture.reach import leads_to

RECORD = "portal.audit.service.record"
UNSAFE = {"POST", "PUT", "PATCH", "DELETE"}
PRIVILEGED = ("operator", "right: manage", "right: publish", "right: keys", "right: buy", "app: grants")
# Acts with such a right that need no entry, each with its reason.
NO_TRACE = {"payments.portal": "opens pages of the payment provider; what is done there comes back as events"}


def acts(app: Flask) -> dict[str, str]:
    """Return the function behind each unsafe route that asks for more than reading, by endpoint."""
    found = {}
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if UNSAFE & (rule.methods or set()) and getattr(view, "access", None) in PRIVILEGED:
            plain = inspect.unwrap(view)
            found[rule.endpoint] = f"{plain.__module__}.{plain.__name__}"
    return found


def test_every_privileged_act_leads_to_an_entry(app: Flask) -> None:
    silent = {name for name, function in acts(app).items() if not leads_to(function, RECORD)}
    assert silent == set(NO_TRACE)


def test_operators_acts_have_no_exception(app: Flask) -> None:
    operators = {name for name in acts(app) if app.view_functions[name].__dict__["access"] == "operator"}
    assert "identity.disable_person" in operators
    assert not operators & set(NO_TRACE)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("portal.identity.pages.people.disable_person", True),
        ("portal.identity.pages.people.list_people", False),
        ("portal.identity.operating.enable", True),
        ("portal.audit.queries.list_about", False),
    ],
)
def test_what_leads_to_an_entry_is_told_from_what_does_not(function: str, expected: bool) -> None:
    assert leads_to(function, RECORD) == expected
