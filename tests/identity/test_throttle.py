"""Guessing passwords: how many reach the hash, from where, and that racing gains nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import argon2
import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.db import SYSTEM, scoped, transaction
from portal.identity import passwords, service, throttle
from portal.identity.errors import TooManyAttempts
from portal.identity.models import SignInAttempt, User
from portal.identity.throttle import PER_ACCOUNT, PER_ADDRESS, address_of
from portal.kit.clock import ManualClock

PEPPER = b"pepper"


@contextmanager
def counted_hashes() -> Iterator[list[str]]:
    """Count how often Argon2 itself is asked, wherever the call comes from."""
    asked: list[str] = []
    real = argon2.PasswordHasher.verify

    def count(self: argon2.PasswordHasher, hashed: str | bytes, password: str | bytes) -> bool:
        asked.append(str(hashed))
        return real(self, hashed, password)

    argon2.PasswordHasher.verify = count  # type: ignore[method-assign]
    try:
        yield asked
    finally:
        argon2.PasswordHasher.verify = real  # type: ignore[method-assign]


def test_ten_wrong_passwords_per_account_and_hour_reach_the_hash(cleo: User, enter: Callable[..., int]) -> None:
    with counted_hashes() as asked:
        answers = [enter(password=f"wrong number {n}", ip=f"198.51.100.{n}") for n in range(40)]
    assert answers[:PER_ACCOUNT] == [422] * PER_ACCOUNT
    assert set(answers[PER_ACCOUNT:]) == {429}
    assert len(asked) == PER_ACCOUNT


def test_a_full_account_refuses_the_right_password_too_and_says_when_to_come_back(
    cleo: User, enter: Callable[..., int], client: object, clock: ManualClock
) -> None:
    for n in range(PER_ACCOUNT):
        enter(password="wrong", ip=f"198.51.100.{n}")
        clock.advance(timedelta(minutes=1))
    assert enter() == 429
    answer = client.post("/login", data={"email": "cleo@example.com", "password": "x"})  # type: ignore[attr-defined]
    assert answer.headers["Retry-After"] == str(50 * 60)
    assert "try again in 50 minutes" in answer.text
    assert 'value="cleo@example.com"' in answer.text
    clock.advance(timedelta(minutes=50, seconds=1))
    assert enter() == 303


def test_refused_attempts_do_not_prolong_the_lock(cleo: User, enter: Callable[..., int], clock: ManualClock) -> None:
    for n in range(PER_ACCOUNT):
        enter(password="wrong", ip=f"198.51.100.{n}")
    for _ in range(6):
        clock.advance(timedelta(minutes=9))
        assert enter(password="wrong", ip="198.51.100.99") == 429
    clock.advance(timedelta(minutes=6, seconds=1))
    assert enter() == 303


def test_an_unknown_address_is_throttled_like_a_known_one(cleo: User, enter: Callable[..., int]) -> None:
    answers = [enter("nobody@example.com", "wrong", ip=f"198.51.100.{n}") for n in range(PER_ACCOUNT + 1)]
    assert answers == [422] * PER_ACCOUNT + [429]


def test_one_address_may_try_thirty_times_over_many_accounts(cleo: User, enter: Callable[..., int]) -> None:
    answers = [enter(f"person{n}@example.com", "wrong") for n in range(PER_ADDRESS + 1)]
    assert answers == [422] * PER_ADDRESS + [429]
    assert enter(ip="192.0.2.200") == 303


def test_strangers_cannot_lock_a_person_out_of_their_usual_address(cleo: User, enter: Callable[..., int]) -> None:
    assert enter(ip="192.0.2.1") == 303
    for n in range(PER_ACCOUNT + 3):
        enter(password="wrong", ip=f"198.51.100.{n}")
    assert enter(ip="192.0.2.77") == 429
    assert enter(ip="192.0.2.1") == 303


def test_right_passwords_are_not_counted(cleo: User, enter: Callable[..., int]) -> None:
    assert [enter() for _ in range(PER_ACCOUNT + 3)] == [303] * (PER_ACCOUNT + 3)


def test_racing_gains_nothing(app: Flask, clock: ManualClock) -> None:
    """Forty at once, in threads with their own connections: exactly ten are let through."""

    def attempt(n: int) -> bool:
        with app.app_context():
            try:
                with transaction(SYSTEM):
                    throttle.reserve("cleo@example.com", f"198.51.100.{n}", now=clock.now(), pepper=PEPPER)
            except TooManyAttempts:
                return False
            return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(40))) == PER_ACCOUNT


def test_losing_redis_opens_nothing(cleo: User, enter: Callable[..., int], redis_connection: object) -> None:
    for n in range(PER_ACCOUNT):
        enter(password="wrong", ip=f"198.51.100.{n}")
    redis_connection.flushall()  # type: ignore[attr-defined]
    assert enter() == 429


def test_addresses_are_kept_as_keyed_hashes(app: Flask, clock: ManualClock) -> None:
    with transaction(SYSTEM):
        throttle.reserve("Cleo@Example.com", "192.0.2.1", now=clock.now(), pepper=PEPPER)
    with scoped(SYSTEM) as session:
        kept = session.scalars(select(SignInAttempt.email_hash)).one()
    assert b"cleo" not in kept.lower()
    assert len(kept) == 32


@pytest.mark.parametrize(
    ("ip", "bucket"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::9", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("unknown", "unknown"),
        ("", "unknown"),
        ("not an address\x00", "unknown"),
    ],
)
def test_what_counts_as_one_address(ip: str, bucket: str) -> None:
    assert address_of(ip) == bucket


def test_a_known_and_an_unknown_address_cost_the_same_work(cleo: User, enter: Callable[..., int]) -> None:
    """Same number of hashes with the same parameters; that is what a clock outside would measure."""
    with counted_hashes() as asked:
        enter("cleo@example.com", "wrong")
        enter("nobody@example.com", "wrong")
    assert len(asked) == 2
    assert len({hashed.rsplit("$", 2)[0] for hashed in asked}) == 1


def test_a_known_and_an_unknown_address_ask_the_database_the_same(
    app: Flask, cleo: User, enter: Callable[..., int], statements: list[str]
) -> None:
    statements.clear()
    enter("cleo@example.com", "wrong")
    known = list(statements)
    statements.clear()
    enter("nobody@example.com", "wrong")
    assert statements == known


def test_old_attempts_are_forgotten(app: Flask, clock: ManualClock) -> None:
    with transaction(SYSTEM):
        throttle.reserve("cleo@example.com", "192.0.2.1", now=clock.now(), pepper=PEPPER)
    clock.advance(timedelta(days=29))
    with transaction(SYSTEM):
        assert service.forget_old(clock.now()) == 0
    clock.advance(timedelta(days=2))
    with transaction(SYSTEM) as session:
        assert service.forget_old(clock.now()) == 1
        assert session.scalar(select(func.count()).select_from(SignInAttempt)) == 0


def test_production_parameters_are_those_owasp_asks_for() -> None:
    hashed = passwords.Hashing().hash("heron tunnel marmalade")
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
