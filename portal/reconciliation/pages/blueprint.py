"""The blueprint, and what its pages have in common."""

from __future__ import annotations

from flask import Blueprint, g

from portal.payments.changing import syncing_from
from portal.payments.syncing import Syncing
from portal.reconciliation.looking import Asking, asking_from
from portal.web.plugs import plugs

bp = Blueprint("reconciliation", __name__)


def asking() -> Asking:
    """Return what looking at single records needs."""
    ports = plugs()
    return asking_from(ports.payments, ports.gateway, ports.clock, ports.settings)


def syncing() -> Syncing:
    """Return what repairs need."""
    ports = plugs()
    return syncing_from(ports.payments, ports.clock, ports.settings)


def request_id() -> str | None:
    """Return the id of this request, for the trail."""
    found: str | None = g.get("request_id")
    return found
