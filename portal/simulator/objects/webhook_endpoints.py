"""Webhook endpoints: where events are sent. The secret is shown once, when the endpoint is made."""

import re

from portal.simulator.errors import invalid
from portal.simulator.identifiers import new_id, random_text
from portal.simulator.listing import page
from portal.simulator.objects.shared import apply, get_record
from portal.simulator.parameters import PAGING, Absent, Address, Flag, Many, Metadata, Text
from portal.simulator.records import Record, private
from portal.simulator.routes import Call, delete, get, post
from portal.simulator.world import World

KIND = "webhook_endpoint"
_VERSION = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}(\.[a-z]+)?")
_TYPE = re.compile(r"\*|[a-z_0-9]+(\.[a-z_0-9]+)+")


def create(world: World, call: Call) -> Record:
    """``POST /v1/webhook_endpoints``; answers with the signing secret, this once."""
    version = call.get("api_version")
    if version is not None and not _VERSION.fullmatch(version):
        raise invalid(f"Invalid api_version: {version[:40]}", "api_version")
    endpoint = new_endpoint(
        world, call.params["url"], _types(call.params["enabled_events"]), "whsec_" + random_text(32)
    )
    endpoint["api_version"] = version
    apply(endpoint, call.params, "description", "metadata")
    world.save(endpoint)
    return {**endpoint, "secret": private(endpoint)["secrets"][0]["secret"]}


def new_endpoint(world: World, url: str, types: list[str], secret: str) -> Record:
    """An enabled endpoint, not saved."""
    return {
        "id": new_id(KIND),
        "object": KIND,
        "api_version": None,
        "application": None,
        "created": world.now(),
        "description": None,
        "enabled_events": types,
        "livemode": False,
        "metadata": {},
        "status": "enabled",
        "url": url,
        "_private": {"secrets": [{"secret": secret, "until": None}]},
    }


def _types(given: list[str]) -> list[str]:
    for index, kind in enumerate(given):
        if not _TYPE.fullmatch(kind):
            raise invalid(f"Invalid enabled_events[{index}]: {kind[:60]}", f"enabled_events[{index}]")
    return given


def retrieve(world: World, call: Call) -> Record:
    """``GET /v1/webhook_endpoints/:id``."""
    return get_record(world, KIND, call.id, "id", in_path=True)


def update(world: World, call: Call) -> Record:
    """``POST /v1/webhook_endpoints/:id``; a disabled endpoint gets nothing, not even retries."""
    endpoint = get_record(world, KIND, call.id, "id", in_path=True)
    apply(endpoint, call.params, "description", "metadata", "url")
    if "enabled_events" in call.params:
        endpoint["enabled_events"] = _types(call.params["enabled_events"])
    if "disabled" in call.params:
        endpoint["status"] = "disabled" if call.params["disabled"] else "enabled"
    return world.save(endpoint)


def remove(world: World, call: Call) -> Record:
    """``DELETE /v1/webhook_endpoints/:id``."""
    endpoint = get_record(world, KIND, call.id, "id", in_path=True)
    return world.save({"id": endpoint["id"], "object": KIND, "deleted": True})


def list_(world: World, call: Call) -> Record:
    """``GET /v1/webhook_endpoints``."""
    return page(world, call, KIND, "/v1/webhook_endpoints")


ROUTES = (
    post("/v1/webhook_endpoints", create, "url", "enabled_events", url=Address(), enabled_events=Many(),
         api_version=Text(40), connect=Absent(), description=Text(clearable=True), metadata=Metadata()),
    get("/v1/webhook_endpoints", list_, **PAGING),
    get("/v1/webhook_endpoints/{webhook_endpoint}", retrieve),
    post("/v1/webhook_endpoints/{webhook_endpoint}", update, url=Address(), enabled_events=Many(), disabled=Flag(),
         description=Text(clearable=True), metadata=Metadata()),
    delete("/v1/webhook_endpoints/{webhook_endpoint}", remove),
)  # fmt: skip
