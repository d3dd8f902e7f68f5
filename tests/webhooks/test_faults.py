"""What a failed attempt means."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError

from portal.payments.errors import UnknownCustomer, UnknownPrice
from portal.ports.payments import NotAtProvider, PaymentsRefused, PaymentsUnavailable
from portal.webhooks.faults import HOPELESS_AFTER, MAX_ATTEMPTS, judge

MINUTE, HOUR, MONTH = timedelta(minutes=1), timedelta(hours=1), timedelta(days=30)


@pytest.mark.parametrize("problem", [PaymentsUnavailable("away"), OperationalError("x", None, Exception("lock"))])
@pytest.mark.parametrize("attempts", [1, MAX_ATTEMPTS, 5000])
def test_who_is_away_is_waited_for(problem: Exception, attempts: int) -> None:
    ruling = judge(problem, attempts=attempts, age=MONTH)
    assert not ruling.is_final
    assert ruling.is_passing
    assert ruling.counted < MAX_ATTEMPTS


@pytest.mark.parametrize("problem", [UnknownCustomer("cus_1"), UnknownPrice("price_1")])
def test_a_mapping_may_appear_within_the_hour(problem: Exception) -> None:
    assert not judge(problem, attempts=1, age=HOUR - MINUTE).is_final
    assert judge(problem, attempts=1, age=HOUR).is_final


@pytest.mark.parametrize(
    ("problem", "fault", "most"),
    [
        (PaymentsRefused("no"), "refused", HOPELESS_AFTER),
        (NotAtProvider("gone"), "refused", HOPELESS_AFTER),
        (KeyError("customer"), "unreadable", HOPELESS_AFTER),
        (ValueError("price"), "unreadable", HOPELESS_AFTER),
        (LookupError("routed nowhere"), "unexpected", MAX_ATTEMPTS),
        (ZeroDivisionError(), "unexpected", MAX_ATTEMPTS),
    ],
)
def test_what_will_not_pass_is_given_up(problem: Exception, fault: str, most: int) -> None:
    assert not judge(problem, attempts=most - 1, age=MONTH).is_final
    ruling = judge(problem, attempts=most, age=MINUTE)
    assert (ruling.fault, ruling.is_final, ruling.is_passing) == (fault, True, False)
