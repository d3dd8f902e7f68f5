"""What the gateway offers to the command palette: the keys of each subscription, and single keys by their name."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Flask, url_for
from flask_babel import gettext as _

from portal.catalog.labels import labels
from portal.gateway.queries import find_named
from portal.subscriptions.queries import list_for_account
from portal.web.palette import Asked, Entry, Group, offer


def register(app: Flask) -> None:
    """Offer them."""
    offer(app, _keys)


def _keys(asked: Asked) -> Iterator[Entry]:
    if asked.reader is None or asked.reader.account_id is None or not asked.may("read") or not asked.is_searching:
        return
    held = list_for_account(asked.reader.account_id, live_only=True)
    names = labels([one.product_id for one in held])
    called = {one.id: names[one.product_id].api_name for one in held if one.product_id in names}
    for number, name in called.items():
        address = url_for("gateway.keys", subscription_id=number)
        yield Entry(_("Keys of %(name)s", name=name), address, Group.KEYS, also=_("API key credential token"))
        if asked.may("keys"):
            again = url_for("gateway.keys", subscription_id=number, _anchor="keys")
            also = _("renew replace revoke change key")
            yield Entry(_("Rotate a key of %(name)s", name=name), again, Group.KEYS, also=also)
    if asked.words:
        yield from _named(asked, called)


def _named(asked: Asked, called: dict[int, str]) -> Iterator[Entry]:
    account_id = asked.reader.account_id if asked.reader else None
    for key in find_named(account_id or 0, asked.words):
        if key.subscription_id in called:
            address = url_for("gateway.keys", subscription_id=key.subscription_id, _anchor=f"key-{key.id}")
            note = _("key of %(name)s, ends in %(last)s", name=called[key.subscription_id], last=key.last_four)
            yield Entry(key.name, address, Group.KEYS, note=note, is_found=True)
