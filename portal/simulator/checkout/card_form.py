"""Reading a card form: which test card, until when, or what to correct."""

import re
from dataclasses import dataclass
from typing import Any

from portal.kit.clock import from_timestamp
from portal.simulator.cards import BY_NUMBER, Card, luhn

Errors = dict[str, str]
FIELDS = ("email", "number", "expiry", "cvc", "name")
FILLED = {"expiry": "12 / 34", "cvc": "123"}


@dataclass(frozen=True)
class CardEntry:
    """A test card as typed into a form."""

    card: Card
    exp_month: int
    exp_year: int


def form_values(form: object) -> dict[str, str]:
    """The fields of a submitted form as text of sensible length; a chosen test card fills its fields."""
    read = getattr(form, "get", lambda *_: "")
    values = {name: str(read(name, "") or "")[:300] for name in FIELDS}
    return {**values, **filled(str(read("fill", "") or ""))}


def filled(number: str) -> dict[str, str]:
    """The fields a chosen test card fills; nothing for anything else."""
    return {"number": spaced(number), **FILLED} if number in BY_NUMBER else {}


def spaced(number: str) -> str:
    """A card number in groups of four."""
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))


def shown_form(values: dict[str, str], errors: Errors) -> dict[str, Any]:
    """What the form template needs: every field's value and error, and the problems to list."""
    return {
        "values": {name: values.get(name, "") for name in FIELDS},
        "errors": {name: errors.get(name, "") for name in (*FIELDS, "payment")},
        "problems": errors,
    }


def read_card(values: dict[str, str], now: int) -> tuple[CardEntry | None, Errors]:
    """The card, or a sentence for every field that needs attention."""
    errors: Errors = {}
    number = re.sub(r"[^0-9]", "", values["number"])
    card = BY_NUMBER.get(number)
    if card is None:
        errors["number"] = _about_number(number)
    expiry = _expiry(values["expiry"], now)
    if expiry is None:
        errors["expiry"] = "Enter a date in the future as month and year, such as 12 / 34."
    if not re.fullmatch(r"[0-9]{3,4}", values["cvc"].strip()):
        errors["cvc"] = "Enter the 3 or 4 digits of the security code."
    if errors or card is None or expiry is None:
        return None, errors
    return CardEntry(card, *expiry), {}


def _about_number(number: str) -> str:
    if not number:
        return "Enter a card number."
    if len(number) < 12 or not luhn(number):
        return "This card number is not complete or has a typing error."
    return "This is not one of the test cards. No real card can be used here; pick one from the list below."


def _expiry(text: str, now: int) -> tuple[int, int] | None:
    match = re.fullmatch(r"\s*(0?[1-9]|1[0-2])\s*/?\s*(?:20)?([0-9]{2})\s*", text, flags=re.ASCII)
    if match is None:
        return None
    month, year = int(match[1]), 2000 + int(match[2])
    today = from_timestamp(now)
    return (month, year) if (year, month) >= (today.year, today.month) else None
