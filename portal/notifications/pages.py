"""The kept mails, for development and the demo: whoever opens the page may read them all. Never registered in production."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, make_response, render_template, request, url_for
from flask_babel import gettext as _
from markupsafe import Markup, escape
from werkzeug.exceptions import NotFound

from portal.db import SYSTEM, scoped
from portal.notifications import queries
from portal.notifications.rules import split_links
from portal.web.palette import Entry, Group, offer
from portal.web.principal import public

bp = Blueprint("notifications", __name__)
# A mail carries its own styles, which our pages' policy forbids; nothing in it may run, load or be sent.
_MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; sandbox allow-top-navigation-by-user-activation allow-popups"
)


def register(app: Flask) -> None:
    """Serve the page and let the footer link to it."""
    app.register_blueprint(bp)
    app.jinja_env.globals["keeps_mail"] = True
    offer(app, lambda _asked: [Entry(_("Mail"), url_for("notifications.mails"), Group.PAGES, also=_("letters inbox"))])
    app.jinja_env.filters["with_links"] = with_links


@bp.get("/mail")
@public
def mails() -> str:
    """Every kept mail, newest first, with its links to press."""
    wanted = request.args.get("to", "")[:254].replace("\x00", "").strip()
    with scoped(SYSTEM):
        found = queries.list_kept(wanted)
    return render_template("notifications/mails.html", mails=found, wanted=wanted)


@bp.get("/mail/<int:mail_id>")
@public
def mail(mail_id: int) -> Response:
    """One mail as a mail program shows it."""
    with scoped(SYSTEM):
        found = queries.find_kept(mail_id)
    if found is None:
        raise NotFound
    page = make_response(found.html)
    page.headers["Content-Security-Policy"] = _MAIL_POLICY
    return page


def with_links(text: str) -> Markup:
    """Return plain text with its addresses as links."""
    return Markup().join(
        Markup('<a class="link" href="{}">{}</a>').format(part, part) if is_link else escape(part)
        for part, is_link in split_links(text)
    )
