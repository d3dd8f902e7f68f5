"""IBANs and BICs, by the registries in python-stdnum. Two versions: the first answers without saying why."""

from __future__ import annotations

from stdnum import bic, iban
from stdnum.exceptions import InvalidChecksum, InvalidComponent, InvalidFormat, InvalidLength, ValidationError

from portal.upstreams.describing import Answer, Api, Asked, param, said

_SUMMARY = "Check IBANs and BICs before a payment is sent, and say what is wrong with one."
_DESCRIPTION = """
    Checks the length, the country's structure and the check digits of a bank account number, and the form of a bank's
    identifier. Catches every single mistyped digit and nearly every swapped pair.

    It does not ask a bank: a number that passes can exist, which is not the same as that it does.
    """
_TAGS = {"Accounts": "IBANs, one or a list.", "Banks": "BICs, also called SWIFT codes."}
V1 = Api("bank-accounts", "Bank Account Check", "1.6.0", _SUMMARY, _DESCRIPTION, _TAGS)
V2 = Api("bank-accounts", "Bank Account Check", "2.0.0", _SUMMARY, _DESCRIPTION, _TAGS)
_REASONS: dict[type[ValidationError], str] = {
    InvalidChecksum: "The check digits do not fit: a digit is mistyped or two are swapped.",
    InvalidLength: "It has too few or too many characters.",
    InvalidFormat: "It is not built as the country's numbers are.",
    InvalidComponent: "The country or a part of it is unknown.",
}


class IbanQuestion(Asked):
    iban: str = param("The number, with or without spaces.", "DE89 3704 0044 0532 0130 00", max_length=50)


class BicQuestion(Asked):
    bic: str = param("The identifier, 8 or 11 characters.", "DEUTDEFF500", max_length=20)


class IbanList(Asked):
    ibans: list[str] = param(
        "Up to 100 numbers.",
        ["DE89 3704 0044 0532 0130 00", "GB82 WEST 1234 5698 7654 33"],
        min_length=1,
        max_length=100,
    )


class OldAccount(Answer):
    """Whether the number can exist."""

    iban: str
    valid: bool
    country: str


class Account(Answer):
    """What the number says about itself."""

    iban: str = said("The number without spaces.")
    formatted: str = said("In groups of four, as it is printed.")
    is_valid: bool
    country_code: str = said("The first two letters.")
    reason: str | None = said("What is wrong, for people; empty when it is valid.")


class Accounts(Answer):
    """Each number in the order it was sent."""

    valid: int = said("How many of them are valid.")
    accounts: list[Account]


class Bank(Answer):
    """The parts of an identifier."""

    bic: str
    is_valid: bool
    country_code: str
    branch: str | None = said("Three characters; empty for the head office.")
    reason: str | None


@V1.get("/v1/iban", "Accounts", deprecated=True)
def check_iban_v1(asked: IbanQuestion) -> OldAccount:
    """Check an IBAN (first version).

    Answers yes or no. The second version also says what is wrong and how the number is printed.
    """
    number = iban.compact(asked.iban)
    return OldAccount(iban=number, valid=iban.is_valid(number), country=number[:2])


@V1.get("/v1/bic", "Banks", deprecated=True)
def check_bic_v1(asked: BicQuestion) -> Bank:
    """Check a BIC (first version)."""
    return check_bic(asked)


@V2.get("/v2/accounts/{iban}", "Accounts")
def check_iban(asked: IbanQuestion) -> Account:
    """Check an IBAN."""
    return _account(asked.iban)


@V2.post("/v2/accounts", "Accounts")
def check_ibans(asked: IbanList) -> Accounts:
    """Check a list of IBANs.

    For a file of payments: one call instead of a hundred, and it counts as one.
    """
    accounts = [_account(each[:50]) for each in asked.ibans]
    return Accounts(valid=sum(each.is_valid for each in accounts), accounts=accounts)


@V2.get("/v2/banks/{bic}", "Banks")
def check_bic(asked: BicQuestion) -> Bank:
    """Check a BIC."""
    number = bic.compact(asked.bic)
    reason = _fault(bic.validate, number)
    return Bank(
        bic=number, is_valid=reason is None, country_code=number[4:6], branch=number[8:11] or None, reason=reason
    )


def _account(text: str) -> Account:
    number = iban.compact(text)
    reason = _fault(iban.validate, number)
    return Account(
        iban=number,
        formatted=iban.format(number),
        is_valid=reason is None,
        country_code=number[:2],
        reason=reason,
    )


def _fault(validate: object, number: str) -> str | None:
    assert callable(validate)
    try:
        validate(number)
    except ValidationError as refused:
        return next((words for kind, words in _REASONS.items() if isinstance(refused, kind)), str(refused))
    return None
