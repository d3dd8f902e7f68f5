"""For people who write programs: made-up people and orders, and JSON checked against its schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from functools import cache
from typing import Any, Literal

import jsonschema
from faker import Faker
from referencing import Registry
from referencing.exceptions import Unresolvable

from portal.upstreams.answers import Fault
from portal.upstreams.describing import Answer, Api, Asked, param, said

TEST_DATA = Api(
    "test-data",
    "Test Data",
    "5.0.0",
    "Made-up people, companies and orders in eight languages, the same again for the same seed.",
    """
    Names and streets that sound right and belong to nobody; mail addresses end in example domains, which nobody can own. Say a
    seed and you get the same rows every time, so that a failing test fails again.
    """,
    {"People": "Somebody who does not exist.", "Business": "Companies and what they order."},
)
JSON_SCHEMA = Api(
    "json-schema",
    "JSON Schema Check",
    "1.2.0",
    "Every fault of a JSON document with its place, by the schema you send along.",
    """
    Checks by draft 2020-12. References must stay within the schema: nothing is ever fetched. Regular expressions
    (`pattern`, `patternProperties`) are not evaluated, since a hostile one never ends.
    """,
    {"Checking": "One document and its schema."},
)
Locale = Literal["de_DE", "en_GB", "en_US", "es_ES", "fr_FR", "it_IT", "nl_NL", "sv_SE"]
_DEEPEST = 40
_MOST_REFERENCES = 2_000


class Rows(Asked):
    locale: Locale = param("Language and country.", "sv_SE", "en_GB")
    seed: int = param("The same seed gives the same rows.", 7, 1, ge=0, le=2**31)
    count: int = param("How many.", 2, 10, ge=1, le=100)


class Person(Answer):
    """Somebody who does not exist."""

    name: str
    email: str
    street: str
    postcode: str
    town: str
    born: date


class People(Answer):
    """The people."""

    people: list[Person]


class Order(Answer):
    """Something a company ordered."""

    number: str
    company: str
    item: str
    quantity: int
    unit_price: str
    ordered: date


class Orders(Answer):
    """The orders."""

    orders: list[Order]


class Document(Asked):
    document: Any = param("What is checked.", {"name": "Apples", "price": -1})
    json_schema: dict[str, Any] = param(
        "Its schema.",
        {"type": "object", "required": ["name"], "properties": {"price": {"type": "number", "minimum": 0}}},
        alias="schema",
    )


class Breach(Answer):
    """One rule that the document breaks."""

    at: str = said("JSON pointer into the document.")
    keyword: str = said("The rule of the schema that is broken.")
    message: str


class Checked(Answer):
    """Whether the document fits, and what is wrong: the first hundred faults."""

    is_valid: bool
    faults: list[Breach]


@TEST_DATA.get("/v5/people", "People")
def people(asked: Rows) -> People:
    """People who do not exist."""
    made = _faker(asked)
    oldest, youngest = date(1940, 1, 1), date(2007, 12, 31)
    listed = [
        Person(
            name=made.name(),
            email=made.ascii_safe_email(),
            street=made.street_address(),
            postcode=made.postcode(),
            town=made.city(),
            born=made.date_between_dates(oldest, youngest),
        )
        for _row in range(asked.count)
    ]
    return People(people=listed)


@TEST_DATA.get("/v5/orders", "Business")
def orders(asked: Rows) -> Orders:
    """Orders that nobody placed."""
    made = _faker(asked)
    opened, closed = date(2025, 1, 1), date(2025, 12, 31)
    listed = [
        Order(
            number=made.bothify("??-#####").upper(),
            company=made.company(),
            item=made.ean13(),
            quantity=made.random_int(1, 40),
            unit_price=f"{made.random_int(199, 24_999) / 100:.2f}",
            ordered=made.date_between_dates(opened, closed),
        )
        for _row in range(asked.count)
    ]
    return Orders(orders=listed)


@JSON_SCHEMA.post("/v1/check", "Checking")
def check_document(asked: Document) -> Checked:
    """Check a document by its schema."""
    if _depth(asked.json_schema) > _DEEPEST or _depth(asked.document) > _DEEPEST:
        raise Fault(f"Document and schema may be {_DEEPEST} levels deep.")
    try:
        jsonschema.Draft202012Validator.check_schema(asked.json_schema)
        found = list(_validator(asked.json_schema).iter_errors(asked.document))
    except jsonschema.SchemaError as refused:
        raise Fault(f"`schema` is not a schema: {refused.message[:200]}.") from None
    except (Unresolvable, RecursionError):
        raise Fault("`schema` has a reference that leads nowhere, in a circle or too far.") from None
    faults = [
        Breach(at=_pointer(each.absolute_path), keyword=each.validator, message=each.message[:300])
        for each in found[:100]
    ]
    return Checked(is_valid=not found, faults=faults)


def _validator(schema: dict[str, Any]) -> Any:
    """Return a validator that fetches nothing, runs no pattern and gives up on references that multiply."""
    rules = dict(jsonschema.Draft202012Validator.VALIDATORS)
    followed = 0

    def follow(name: str) -> Callable[..., Iterator[jsonschema.ValidationError]]:
        def check(*given: Any) -> Iterator[jsonschema.ValidationError]:
            nonlocal followed
            followed += 1
            if followed > _MOST_REFERENCES:
                raise RecursionError
            yield from rules[name](*given) or ()

        return check

    changed: dict[str, Any] = {name: follow(name) for name in ("$ref", "$dynamicRef")}
    changed |= dict.fromkeys(("pattern", "patternProperties"), lambda *_given: ())
    extend: Any = jsonschema.validators.extend  # its types are not told
    return extend(jsonschema.Draft202012Validator, changed)(schema, registry=Registry())


@cache
def _of_locale(locale: str) -> Faker:
    return Faker(locale)


def _faker(asked: Rows) -> Any:
    made = _of_locale(asked.locale)
    made.seed_instance(asked.seed)
    return made


def _pointer(path: Any) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _depth(value: object) -> int:
    level, depth = [value], 0
    while level and depth <= _DEEPEST:
        depth += 1
        level = [part for each in level if isinstance(each, dict | list) for part in _parts(each)]
    return depth


def _parts(value: dict[str, Any] | list[Any]) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value
