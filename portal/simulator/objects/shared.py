"""What every object does alike: look up or refuse, merge metadata."""

from typing import Any

from portal.simulator.errors import no_such
from portal.simulator.records import Record
from portal.simulator.world import World


def get_record(world: World, kind: str, identifier: str, param: str, *, in_path: bool = False) -> Record:
    """The living object, or ``resource_missing``: 404 for a path, 400 for a parameter."""
    found = world.store.find(kind, identifier)
    if found is None or found.get("deleted"):
        raise no_such(noun(kind), identifier, param, in_path=in_path)
    return found


def noun(kind: str) -> str:
    """How Stripe's messages call this kind of object."""
    names = {
        "payment_method": "PaymentMethod",
        "checkout.session": "checkout.session",
        "payment_intent": "payment_intent",
        "promotion_code": "promotion code",
        "tax_id": "tax_id",
    }
    return names.get(kind, kind.rpartition(".")[2])


def merged_metadata(current: dict[str, str] | None, given: dict[str, str] | None) -> dict[str, str]:
    """Stripe's rule: keys are merged, an empty value removes its key, an empty whole removes everything."""
    if given is None:
        return {}
    return {key: value for key, value in {**(current or {}), **given}.items() if value != ""}


def apply(record: Record, params: dict[str, Any], *names: str) -> None:
    """Copy the parameters that were sent onto the record; metadata merges."""
    for name in names:
        if name == "metadata" and name in params:
            record["metadata"] = merged_metadata(record.get("metadata"), params["metadata"])
        elif name in params:
            record[name] = params[name]
