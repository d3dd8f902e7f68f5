"""Typed refusals of identity. Edges turn them into words; nothing here knows HTTP."""

from __future__ import annotations

from datetime import timedelta


class IdentityError(Exception):
    """An expected refusal."""


class WrongCredentials(IdentityError):
    """No account has this address with this password. Says the same whether the address is known or not."""


class TooManyAttempts(IdentityError):
    """Nothing was looked at or sent: too many tries before this one."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__(f"too many attempts; again in {retry_after}")
        self.retry_after = retry_after


class EmailTaken(IdentityError):
    """The address, in whatever letter case, is somebody's who has confirmed it. Not for strangers' eyes."""


class NotAMember(IdentityError):
    """The person does not belong to the organisation, or it does not exist: nobody outside can tell which."""


class UnknownOrganisation(IdentityError, LookupError):
    """There is no such organisation."""


class UnknownToken(IdentityError, LookupError):
    """The organisation has no such live token."""


class UnknownSession(IdentityError, LookupError):
    """The person has no such live session."""


class LinkGone(IdentityError, LookupError):
    """The link of a mail is unknown, used, too old or pointless by now: nobody outside can tell which."""


class WrongCode(IdentityError):
    """The code is not the authenticator's, was used before, or is no recovery code."""


class NoSecondFactor(IdentityError):
    """The person has no authenticator, or none that is being set up."""


class UnknownMember(IdentityError, LookupError):
    """The organisation has no such member."""


class LastOwner(IdentityError):
    """An organisation without an owner could never be managed again."""


class NotYours(IdentityError):
    """Only an owner makes, changes and removes owners."""


class AlreadyMember(IdentityError):
    """The address is a member's, or has an open invitation."""


class TooManyInvitations(IdentityError):
    """The organisation has as many open invitations as it may."""


class UnknownInvitation(IdentityError, LookupError):
    """The organisation has no such open invitation."""


class OtherAddress(IdentityError):
    """The invitation is for another address than the person's own."""


class UnknownPerson(IdentityError, LookupError):
    """There is no such person."""
