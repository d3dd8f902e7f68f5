"""Checkout sessions: an offer with a hosted page, in subscription, payment and setup mode."""

from typing import Any

from portal.simulator.billing.setting_up import new_setup
from portal.simulator.billing.subscription_record import days_later
from portal.simulator.errors import invalid, missing_parameter
from portal.simulator.listing import page, slice_of
from portal.simulator.objects.checkout_lines import lines_from, lower_lines
from portal.simulator.objects.checkout_parameters import INTENT_DATA, LINE, OTHERS, SUBSCRIPTION_DATA
from portal.simulator.objects.checkout_record import new_session, use_customer
from portal.simulator.objects.prices import known_currency
from portal.simulator.objects.promotion_codes import DISCOUNTS, redeemable
from portal.simulator.objects.shared import get_record, merged_metadata
from portal.simulator.objects.subscriptions import trial_end_from
from portal.simulator.parameters import (
    CREATED,
    CURRENCY,
    PAGING,
    TIMESTAMP,
    Absent,
    Address,
    Many,
    Metadata,
    Text,
    choice,
    fields,
)
from portal.simulator.records import Record, listing, private
from portal.simulator.routes import Call, get, post
from portal.simulator.world import World, clock_of

KIND = "checkout.session"


def create(world: World, call: Call) -> Record:
    """``POST /v1/checkout/sessions``."""
    mode = _checked_mode(call)
    customer = None
    if "customer" in call.params:
        customer = get_record(world, "customer", call.params["customer"], "customer")
    clock = None if customer is None else clock_of(customer)
    lines = lines_from(world, call, mode)
    session = new_session(world, call, mode, clock)
    private(session).update(
        lines=lines,
        subscription_data=call.get("subscription_data") or {},
        payment_intent_data=call.get("payment_intent_data") or {},
        test_clock=clock,
    )
    if mode != "setup":
        _total(world, session, lines, call.get("discounts") or [], customer)
    elif "currency" in call.params:
        session["currency"] = known_currency(call.params["currency"])
    if customer is not None:
        use_customer(session, customer)
    if mode == "setup":
        setup = new_setup(world, customer)
        setup["metadata"] = dict((call.get("setup_intent_data") or {}).get("metadata") or {})
        session["setup_intent"] = setup["id"]
        world.save(setup, "setup_intent.created")
    return world.save(session)


def _total(
    world: World, session: Record, lines: list[Record], given: list[dict[str, Any]], customer: Record | None
) -> None:
    """Add up what is due now, with what the discounts take off."""
    currency, products = lines[0]["currency"], [line["price"]["product"] for line in lines]
    redeemed = redeemable(world, given, products, currency, customer)
    for coupon, _ in redeemed:
        lower_lines(lines, coupon)
    subtotal, off = (sum(line[name] for line in lines) for name in ("amount_subtotal", "amount_discount"))
    session.update(amount_subtotal=subtotal, amount_total=subtotal - off, currency=currency)
    session["total_details"] = {"amount_discount": off, "amount_shipping": 0, "amount_tax": 0}
    session["discounts"] = [
        {"coupon": coupon["id"] if code is None else None, "promotion_code": code and code["id"]}
        for coupon, code in redeemed
    ]
    private(session)["redeemed"] = [(coupon["id"], code and code["id"]) for coupon, code in redeemed]


def _checked_mode(call: Call) -> str:
    mode = call.get("mode")
    if mode is None:
        raise missing_parameter("mode")
    for name, owner in (("subscription_data", "subscription"), ("payment_intent_data", "payment"),
                        ("setup_intent_data", "setup")):  # fmt: skip
        if call.get(name) and mode != owner:
            raise invalid(f"You can not pass `{name}` in `{mode}` mode.", name)
    if call.get("discounts") and mode != "subscription":
        raise invalid("The simulator gives discounts on subscriptions only.", "discounts")
    if call.get("discounts") and call.get("allow_promotion_codes"):
        raise invalid("You may only specify one of these parameters: allow_promotion_codes, discounts.", "discounts")
    if mode != "setup" and not call.get("line_items"):
        raise missing_parameter("line_items")
    if mode == "setup" and call.get("line_items"):
        raise invalid("You can not pass `line_items` in `setup` mode.", "line_items")
    if call.get("ui_mode", "hosted_page") != "hosted_page":
        raise invalid("The simulator hosts its own page: only `ui_mode` hosted_page is available.", "ui_mode")
    if call.get("success_url") is None:
        raise missing_parameter("success_url")
    if call.get("customer") and call.get("customer_email"):
        raise invalid("You may only specify one of these parameters: customer, customer_email.", "customer_email")
    if mode == "subscription" and call.get("customer_creation"):
        message = "`customer_creation` can only be used in `payment` and `setup` mode."
        raise invalid(message, "customer_creation")
    if mode != "subscription" and call.get("payment_method_collection"):
        message = "You can only set `payment_method_collection` if there are recurring prices."
        raise invalid(message, "payment_method_collection")
    return str(mode)


def trial_of(world: World, session: Record) -> int | None:
    """When the trial this session sells would end if it began now."""
    data = private(session)["subscription_data"]
    if data.get("trial_period_days"):
        return days_later(world.now(clock_of(session)), data["trial_period_days"])
    return trial_end_from(world, {"trial_end": data.get("trial_end")}, {"test_clock": clock_of(session)})


def retrieve(world: World, call: Call) -> Record:
    """``GET /v1/checkout/sessions/:id``."""
    return get_record(world, KIND, call.id, "session", in_path=True)


def update(world: World, call: Call) -> Record:
    """``POST /v1/checkout/sessions/:id``: metadata."""
    session = get_record(world, KIND, call.id, "session", in_path=True)
    if "metadata" in call.params:
        session["metadata"] = merged_metadata(session["metadata"], call.params["metadata"])
    return world.save(session)


def expire_route(world: World, call: Call) -> Record:
    """``POST /v1/checkout/sessions/:id/expire``."""
    session = get_record(world, KIND, call.id, "session", in_path=True)
    if session["status"] != "open":
        raise invalid("Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a "
                      f"status of {session['status']}.")  # fmt: skip
    return expire(world, session)


def expire(world: World, session: Record) -> Record:
    """The offer is over; nobody can pay it any more."""
    session.update(status="expired", url=None)
    return world.save(session, "checkout.session.expired")


def list_(world: World, call: Call) -> Record:
    """``GET /v1/checkout/sessions``."""
    equal = {name: call.get(name) for name in ("customer", "status", "subscription", "payment_intent")}
    email = (call.get("customer_details") or {}).get("email")

    def keep(session: Record) -> bool:
        return email is None or (session["customer_details"] or {}).get("email") == email

    return page(world, call, KIND, "/v1/checkout/sessions", keep, **equal)


def lines_route(world: World, call: Call) -> Record:
    """``GET /v1/checkout/sessions/:id/line_items``."""
    session = get_record(world, KIND, call.id, "session", in_path=True)
    return slice_of(call, private(session)["lines"], f"/v1/checkout/sessions/{call.id}/line_items")


def included_lines(world: World, session: Record) -> Record:
    """``expand[]=line_items``."""
    kept = world.store.find(KIND, session["id"]) or session
    lines = private(kept)["lines"]
    return listing(lines[:10], f"/v1/checkout/sessions/{session['id']}/line_items", len(lines) > 10)


ROUTES = (
    post("/v1/checkout/sessions", create, **OTHERS, cancel_url=Address(), client_reference_id=Text(200),
         currency=CURRENCY, discounts=DISCOUNTS, customer=Text(), customer_creation=choice("always", "if_required"),
         customer_email=Text(800), expires_at=TIMESTAMP, line_items=Many(LINE, 100), metadata=Metadata(),
         mode=choice("payment", "setup", "subscription"), payment_intent_data=INTENT_DATA,
         payment_method_collection=choice("always", "if_required"), return_url=Address(),
         setup_intent_data=fields(description=Text(1000), metadata=Metadata(), on_behalf_of=Absent()),
         subscription_data=SUBSCRIPTION_DATA, success_url=Address(),
         ui_mode=choice("elements", "embedded_page", "form", "hosted_page")),
    get("/v1/checkout/sessions", list_, **PAGING, created=CREATED, customer=Text(), customer_account=Absent(),
        customer_details=fields("email", email=Text()), payment_intent=Text(), payment_link=Absent(),
        status=choice("complete", "expired", "open"), subscription=Text()),
    get("/v1/checkout/sessions/{session}", retrieve),
    post("/v1/checkout/sessions/{session}", update, metadata=Metadata(), collected_information=Absent(),
         shipping_options=Absent()),
    post("/v1/checkout/sessions/{session}/expire", expire_route),
    get("/v1/checkout/sessions/{session}/line_items", lines_route, **PAGING),
)  # fmt: skip
