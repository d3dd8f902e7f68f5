"""What subscriptions offer to the command palette: each of the organisation's own."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Flask, url_for

from portal.catalog.labels import labels
from portal.subscriptions.queries import list_for_account
from portal.web.palette import Asked, Entry, Group, offer


def register(app: Flask) -> None:
    """Offer them."""
    offer(app, _subscriptions)


def _subscriptions(asked: Asked) -> Iterator[Entry]:
    if asked.reader is None or asked.reader.account_id is None:
        return
    held = list_for_account(asked.reader.account_id)
    names = labels([one.product_id for one in held])
    for one in held:
        if (name := names.get(one.product_id)) is not None:
            address = url_for("subscriptions.show", subscription_id=one.id)
            yield Entry(name.api_name, address, Group.SUBSCRIPTIONS, note=name.organisation_name)
