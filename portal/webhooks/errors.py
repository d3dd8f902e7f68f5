"""What can stand in the way of working the inbox."""

from __future__ import annotations


class NothingToReplay(LookupError):
    """No such delivery, or none that came to an end: what is in the queue is worked anyway."""
