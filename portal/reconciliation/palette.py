"""What reconciliation offers to the command palette, for operators."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Flask, url_for
from flask_babel import gettext as _

from portal.web.palette import Asked, Entry, Group, offer


def register(app: Flask) -> None:
    """Offer it."""
    offer(app, _operating)


def _operating(asked: Asked) -> Iterator[Entry]:
    if asked.reader is None or not asked.reader.is_operator:
        return
    also = _("reconcile Stripe drift mismatch repair subscriptions entitlements")
    yield Entry(_("Billing agreement"), url_for("reconciliation.index"), Group.OPERATIONS, also=also)
