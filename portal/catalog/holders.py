"""Which products the reader already has. Subscriptions stand above the catalog, so they tell it when it asks."""

from __future__ import annotations

from collections.abc import Callable, Collection

from flask import Flask, current_app

from portal.web.principal import find_principal

Lookup = Callable[[int, Collection[int]], dict[int, int]]


def told_by(app: Flask, lookup: Lookup) -> None:
    """Tell the catalog how to look up an account's live subscriptions to some products: their ids by product."""
    app.extensions["catalog holders"] = lookup


def held_products(product_ids: Collection[int]) -> set[int]:
    """Return which of some products the reader's organisation has a live subscription to."""
    return set(_held(product_ids))


def find_held(product_id: int) -> int | None:
    """Return the id of the reader's live subscription to a product, if there is one."""
    return _held([product_id]).get(product_id)


def _held(product_ids: Collection[int]) -> dict[int, int]:
    principal, lookup = find_principal(), current_app.extensions.get("catalog holders")
    if principal is None or principal.account_id is None or lookup is None or not product_ids:
        return {}
    found: dict[int, int] = lookup(principal.account_id, product_ids)
    return found
