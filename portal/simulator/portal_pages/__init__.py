"""The hosted billing portal page."""
