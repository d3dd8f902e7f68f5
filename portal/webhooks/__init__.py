"""Deliveries of the payment provider: stored first, acknowledged, then worked from rows."""
