"""The commands: compare now, and say how it went."""

from __future__ import annotations

from flask import Flask

from portal.payments.syncing import Syncing
from tests.payments.conftest import Shop, held
from tests.reconciliation.conftest import hear_of_money
from tests.stripe_world import StripeWorld


def test_comparing_by_command(app: Flask, bought: int, shop: Shop, stripe_world: StripeWorld, syncing: Syncing) -> None:
    runner = app.test_cli_runner()
    assert "Nothing was compared yet" in runner.invoke(args=["reconciliation", "status"]).output
    hear_of_money(stripe_world, syncing)
    fine = runner.invoke(args=["reconciliation", "run", "--all"])
    assert (fine.exit_code, "0 disagree" in fine.output) == (0, True), fine.output
    stripe_world.api("DELETE", f"subscriptions/{held(shop).stripe_subscription_id}")
    found = runner.invoke(args=["reconciliation", "run", "--all", "--days-back", "3"])
    assert found.exit_code == 1
    assert "1  SUB_STATUS_DIFF" in found.output
    assert "1 disagree" in runner.invoke(args=["reconciliation", "status"]).output
    assert held(shop).status == "active", "a command compares and repairs nothing"
