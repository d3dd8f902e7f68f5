"""The terms of buying, readable by everybody, with the version in force."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from portal.payments.terms import VERSION
from portal.web.principal import public


def routes(bp: Blueprint) -> None:
    """Add the route."""
    bp.get("/terms")(terms)


@public
def terms() -> ResponseReturnValue:
    """Show the terms in force."""
    return render_template("payments/terms.html", version=VERSION)
