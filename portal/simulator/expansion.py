"""``expand[]``: identifiers replaced by the objects they name, and fields that are only sent on request."""

from collections.abc import Callable
from typing import Any

from portal.simulator.errors import invalid
from portal.simulator.records import Record
from portal.simulator.world import World

EXPANDABLE = frozenset(
    [
        "application",
        "balance_transaction",
        "charge",
        "configuration",
        "coupon",
        "customer",
        "discount",
        "default_payment_method",
        "default_price",
        "default_source",
        "from_invoice",
        "invoice",
        "latest_charge",
        "latest_invoice",
        "on_behalf_of",
        "payment_intent",
        "payment_link",
        "payment_method",
        "pending_setup_intent",
        "price",
        "product",
        "promotion_code",
        "review",
        "schedule",
        "setup_intent",
        "source",
        "subscription",
        "tax_code",
        "test_clock",
        "transfer",
        "latest_attempt",
        "mandate",
        "source_transfer",
        "application_fee",
        "failure_balance_transaction",
        "transfer_reversal",
        "source_transfer_reversal",
    ]
)
Included = Callable[[World, Record], Any]
MAX_LEVELS = 4


class Expander:
    """Follows expand paths through an answer. ``included`` computes fields that exist only when asked for."""

    def __init__(self, included: dict[tuple[str, str], Included]) -> None:
        self._included = included

    def apply(self, world: World, answer: Record, paths: list[str]) -> None:
        """Expand ``answer`` in place. Raises 400 for a path Stripe would refuse."""
        for index, path in enumerate(paths):
            steps = path.split(".")
            if len(steps) > MAX_LEVELS:
                message = f"You cannot expand more than {MAX_LEVELS} levels of a property ({path[:120]})"
                raise invalid(message, f"expand[{index}]", stored=False)
            self._follow(world, answer, steps, path, index)

    def _follow(self, world: World, node: Any, steps: list[str], path: str, index: int) -> None:
        if not steps or node is None:
            return
        if isinstance(node, list):
            for element in node:
                self._follow(world, element, steps, path, index)
            return
        if not isinstance(node, dict):
            raise _refused(path, index)
        name = steps[0]
        include = self._included.get((str(node.get("object")), name))
        if include is not None and name not in node:
            node[name] = include(world, node)
        if name not in node:
            if node.get("deleted") or _sometimes(node, name):
                return
            raise _refused(path, index)
        if include is None:
            node[name] = self._resolved(world, node[name], name, path, index)
        self._follow(world, node[name], steps[1:], path, index)

    @staticmethod
    def _resolved(world: World, value: Any, name: str, path: str, index: int) -> Any:
        if isinstance(value, list) and name == "discounts":
            return [world.store.find_any(each) or each if isinstance(each, str) else each for each in value]
        if isinstance(value, dict | list):
            return value
        if name not in EXPANDABLE:
            raise _refused(path, index)
        found = world.store.find_any(value) if isinstance(value, str) else None
        if found is None:
            return value
        if found.get("deleted"):
            return {"id": found["id"], "object": found["object"], "deleted": True}
        return found


def _sometimes(node: Record, name: str) -> bool:
    """Fields of a payment's details that only one of its kinds has."""
    return name in EXPANDABLE and "type" in node


def _refused(path: str, index: int) -> Exception:
    message = f"This property cannot be expanded ({path[:120]})."
    return invalid(message, f"expand[{index}]", "property_cannot_be_expanded", stored=False)
