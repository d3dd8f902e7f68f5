"""Typed refusals of identity. Edges turn them into words; nothing here knows HTTP."""

from __future__ import annotations

from datetime import timedelta


class IdentityError(Exception):
    """An expected refusal."""


class WrongCredentials(IdentityError):
    """No account has this address with this password. Says the same whether the address is known or not."""


class TooManyAttempts(IdentityError):
    """The password was not looked at: too many wrong ones before it."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__(f"too many attempts; again in {retry_after}")
        self.retry_after = retry_after


class EmailTaken(IdentityError):
    """Somebody has signed up with this address, in whatever letter case."""


class NotAMember(IdentityError):
    """The person does not belong to the organisation, or it does not exist: nobody outside can tell which."""


class UnknownOrganisation(IdentityError, LookupError):
    """There is no such organisation."""


class UnknownToken(IdentityError, LookupError):
    """The organisation has no such live token."""


class UnknownSession(IdentityError, LookupError):
    """The person has no such live session."""
