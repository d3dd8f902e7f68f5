"""Who buys: the organisation of the person in front of the page, and its account."""

from __future__ import annotations

from dataclasses import replace

from flask import abort
from flask_babel import gettext as _

from portal.db import SYSTEM, transaction
from portal.payments.types import Buyer
from portal.projects.service import ensure_account
from portal.web.principal import Principal, get_principal, set_principal
from portal.web.problems import Problem


def buyer_of(principal: Principal) -> Buyer:
    """Return who buys when this principal does, opening the organisation's account on its first purchase."""
    if principal.organisation_id is None:
        raise Problem(
            403, "no-organisation", _("Choose an organisation first"), _("Purchases belong to an organisation.")
        )
    account = principal.account_id
    if account is None:
        account = _open_account(principal)
        set_principal(replace(principal, account_id=account))  # the rest of this request may touch its rows
    return Buyer(
        organisation_id=principal.organisation_id,
        name=principal.organisation_name or "",
        account_id=account,
        user_id=principal.user_id,
        email=principal.email,
        actor=principal.actor,
    )


def _open_account(principal: Principal) -> int:
    assert principal.organisation_id is not None
    with transaction(SYSTEM):
        return ensure_account(principal.organisation_id, name=principal.organisation_name or "", email=principal.email)


def account_id() -> int:
    """Return the account of the caller's organisation; without one there is nothing to show."""
    principal = get_principal()
    if principal.account_id is None:
        abort(404)
    return principal.account_id
