"""The application plugged into a running simulator, and a shop in it: the same as for payments."""

from __future__ import annotations

from tests.payments.conftest import app, bought, clock, owner, shop, stripe_world, syncing

__all__ = ["app", "bought", "clock", "owner", "shop", "stripe_world", "syncing"]
