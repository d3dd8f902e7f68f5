"""Why a delivery is not taken in."""

from __future__ import annotations


class IntakeOff(Exception):
    """No signing secret is configured: the route does not exist rather than trusting everybody."""


class NotAnEvent(ValueError):
    """The bytes are signed but do not describe an event."""
