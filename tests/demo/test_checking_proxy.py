"""A program that looks on at the Stripe traffic may stand before the simulator; nothing else may."""

from __future__ import annotations

import pytest

from portal.demo.run import checking_proxy


@pytest.mark.parametrize("address", ["http://127.0.0.1:12111", "http://localhost:12111", "http://[::1]:12111"])
def test_a_proxy_on_this_machine_is_used(address: str) -> None:
    assert checking_proxy({"STRIPE_API_BASE": address}) == address


@pytest.mark.parametrize(
    "address", ["", "https://api.stripe.com", "http://127.0.0.1.evil.example", "http://[", "127.0.0.1:12111"]
)
def test_any_other_address_is_left_out(address: str) -> None:
    assert checking_proxy({"STRIPE_API_BASE": address}) == ""


def test_without_one_the_simulator_is_asked_directly() -> None:
    assert checking_proxy({}) == ""
