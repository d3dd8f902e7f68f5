"""Phone numbers, by the tables of libphonenumber."""

from __future__ import annotations

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from portal.upstreams.answers import Fault
from portal.upstreams.describing import Answer, Api, Asked, param, said

API = Api(
    "phone-numbers",
    "Phone Numbers",
    "3.2.0",
    "Check a phone number, write it as people there write it, and learn which country it belongs to.",
    """
    Takes a number as people type it and tells you whether it can exist, what kind it is, how it is written nationally and
    internationally, and which country it belongs to. Works for every country with a numbering plan.

    **It looks numbers up in numbering plans, it does not call them.** A valid number may still be nobody's.
    """,
    {"Numbers": "One number, taken apart.", "Plans": "What numbers of a country look like."},
)
_KINDS = {value: name.lower() for name, value in vars(PhoneNumberType).items() if name.isupper()}


class PhoneQuestion(Asked):
    number: str = param("The number as typed.", "030 901820", max_length=60)
    region: str = param("Country it was typed in, for numbers without +.", "DE", "US", pattern="^[A-Za-z]{2}$")


class PhoneNumber(Answer):
    """The number, taken apart."""

    is_valid: bool = said("True when the number exists in its country's numbering plan.")
    kind: str = said("What it reaches: mobile, fixed_line, toll_free and so on.")
    region: str | None = said("Country the number belongs to.")
    e164: str = said("For programs: +, country and number without spaces.")
    international: str = said("For people abroad.")
    national: str = said("For people in the country.")
    dialled_from_us: str = said("What to dial in the United States.")


class RegionQuestion(Asked):
    region: str = param("Country, two letters.", "PT", pattern="^[A-Za-z]{2}$")


class Plan(Answer):
    """How numbers of a country look."""

    region: str
    calling_code: int = said("What follows the + sign.")
    fixed_line_example: str | None
    mobile_example: str | None


@API.get("/v1/check", "Numbers")
def check_number(asked: PhoneQuestion) -> PhoneNumber:
    """Check a number."""
    try:
        number = phonenumbers.parse(asked.number, _region(asked.region))
    except NumberParseException as refused:
        raise Fault(f"`number` cannot be read: {str(refused).rstrip('.').lower()}.") from None
    return PhoneNumber(
        is_valid=phonenumbers.is_valid_number(number),
        kind=_KINDS[phonenumbers.number_type(number)],
        region=phonenumbers.region_code_for_number(number),
        e164=phonenumbers.format_number(number, PhoneNumberFormat.E164),
        international=phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL),
        national=phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL),
        dialled_from_us=phonenumbers.format_out_of_country_calling_number(number, "US"),
    )


@API.get("/v1/regions/{region}", "Plans")
def numbering_plan(asked: RegionQuestion) -> Plan:
    """Numbering plan of a country.

    Returns the calling code and an example of a fixed and a mobile number, for hints in forms.
    """
    region = _region(asked.region)
    return Plan(
        region=region,
        calling_code=phonenumbers.country_code_for_region(region),
        fixed_line_example=_example(region, PhoneNumberType.FIXED_LINE),
        mobile_example=_example(region, PhoneNumberType.MOBILE),
    )


def _region(text: str) -> str:
    region = text.upper()
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise Fault(f"`region`: there is no numbering plan of {region}.", 404)
    return region


def _example(region: str, kind: int) -> str | None:
    number = phonenumbers.example_number_for_type(region, kind)
    return phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL) if number else None
