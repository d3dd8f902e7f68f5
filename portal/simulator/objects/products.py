"""Products: what is sold."""

from portal.simulator.errors import StripeError, invalid
from portal.simulator.identifiers import new_id
from portal.simulator.listing import page
from portal.simulator.objects.prices import price_from
from portal.simulator.objects.product_record import new_product
from portal.simulator.objects.shared import apply, get_record
from portal.simulator.parameters import (
    CREATED,
    CURRENCY,
    INTERVAL,
    PAGING,
    Absent,
    Accepted,
    Address,
    Exact,
    Flag,
    Integer,
    Kind,
    Many,
    Metadata,
    Text,
    choice,
    fields,
)
from portal.simulator.records import Record
from portal.simulator.routes import Call, delete, get, post
from portal.simulator.world import World

KIND = "product"
_WRITABLE: dict[str, Kind] = {
    "active": Flag(),
    "description": Text(clearable=True),
    "images": Many(Address(), clearable=True),
    "marketing_features": Many(fields("name", name=Text(5000)), clearable=True),
    "metadata": Metadata(),
    "name": Text(),
    "package_dimensions": Accepted(),
    "shippable": Flag(),
    "statement_descriptor": Text(22),
    "tax_code": Accepted(),
    "tax_details": Accepted(),
    "unit_label": Text(12, clearable=True),
    "url": Address(clearable=True),
}
_COPIED = ("active", "description", "metadata", "name", "shippable", "statement_descriptor", "unit_label", "url")
_DEFAULT_PRICE = fields(
    "currency",
    currency=CURRENCY,
    currency_options=Absent(),
    custom_unit_amount=Absent(),
    metadata=Metadata(),
    recurring=fields("interval", interval=INTERVAL, interval_count=Integer(1, 1095)),
    tax_behavior=choice("exclusive", "inclusive", "unspecified"),
    unit_amount=Integer(0),
    unit_amount_decimal=Exact(),
)


def create(world: World, call: Call) -> Record:
    """``POST /v1/products``, with its first price when ``default_price_data`` is sent."""
    identifier = call.get("id", new_id(KIND))
    if world.store.find_any(identifier) is not None:
        raise invalid("Product already exists.", "id", "resource_already_exists")
    product = new_product(world, identifier, call.params["name"])
    product["type"] = call.get("type", "service")
    _write(product, call)
    world.save(product, "product.created")
    if "default_price_data" in call.params:
        price = price_from(world, {**call.params["default_price_data"], "product": product["id"]})
        world.save(price, "price.created")
        product["default_price"] = price["id"]
        world.save(product, "product.updated")
    return product


def _write(product: Record, call: Call) -> None:
    apply(product, call.params, *_COPIED)
    for name in ("images", "marketing_features"):
        if name in call.params:
            product[name] = call.params[name] or []


def retrieve(world: World, call: Call) -> Record:
    """``GET /v1/products/:id``."""
    return get_record(world, KIND, call.id, "id", in_path=True)


def update(world: World, call: Call) -> Record:
    """``POST /v1/products/:id``."""
    product = get_record(world, KIND, call.id, "id", in_path=True)
    _write(product, call)
    if "default_price" in call.params:
        wanted = call.params["default_price"]
        product["default_price"] = wanted and get_record(world, "price", wanted, "default_price")["id"]
    product["updated"] = world.now()
    return world.save(product, "product.updated")


def remove(world: World, call: Call) -> Record:
    """``DELETE /v1/products/:id``: only while it has no prices."""
    product = get_record(world, KIND, call.id, "id", in_path=True)
    if any(True for _ in world.store.newest("price", product=product["id"])):
        raise StripeError(
            400,
            "invalid_request_error",
            "This product cannot be deleted because it has one or more user-created prices.",
        )
    world.announce("product.deleted", product)
    tombstone = {"id": product["id"], "object": KIND, "deleted": True}
    return world.save(tombstone)


def list_(world: World, call: Call) -> Record:
    """``GET /v1/products``."""

    def keep(product: Record) -> bool:
        wanted = call.get("ids")
        active = call.get("active")
        shippable = call.get("shippable")
        return (
            (wanted is None or product["id"] in wanted)
            and (active is None or product["active"] == active)
            and (shippable is None or bool(product["shippable"]) == shippable)
        )

    return page(world, call, KIND, "/v1/products", keep, url=call.get("url"), type=call.get("type"))


ROUTES = (
    post("/v1/products", create, "name", **_WRITABLE, id=Text(), type=choice("good", "service"),
         default_price_data=_DEFAULT_PRICE),
    get("/v1/products", list_, **PAGING, created=CREATED, active=Flag(), ids=Many(), shippable=Flag(),
        type=choice("good", "service"), url=Text()),
    get("/v1/products/{product}", retrieve),
    post("/v1/products/{product}", update, **_WRITABLE, default_price=Text(clearable=True)),
    delete("/v1/products/{product}", remove),
)  # fmt: skip
