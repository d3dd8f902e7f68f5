"""What happens because time passes: renewals, trial ends, retries, expiries, each dated when it fell due."""

from portal.simulator.billing.collecting import give_up, retry
from portal.simulator.billing.cycle import finalize_and_collect, method_for, renew
from portal.simulator.billing.ending import announce_trial_end, end, end_trial, expire_incomplete, write_off
from portal.simulator.billing.invoicing import subscription_of
from portal.simulator.objects import coupons, promotion_codes
from portal.simulator.objects.checkout_sessions import expire
from portal.simulator.records import Record, private
from portal.simulator.world import World

MOST_STEPS = 10_000
"""A guard: no real advance needs more; a bug that never moves on must not hang the server."""
AFTER_RETRIES = "after_retries"
"""Setting: what a subscription becomes when all retries failed: ``cancel`` (default), ``unpaid`` or ``past_due``."""


def run_due(world: World, test_clock: str | None, until: int) -> int:
    """Do everything of this clock that falls due up to ``until``, in order. Returns how many steps it took."""
    steps = 0
    while steps < MOST_STEPS:
        following = world.store.first_due(test_clock, until)
        if following is None:
            break
        identifier, due = following
        with world.store.transaction(), world.at(due, test_clock):
            record = world.store.find_any(identifier)
            if record is None or record.get("deleted"):
                world.store.schedule(identifier, test_clock, None)
            else:
                _STEPS[record["object"]](world, record)
                _must_move_on(world, identifier, due, test_clock)
        steps += 1
    return steps


def _must_move_on(world: World, identifier: str, due: int, test_clock: str | None) -> None:
    """An object whose turn did not change when it is due would come up for ever: take it off the agenda."""
    again = world.store.first_due(test_clock, due)
    kept = world.store.find_any(identifier)
    if again is not None and again[0] == identifier and kept is not None:
        unchanged = world.store.setting("stuck", "") == f"{identifier}@{due}"
        world.store.set_setting("stuck", f"{identifier}@{due}")
        if unchanged:
            world.store.schedule(identifier, test_clock, None)


def _subscription(world: World, record: Record) -> None:
    now = world.now(record["test_clock"])
    if record["status"] == "incomplete":
        expire_incomplete(world, record)
    elif record["cancel_at"] is not None and record["cancel_at"] <= now:
        end(world, record, reason="cancellation_requested")
    elif record["status"] == "trialing":
        if record["trial_end"] <= now:
            end_trial(world, record)
        else:
            announce_trial_end(world, record)
    else:
        renew(world, record)


def _invoice(world: World, record: Record) -> None:
    if record["status"] == "draft":
        finalize_and_collect(world, record)
        return
    subscription = world.store.find("subscription", subscription_of(record) or "")
    method = None if subscription is None else method_for(world, subscription)
    if retry(world, record, method):
        _retries_used_up(world, record, subscription)


def _retries_used_up(world: World, invoice: Record, subscription: Record | None) -> None:
    if subscription is None or subscription["status"] in ("canceled", "incomplete_expired"):
        return
    policy = world.store.setting(AFTER_RETRIES, "cancel")
    living = world.store.find("subscription", subscription["id"]) or subscription
    if policy == "cancel":
        end(world, living, reason="payment_failed")
        write_off(world, living)
    elif policy == "unpaid":
        living["status"] = "unpaid"
        world.save(living, "customer.subscription.updated")
    elif private(invoice).get("write_off"):
        give_up(world, invoice)


def _session(world: World, record: Record) -> None:
    expire(world, record)


_STEPS = {"subscription": _subscription, "invoice": _invoice, "checkout.session": _session,
          "coupon": coupons.run_out, "promotion_code": promotion_codes.run_out}  # fmt: skip
