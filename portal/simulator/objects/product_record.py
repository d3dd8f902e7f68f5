"""What a product looks like when it is new; both products and prices make them."""

from portal.simulator.records import Record
from portal.simulator.world import World

KIND = "product"


def new_product(world: World, identifier: str, name: str) -> Record:
    """A product that has only a name."""
    now = world.now()
    return {
        "id": identifier,
        "object": KIND,
        "active": True,
        "created": now,
        "default_price": None,
        "description": None,
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": {},
        "name": name,
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": None,
        "tax_code": None,
        "tax_details": None,
        "type": "service",
        "unit_label": None,
        "updated": now,
        "url": None,
    }
