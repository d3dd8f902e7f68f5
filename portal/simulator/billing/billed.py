"""Who an invoice says it is for: the customer's own words while it is a draft, and what they were for ever after."""

from typing import Any

from portal.simulator.records import Record
from portal.simulator.world import World

_FIELDS = ("address", "email", "name", "phone", "shipping", "tax_exempt")


def billed_to(world: World, customer: Record) -> dict[str, Any]:
    """The fields of an invoice that describe its customer as they are now."""
    held = world.store.newest("tax_id", customer=customer["id"], oldest_first=True)
    numbers = [{"type": each["type"], "value": each["value"]} for each in held]
    return {**{f"customer_{name}": customer[name] for name in _FIELDS}, "customer_tax_ids": numbers}
