"""Money as integer minor units of a known currency, and the one rounding rule."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Currency:
    """An ISO 4217 currency. `exponent` is the number of decimals of its minor unit.

    `min_charge` is the smallest amount in minor units that Stripe charges; `multiple` the step that
    charged amounts must keep (three-decimal currencies charge in steps of ten).
    """

    code: str
    exponent: int
    min_charge: int
    multiple: int = 1


_TABLE = (
    Currency("eur", 2, 50), Currency("usd", 2, 50), Currency("gbp", 2, 30), Currency("chf", 2, 50),
    Currency("jpy", 0, 50), Currency("kwd", 3, 500, multiple=10), Currency("sek", 2, 300),
    Currency("nok", 2, 300), Currency("dkk", 2, 250), Currency("pln", 2, 200), Currency("cad", 2, 50),
    Currency("aud", 2, 50),
)  # fmt: skip
CURRENCIES = {currency.code: currency for currency in _TABLE}


class UnknownCurrency(ValueError):
    """A currency code that is not in the table; there is no default, because guessing charges a hundredfold."""


def currency(code: str) -> Currency:
    """Return the currency of a code in any letter case. Raises UnknownCurrency."""
    found = CURRENCIES.get(code.lower()) if code.isascii() else None  # "\N{KELVIN SIGN}wd" is no currency
    if found is None:
        raise UnknownCurrency(f"currency {code!r} is not supported")
    return found


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """`amount` minor units of `currency`. Sums and differences demand the same currency."""

    amount: int
    currency: str

    def __post_init__(self) -> None:
        if isinstance(self.amount, bool) or not isinstance(self.amount, int):
            raise TypeError("money is an integer number of minor units")
        if currency(self.currency).code != self.currency:
            raise UnknownCurrency("currency codes are lower case")

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other).amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other).amount, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)

    def __bool__(self) -> bool:
        return self.amount != 0

    def _same(self, other: Money) -> Money:
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add up")
        return other

    @property
    def decimal(self) -> Decimal:
        """The amount in major units, with exactly the currency's decimals."""
        return Decimal(self.amount).scaleb(-currency(self.currency).exponent)


def round_half_up(value: Fraction | Decimal | int) -> int:
    """Round to a whole minor unit, halves away from zero: PostgreSQL's `round(numeric)` and Stripe's rule.

    Python's own `round` takes halves to the even neighbour and is never used for money.
    """
    over, under = value.as_integer_ratio()
    whole = (2 * abs(over) + under) // (2 * under)
    return whole if over >= 0 else -whole


def to_minor(major: Decimal, code: str) -> Money:
    """Return an amount given in major units ("29.005") as money, rounded half up.

    Raises ValueError for what is no finite number, and UnknownCurrency.
    """
    found = currency(code)
    if not major.is_finite():
        raise ValueError("an amount is a finite number")
    return Money(round_half_up(Fraction(major) * 10**found.exponent), found.code)


def chargeable(money: Money) -> Money:
    """Return the nearest amount that can be charged: three-decimal currencies go in steps of ten.

    Halves go away from zero. Round before anything is booked: what is booked and what is charged are the same.
    """
    step = currency(money.currency).multiple
    return Money(round_half_up(Fraction(money.amount, step)) * step, money.currency)
