"""Tax ids of a customer: what an invoice needs so that a business can reclaim its tax. Held to their form, asked of no office."""

import re

from portal.simulator.errors import invalid, not_simulated
from portal.simulator.identifiers import new_id
from portal.simulator.listing import page
from portal.simulator.objects.shared import get_record
from portal.simulator.parameters import PAGING, Text
from portal.simulator.records import Record, listing
from portal.simulator.routes import Call, delete, get, post
from portal.simulator.world import World, clock_of

KIND = "tax_id"
_EU = "AT|BE|BG|CY|CZ|DE|DK|EE|EL|ES|FI|FR|HR|HU|IE|IT|LT|LU|LV|MT|NL|PL|PT|RO|SE|SI|SK"
FORMS = {
    "au_abn": (r"[0-9]{11}", "AU"),
    "ca_bn": (r"[0-9]{9}", "CA"),
    "ch_vat": (r"CHE[-.0-9]{9,13} ?(MWST|TVA|IVA)", "CH"),
    "eu_vat": (rf"({_EU})[0-9A-Z+*]{{2,12}}", None),
    "gb_vat": (r"GB([0-9]{9}|[0-9]{12}|(GD|HA)[0-9]{3})", "GB"),
    "in_gst": (r"[0-9]{2}[0-9A-Z]{13}", "IN"),
    "no_vat": (r"[0-9]{9}MVA", "NO"),
    "nz_gst": (r"[0-9]{8,9}", "NZ"),
    "us_ein": (r"[0-9]{2}-?[0-9]{7}", "US"),
}
"""Kind, form, and the country it belongs to; a number of the Union names its country itself."""
_ASKED = ("eu_vat", "gb_vat", "au_abn")  # kinds that Stripe goes on to verify with an office


def create(world: World, call: Call) -> Record:
    """``POST /v1/customers/:id/tax_ids``."""
    customer = get_record(world, "customer", call.id, "customer", in_path=True)
    return add(world, customer, call.params["type"], call.params["value"])


def add(world: World, customer: Record, kind: str, value: str) -> Record:
    """Give a customer a tax id. Raises 400 ``tax_id_invalid`` for what has not the form of its kind."""
    if kind not in FORMS:
        raise not_simulated("type")
    form, country = FORMS[kind]
    if not re.fullmatch(form, value):
        raise invalid(f"Invalid value for {kind}.", "value", "tax_id_invalid")
    asked = kind in _ASKED
    made: Record = {
        "id": new_id(KIND),
        "object": KIND,
        "country": country or value[:2].replace("EL", "GR"),
        "created": world.now(clock_of(customer)),
        "customer": customer["id"],
        "customer_account": None,
        "livemode": False,
        "owner": {
            "account": None,
            "application": None,
            "customer": customer["id"],
            "customer_account": None,
            "type": "customer",
        },
        "type": kind,
        "value": value,
        "verification": {
            "status": "pending" if asked else "unavailable",
            "verified_address": None,
            "verified_name": None,
        },
        "_private": {"test_clock": clock_of(customer)},
    }
    return world.save(made, "customer.tax_id.created")


def retrieve(world: World, call: Call) -> Record:
    """``GET /v1/customers/:id/tax_ids/:id``."""
    return _own(world, call)


def remove(world: World, call: Call) -> Record:
    """``DELETE /v1/customers/:id/tax_ids/:id``: later invoices do without it; finalized ones keep it."""
    found = _own(world, call)
    world.announce("customer.tax_id.deleted", found)
    world.store.remove(found["id"])
    return {"id": found["id"], "object": KIND, "deleted": True}


def list_(world: World, call: Call) -> Record:
    """``GET /v1/customers/:id/tax_ids``."""
    get_record(world, "customer", call.id, "customer", in_path=True)
    return page(world, call, KIND, f"/v1/customers/{call.id}/tax_ids", customer=call.id)


def included_tax_ids(world: World, customer: Record) -> Record:
    """``expand[]=tax_ids``."""
    held = list(world.store.newest(KIND, customer=customer["id"]))
    return listing(held[:10], f"/v1/customers/{customer['id']}/tax_ids", len(held) > 10)


def _own(world: World, call: Call) -> Record:
    found = get_record(world, KIND, call.path["tax_id"], "id", in_path=True)
    if found["customer"] != call.id:
        return get_record(world, KIND, "", "id", in_path=True)  # somebody else's does not exist here
    return found


ROUTES = (
    post("/v1/customers/{customer}/tax_ids", create, "type", "value", type=Text(40), value=Text(60)),
    get("/v1/customers/{customer}/tax_ids", list_, **PAGING),
    get("/v1/customers/{customer}/tax_ids/{tax_id}", retrieve),
    delete("/v1/customers/{customer}/tax_ids/{tax_id}", remove),
)
