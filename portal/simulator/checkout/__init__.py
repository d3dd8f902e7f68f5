"""The hosted checkout page and the bank's confirmation page."""
