"""Sums that people sign for: loans and statistics."""

from __future__ import annotations

import statistics
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Annotated

from pydantic import Field

from portal.kit.periods import add_intervals
from portal.upstreams.answers import Fault
from portal.upstreams.describing import Amount, Answer, Api, Asked, Day, param, said

LOANS = Api(
    "loans",
    "Loans & Amortisation",
    "2.3.0",
    "Instalments, schedules and the true yearly rate of a loan, right to the last penny.",
    """
    Every amount is an exact decimal rounded once, and the last instalment takes up what rounding left, so that a schedule always
    ends at zero. Rates are nominal per year, interest is due monthly.
    """,
    {"Loans": "One loan.", "Savings": "What regular saving grows to."},
)
STATISTICS = Api(
    "statistics",
    "Descriptive Statistics",
    "1.1.0",
    "Means, quartiles, spread and straight lines through points, without a notebook.",
    "Exact where Python's statistics module is exact; at most 10,000 values a call.",
    {"Samples": "A list of numbers.", "Pairs": "Two lists that belong together."},
)
Value = Annotated[float, Field(ge=-1e12, le=1e12)]
_PENNY = Decimal("0.01")


class LoanQuestion(Asked):
    principal: Amount = param("The amount lent.", 12_000, gt=0, le=10**9)
    rate: Amount = param("Nominal interest in per cent a year.", 5.4, ge=0, le=100)
    months: int = param("Number of instalments.", 24, ge=1, le=480)


class ScheduleQuestion(LoanQuestion):
    first: Day = param("When the first instalment is due.", "2026-04-01")
    months: int = param("Number of instalments.", 3, ge=1, le=480)


class Loan(Answer):
    """What a loan costs."""

    instalment: str
    last_instalment: str = said("Takes up what rounding left.")
    total: str
    interest: str
    effective_rate: str = said("Interest a year with interest on it, in per cent.")


class Instalment(Answer):
    """One payment."""

    number: int
    due: date
    payment: str
    interest: str
    repaid: str
    left: str


class Schedule(Answer):
    """Every payment until nothing is left."""

    instalments: list[Instalment]


class SavingQuestion(Asked):
    monthly: Amount = param("Saved at the end of each month.", 150, gt=0, le=10**7)
    rate: Amount = param("Nominal interest in per cent a year.", 2.5, ge=0, le=100)
    months: int = param("Number of months.", 60, ge=1, le=720)


class Saving(Answer):
    """What it grows to."""

    paid_in: str
    interest: str
    total: str


class Sample(Asked):
    values: list[Value] = param("The numbers.", [12, 15, 11, 19, 14, 15], min_length=2, max_length=10_000)


class Described(Answer):
    """The sample in figures."""

    count: int
    mean: float
    median: float
    minimum: float
    maximum: float
    standard_deviation: float = said("Of the sample (n - 1).")
    quartiles: list[float] = said("Three cut points, inclusive method.")


class Pairs(Asked):
    x: list[Value] = param("One side.", [1, 2, 3, 4, 5], min_length=2, max_length=10_000)
    y: list[Value] = param("The other, as many.", [2.1, 3.9, 6.2, 7.8, 10.1], min_length=2, max_length=10_000)


class Line(Answer):
    """How the two go together."""

    correlation: float = said("Pearson's, -1 to 1.")
    slope: float
    intercept: float


@LOANS.get("/v2/loan", "Loans")
def loan(asked: LoanQuestion) -> Loan:
    """What a loan costs."""
    rows = _rows(asked)
    total = sum((payment for payment, _interest, _left in rows), Decimal(0))
    with localcontext(prec=30):
        effective = ((1 + asked.rate / 1200) ** 12 - 1) * 100
    return Loan(
        instalment=str(rows[0][0]),
        last_instalment=str(rows[-1][0]),
        total=str(total),
        interest=str(total - _cents(asked.principal)),
        effective_rate=str(_cents(effective)),
    )


@LOANS.get("/v2/schedule", "Loans")
def schedule(asked: ScheduleQuestion) -> Schedule:
    """Every instalment of a loan."""
    if asked.first.year > 2200:
        raise Fault("`first` must lie before the year 2201.")
    return Schedule(
        instalments=[
            Instalment(
                number=number + 1,
                due=_months_later(asked.first, number),
                payment=str(payment),
                interest=str(interest),
                repaid=str(payment - interest),
                left=str(left),
            )
            for number, (payment, interest, left) in enumerate(_rows(asked))
        ]
    )


@LOANS.get("/v2/savings", "Savings")
def saving(asked: SavingQuestion) -> Saving:
    """What regular saving grows to."""
    total = Decimal(0)
    for _month in range(asked.months):
        total = _cents(total * (1 + asked.rate / 1200)) + _cents(asked.monthly)
    paid_in = _cents(asked.monthly) * asked.months
    return Saving(paid_in=str(paid_in), interest=str(total - paid_in), total=str(total))


@STATISTICS.post("/v1/describe", "Samples")
def describe(asked: Sample) -> Described:
    """Describe a sample."""
    return Described(
        count=len(asked.values),
        mean=_figure(statistics.fmean(asked.values)),
        median=_figure(statistics.median(asked.values)),
        minimum=min(asked.values),
        maximum=max(asked.values),
        standard_deviation=_figure(statistics.stdev(asked.values)),
        quartiles=[_figure(each) for each in statistics.quantiles(asked.values, method="inclusive")],
    )


@STATISTICS.post("/v1/line", "Pairs")
def line(asked: Pairs) -> Line:
    """A straight line through points."""
    if len(asked.x) != len(asked.y):
        raise Fault("`x` and `y` must have the same number of values.")
    try:
        slope, intercept = statistics.linear_regression(asked.x, asked.y)
        correlation = statistics.correlation(asked.x, asked.y)
    except statistics.StatisticsError:
        raise Fault("The values of `x` and of `y` must not all be alike.") from None
    return Line(correlation=_figure(correlation), slope=_figure(slope), intercept=_figure(intercept))


def _rows(asked: LoanQuestion) -> list[tuple[Decimal, Decimal, Decimal]]:
    """Return payment, interest in it and what is left, for each month."""
    monthly, left = asked.rate / 1200, _cents(asked.principal)
    with localcontext(prec=30):
        due = left / asked.months if not monthly else left * monthly / (1 - (1 + monthly) ** -asked.months)
    due = _cents(due)
    rows = []
    for month in range(1, asked.months + 1):
        interest = _cents(left * monthly)
        payment = left + interest if month == asked.months else min(due, left + interest)
        left = left + interest - payment
        rows.append((payment, interest, left))
    return rows


def _months_later(day: date, months: int) -> date:
    return add_intervals(datetime.combine(day, time(), UTC), "month", months).date()


def _cents(value: Decimal) -> Decimal:
    return value.quantize(_PENNY, ROUND_HALF_UP)


def _figure(value: float) -> float:
    """Return a number with twelve significant digits: what is beyond differs between machines."""
    return float(f"{value:.12g}")
