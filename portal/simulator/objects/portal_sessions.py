"""Billing portal sessions: a short-lived address where a customer manages what they pay for."""

from typing import Any

from portal.simulator.errors import invalid, missing_parameter
from portal.simulator.identifiers import new_id, random_text
from portal.simulator.objects.portal_configurations import default_configuration
from portal.simulator.objects.shared import get_record
from portal.simulator.parameters import Absent, Accepted, Address, Text, choice, fields
from portal.simulator.records import Record, private
from portal.simulator.routes import Call, post
from portal.simulator.world import World

KIND = "billing_portal.session"
FLOWS = ("payment_method_update", "subscription_cancel")
_AFTER = fields(
    "type",
    type=choice("hosted_confirmation", "portal_homepage", "redirect"),
    hosted_confirmation=fields(custom_message=Text(500)),
    redirect=fields("return_url", return_url=Address()),
)
_FLOW = fields(
    "type",
    type=choice("customer_update", "payment_method_update", "subscription_cancel", "subscription_pause",
                "subscription_update", "subscription_update_confirm"),
    after_completion=_AFTER,
    subscription_cancel=fields("subscription", subscription=Text(), retention=Absent()),
    subscription_pause=Absent(),
    subscription_update=Absent(),
    subscription_update_confirm=Absent(),
)  # fmt: skip


def create(world: World, call: Call) -> Record:
    """``POST /v1/billing_portal/sessions``."""
    if call.get("customer") is None:
        raise missing_parameter("customer")
    customer = get_record(world, "customer", call.params["customer"], "customer")
    if "configuration" in call.params:
        configuration = get_record(world, "billing_portal.configuration", call.params["configuration"], "configuration")
    else:
        configuration = default_configuration(world)
    secret = "test_" + random_text(40)
    session = {
        "id": new_id(KIND),
        "object": KIND,
        "configuration": configuration["id"],
        "created": world.now(),
        "customer": customer["id"],
        "customer_account": None,
        "flow": _flow(world, call.get("flow_data")),
        "livemode": False,
        "locale": call.get("locale"),
        "on_behalf_of": None,
        "return_url": call.get("return_url") or configuration["default_return_url"],
        "url": f"{world.public_url}/p/session/{secret}",
    }
    private(session)["secret"] = secret
    return world.save(session, "billing_portal.session.created")


def _flow(world: World, given: dict[str, Any] | None) -> Record | None:
    if given is None:
        return None
    if given["type"] not in FLOWS:
        raise invalid(f"The simulator's portal has the flows {', '.join(FLOWS)}.", "flow_data[type]")
    cancel = given.get("subscription_cancel")
    if given["type"] == "subscription_cancel":
        if cancel is None:
            raise missing_parameter("flow_data[subscription_cancel]")
        get_record(world, "subscription", cancel["subscription"], "flow_data[subscription_cancel][subscription]")
    after = given.get("after_completion") or {"type": "portal_homepage"}
    return {
        "after_completion": {
            "hosted_confirmation": after.get("hosted_confirmation")
            and {"custom_message": after["hosted_confirmation"].get("custom_message")},
            "redirect": after.get("redirect"),
            "type": after["type"],
        },
        "customer_update": None,
        "subscription_cancel": cancel and {"retention": None, "subscription": cancel["subscription"]},
        "subscription_pause": None,
        "subscription_update": None,
        "subscription_update_confirm": None,
        "type": given["type"],
    }


def by_secret(world: World, secret: str) -> Record | None:
    """The session behind a portal address, while it is valid (an hour)."""
    for session in world.store.newest(KIND):
        if private(session)["secret"] == secret:
            return session if session["created"] + 3600 > world.now() else None
    return None


ROUTES = (
    post("/v1/billing_portal/sessions", create, customer=Text(), customer_account=Absent(), configuration=Text(),
         flow_data=_FLOW, locale=Accepted(), on_behalf_of=Absent(), return_url=Address(), after_expiration=Absent()),
)  # fmt: skip
