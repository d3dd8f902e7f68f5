"""A Stripe-compatible server: its own process, its own state, no real money.

It speaks Stripe's wire protocol at the API version the pinned SDK uses, hosts the checkout and billing portal pages,
and sends signed webhooks. The product reaches it only through a base URL and cannot tell it from Stripe.
See ``docs/simulator.md``.
"""

API_VERSION = "2026-10-28.endive"
