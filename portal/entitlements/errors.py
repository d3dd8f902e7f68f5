"""What can be wrong with a right."""

from __future__ import annotations


class EmptyWindow(ValueError):
    """A right would end before it begins, or has ended already."""
