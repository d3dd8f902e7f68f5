"""Customers: who pays."""

from typing import Any

from portal.simulator.billing.ending import end
from portal.simulator.identifiers import new_id, random_text
from portal.simulator.listing import page
from portal.simulator.objects.payment_methods import attach, attached_to, usable
from portal.simulator.objects.shared import apply, get_record
from portal.simulator.objects.tax_ids import add as add_tax_id
from portal.simulator.parameters import (
    CREATED,
    PAGING,
    POSTAL_ADDRESS,
    Absent,
    Accepted,
    Fields,
    Integer,
    Kind,
    Many,
    Metadata,
    Text,
    choice,
    fields,
)
from portal.simulator.records import Record, listing
from portal.simulator.routes import Call, delete, get, post
from portal.simulator.world import World

KIND = "customer"
_SHIPPING = Fields(
    {"address": POSTAL_ADDRESS, "name": Text(), "phone": Text(clearable=True)}, ("address", "name"), clearable=True
)
_TAX_ID = fields("type", "value", type=Text(40), value=Text(60))
_INVOICE_SETTINGS = fields(
    custom_fields=Accepted(),
    default_payment_method=Text(clearable=True),
    footer=Text(clearable=True),
    rendering_options=Accepted(),
)
_WRITABLE: dict[str, Kind] = {
    "address": Fields(POSTAL_ADDRESS.names, clearable=True),
    "balance": Integer(),
    "business_name": Text(150, clearable=True),
    "cash_balance": Absent(),
    "description": Text(clearable=True),
    "email": Text(512, clearable=True),
    "individual_name": Text(150, clearable=True),
    "invoice_prefix": Text(12),
    "invoice_settings": _INVOICE_SETTINGS,
    "metadata": Metadata(),
    "name": Text(256, clearable=True),
    "next_invoice_sequence": Integer(1),
    "phone": Text(20, clearable=True),
    "preferred_locales": Many(Text(20)),
    "shipping": _SHIPPING,
    "source": Absent(),
    "tax": Accepted(),
    "tax_exempt": choice("exempt", "none", "reverse", clearable=True),
    "validate": Accepted(),
}
_COPIED = (
    "balance", "business_name", "description", "email", "individual_name", "invoice_prefix", "metadata", "name",
    "next_invoice_sequence", "phone", "preferred_locales",
)  # fmt: skip


def create(world: World, call: Call) -> Record:
    """``POST /v1/customers``."""
    clock = call.get("test_clock")
    if clock is not None:
        get_record(world, "test_helpers.test_clock", clock, "test_clock")
    customer = new_customer(world, clock)
    _write(world, customer, call.params)
    world.save(customer, "customer.created")
    for given in call.get("tax_id_data") or []:
        add_tax_id(world, customer, given["type"], given["value"])
    method = call.get("payment_method")
    if method is not None:
        attach(world, usable(world, method, "payment_method"), customer)
    return customer


def new_customer(world: World, test_clock: str | None = None) -> Record:
    """A customer about whom nothing is known yet."""
    return {
        "id": new_id(KIND),
        "object": KIND,
        "address": None,
        "balance": 0,
        "created": world.now(test_clock),
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": random_text(8).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": test_clock,
    }


def _write(world: World, customer: Record, params: dict[str, Any]) -> None:
    apply(customer, params, *_COPIED)
    if "address" in params:
        customer["address"] = None if params["address"] is None else _whole_address(params["address"])
    if "shipping" in params:
        customer["shipping"] = params["shipping"] and {
            **params["shipping"],
            "address": _whole_address(params["shipping"]["address"]),
        }
    if "tax_exempt" in params:
        customer["tax_exempt"] = params["tax_exempt"] or "none"
    settings = params.get("invoice_settings") or {}
    method = settings.get("default_payment_method")
    if method is not None:
        attached_to(get_record(world, "payment_method", method, "invoice_settings[default_payment_method]"), customer)
    for name in ("default_payment_method", "footer"):
        if name in settings:
            customer["invoice_settings"][name] = settings[name]


def _whole_address(given: dict[str, Any]) -> dict[str, Any]:
    return {name: given.get(name) for name in POSTAL_ADDRESS.names}


def retrieve(world: World, call: Call) -> Record:
    """``GET /v1/customers/:id``; a deleted customer answers with what is left of it."""
    found = world.store.find(KIND, call.id)
    if found is not None and found.get("deleted"):
        return {"id": found["id"], "object": KIND, "deleted": True}
    return get_record(world, KIND, call.id, "id", in_path=True)


def update(world: World, call: Call) -> Record:
    """``POST /v1/customers/:id``."""
    customer = get_record(world, KIND, call.id, "id", in_path=True)
    _write(world, customer, call.params)
    return world.save(customer, "customer.updated")


def remove(world: World, call: Call) -> Record:
    """``DELETE /v1/customers/:id``: subscriptions end at once, the record stays as a tombstone."""
    customer = get_record(world, KIND, call.id, "id", in_path=True)
    for subscription in world.store.newest("subscription", customer=customer["id"]):
        if subscription["status"] not in ("canceled", "incomplete_expired"):
            end(world, subscription, reason="cancellation_requested")
    world.announce("customer.deleted", customer)
    tombstone = {"id": customer["id"], "object": KIND, "deleted": True}
    world.save({**tombstone, "email": None})
    return tombstone


def list_(world: World, call: Call) -> Record:
    """``GET /v1/customers``."""
    return page(world, call, KIND, "/v1/customers", email=call.get("email"), test_clock=call.get("test_clock"))


def included_subscriptions(world: World, customer: Record) -> Record:
    """``expand[]=subscriptions``: those that have not ended."""
    ended = ("canceled", "incomplete_expired")
    living = [s for s in world.store.newest("subscription", customer=customer["id"]) if s["status"] not in ended]
    return listing(living[:10], f"/v1/customers/{customer['id']}/subscriptions", len(living) > 10)


def methods(world: World, call: Call) -> Record:
    """``GET /v1/customers/:id/payment_methods``."""
    get_record(world, KIND, call.id, "customer", in_path=True)
    url = f"/v1/customers/{call.id}/payment_methods"
    return page(world, call, "payment_method", url, customer=call.id, type=call.get("type"))


ROUTES = (
    post("/v1/customers", create, **_WRITABLE, payment_method=Text(), test_clock=Text(), tax_id_data=Many(_TAX_ID, 5)),
    get("/v1/customers", list_, **PAGING, created=CREATED, email=Text(), test_clock=Text()),
    get("/v1/customers/{customer}", retrieve),
    post("/v1/customers/{customer}", update, **_WRITABLE, default_source=Absent()),
    delete("/v1/customers/{customer}", remove),
    get("/v1/customers/{customer}/payment_methods", methods, **PAGING, type=Text(), allow_redisplay=Accepted()),
)
