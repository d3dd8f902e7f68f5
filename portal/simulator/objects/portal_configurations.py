"""Billing portal configurations: what a customer may do on the portal page."""

from typing import Any

from portal.simulator.identifiers import new_id
from portal.simulator.listing import page
from portal.simulator.objects.shared import apply, get_record
from portal.simulator.parameters import (
    PAGING,
    Absent,
    Accepted,
    Address,
    Flag,
    Kind,
    Many,
    Metadata,
    Text,
    choice,
    fields,
)
from portal.simulator.records import Record
from portal.simulator.routes import Call, get, post
from portal.simulator.world import World

KIND = "billing_portal.configuration"
_REASONS = ("customer_service", "low_quality", "missing_features", "other", "switched_service", "too_complex",
            "too_expensive", "unused")  # fmt: skip
_PRORATION = choice("always_invoice", "create_prorations", "none")
_FEATURES: dict[str, Kind] = {
    "customer_update": fields(allowed_updates=Many(Text(), clearable=True), enabled=Flag()),
    "invoice_history": fields("enabled", enabled=Flag()),
    "payment_method_update": fields("enabled", enabled=Flag(), payment_method_configuration=Accepted()),
    "subscription_cancel": fields(
        "enabled",
        enabled=Flag(),
        cancellation_reason=fields(enabled=Flag(), feedback_options=Absent(),
                                   options=Many(choice(*_REASONS), clearable=True)),
        mode=choice("at_period_end", "immediately"),
        proration_behavior=_PRORATION,
    ),
    "subscription_pause": Absent(),
    "subscription_update": fields(
        billing_cycle_anchor=choice("now", "unchanged"),
        default_allowed_updates=Many(choice("price", "promotion_code", "quantity"), clearable=True),
        enabled=Flag(),
        products=Accepted(),
        proration_behavior=_PRORATION,
        schedule_at_period_end=Accepted(),
        trial_update_behavior=choice("continue_trial", "end_trial"),
    ),
}  # fmt: skip
_PROFILE = fields(headline=Text(60, clearable=True), privacy_policy_url=Address(), terms_of_service_url=Address())


def create(world: World, call: Call) -> Record:
    """``POST /v1/billing_portal/configurations``."""
    configuration = new_configuration(world)
    _write(configuration, call)
    return world.save(configuration, "billing_portal.configuration.created")


def new_configuration(world: World, *, default: bool = False) -> Record:
    """A configuration with everything switched off, or Stripe's sensible default."""
    now = world.now()
    return {
        "id": new_id(KIND),
        "object": KIND,
        "active": True,
        "application": None,
        "business_profile": {"headline": None, "privacy_policy_url": None, "terms_of_service_url": None},
        "created": now,
        "default_return_url": None,
        "features": {
            "customer_update": {"allowed_updates": [], "enabled": False},
            "invoice_history": {"enabled": default},
            "payment_method_update": {"enabled": default, "payment_method_configuration": None},
            "subscription_cancel": {
                "cancellation_reason": {"enabled": False, "feedback_options": None, "options": []},
                "enabled": default,
                "mode": "at_period_end",
                "proration_behavior": "none",
            },
            "subscription_pause": {"duration": {"interval_options": [], "type": "indefinite"}, "enabled": False},
            "subscription_update": {
                "billing_cycle_anchor": None,
                "default_allowed_updates": [],
                "enabled": False,
                "products": [],
                "proration_behavior": "none",
                "schedule_at_period_end": {"conditions": []},
                "trial_update_behavior": "end_trial",
            },
        },
        "is_default": default,
        "livemode": False,
        "login_page": {"enabled": False, "url": None},
        "metadata": {},
        "name": None,
        "updated": now,
    }


def default_configuration(world: World) -> Record:
    """The account's default, made when first needed."""
    for configuration in world.store.newest(KIND):
        if configuration["is_default"]:
            return configuration
    return world.save(new_configuration(world, default=True))


def _write(configuration: Record, call: Call) -> None:
    apply(configuration, call.params, "default_return_url", "metadata", "name", "active")
    configuration["business_profile"].update(call.get("business_profile", {}))
    for name, given in (call.get("features") or {}).items():
        if given is not None:
            _merge(configuration["features"][name], given)


def _merge(feature: dict[str, Any], given: dict[str, Any]) -> None:
    for name, value in given.items():
        if isinstance(value, dict) and isinstance(feature.get(name), dict):
            _merge(feature[name], value)
        elif name in feature and name not in ("products", "schedule_at_period_end"):
            feature[name] = [] if value is None and isinstance(feature[name], list) else value


def retrieve(world: World, call: Call) -> Record:
    """``GET /v1/billing_portal/configurations/:id``."""
    return get_record(world, KIND, call.id, "configuration", in_path=True)


def update(world: World, call: Call) -> Record:
    """``POST /v1/billing_portal/configurations/:id``."""
    configuration = get_record(world, KIND, call.id, "configuration", in_path=True)
    _write(configuration, call)
    configuration["updated"] = world.now()
    return world.save(configuration, "billing_portal.configuration.updated")


def list_(world: World, call: Call) -> Record:
    """``GET /v1/billing_portal/configurations``."""

    def keep(configuration: Record) -> bool:
        return all(call.get(name) in (None, configuration[name]) for name in ("active", "is_default"))

    return page(world, call, KIND, "/v1/billing_portal/configurations", keep)


_WRITABLE: dict[str, Kind] = {
    "business_profile": _PROFILE,
    "default_return_url": Address(clearable=True),
    "features": fields(**_FEATURES),
    "login_page": Absent(),
    "metadata": Metadata(),
    "name": Text(clearable=True),
}
ROUTES = (
    post("/v1/billing_portal/configurations", create, "features", **_WRITABLE),
    get("/v1/billing_portal/configurations", list_, **PAGING, active=Flag(), is_default=Flag()),
    get("/v1/billing_portal/configurations/{configuration}", retrieve),
    post("/v1/billing_portal/configurations/{configuration}", update, **_WRITABLE, active=Flag()),
)
