"""Countries, languages and currencies, by the Unicode CLDR in Babel."""

from __future__ import annotations

from functools import cache
from typing import Annotated

from babel import Locale, UnknownLocaleError
from babel.languages import get_official_languages
from babel.numbers import format_currency, get_currency_name, get_currency_symbol, get_territory_currencies
from pydantic import Field

from portal.upstreams.answers import Fault
from portal.upstreams.describing import Amount, Answer, Api, Asked, param, said

API = Api(
    "countries",
    "Countries & Currencies",
    "4.1.0",
    "Names of countries, languages and currencies in more than a hundred languages, and how money is written there.",
    """
    For forms, price tags and addresses. Names come from the Unicode Common Locale Data Repository, so they are what people
    in a country expect to read; a country's official languages and the currency in use come with it.
    """,
    {"Countries": "Countries, with languages and money.", "Money": "Currencies and how amounts are written."},
)
Language = Annotated[str, Field(pattern="^[a-z]{2,3}(_[A-Za-z]{2,4})?$")]


class ListQuestion(Asked):
    language: Language = param("Language of the names.", "pt", "en")


class CountryQuestion(ListQuestion):
    country: str = param("Country, two letters.", "CH", pattern="^[A-Za-z]{2}$")


class MoneyQuestion(Asked):
    amount: Amount = param("The amount.", 1234.5, ge=-(10**15), le=10**15)
    currency: str = param("Currency, three letters.", "CHF", pattern="^[A-Za-z]{3}$")
    locale: Language = param("Language, with a country where it matters.", "de_CH")


class Named(Answer):
    """A code with its name."""

    code: str
    name: str


class Countries(Answer):
    """Every country, by name."""

    language: str
    countries: list[Named]


class Country(Answer):
    """A country."""

    code: str
    name: str
    native_name: str = said("Its name in its first official language.")
    languages: list[Named] = said("Official languages.")
    currencies: list[Named] = said("Currencies in use today.")


class Money(Answer):
    """An amount as people read it."""

    text: str
    symbol: str
    name: str = said("Name of the currency in that language.")


@API.get("/v1/countries", "Countries")
def list_countries(asked: ListQuestion) -> Countries:
    """Countries by name."""
    territories = _locale(asked.language).territories
    named = sorted((name, code) for code, name in territories.items() if len(code) == 2 and code not in _NOT_COUNTRIES)
    return Countries(language=asked.language, countries=[Named(code=code, name=name) for name, code in named])


@API.get("/v1/countries/{country}", "Countries")
def country(asked: CountryQuestion) -> Country:
    """One country."""
    code, locale = asked.country.upper(), _locale(asked.language)
    if code not in locale.territories or code in _NOT_COUNTRIES:
        raise Fault(f"There is no country {code}.", 404)
    spoken = get_official_languages(code, de_facto=True)
    native = _locale(spoken[0]) if spoken else locale
    return Country(
        code=code,
        name=locale.territories[code],
        native_name=native.territories.get(code, code),
        languages=[Named(code=each, name=locale.languages.get(each, each)) for each in spoken],
        currencies=[Named(code=each, name=get_currency_name(each, locale=locale)) for each in _money_of(code)],
    )


@API.get("/v1/money", "Money")
def write_amount(asked: MoneyQuestion) -> Money:
    """Write an amount.

    Writes an amount as it is written in a language: symbol and separators in their places, the currency's own decimals.
    """
    locale, currency = _locale(asked.locale), asked.currency.upper()
    if currency not in locale.currencies:
        raise Fault(f"There is no currency {currency}.", 404)
    return Money(
        text=format_currency(asked.amount, currency, locale=locale),
        symbol=get_currency_symbol(currency, locale=locale),
        name=get_currency_name(currency, locale=locale),
    )


_NOT_COUNTRIES = frozenset(("EU", "EZ", "UN", "XA", "XB", "ZZ", "QO"))


@cache
def _locale(text: str) -> Locale:
    try:
        return Locale.parse(text)
    except (UnknownLocaleError, ValueError):
        raise Fault(f"There is no language {text}.", 404) from None


def _money_of(code: str) -> list[str]:
    return [str(each) for each in get_territory_currencies(code)]
