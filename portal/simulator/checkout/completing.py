"""From a submitted checkout form to a completed session, a decline, or a bank that wants a word."""

from dataclasses import dataclass
from typing import Literal

from portal.simulator.billing.charging import attempt, refuse_authentication
from portal.simulator.billing.discounts import Redeemed
from portal.simulator.billing.invoice_record import line
from portal.simulator.billing.payment_records import new_intent
from portal.simulator.billing.setting_up import confirm_setup, new_setup, refuse_setup
from portal.simulator.billing.starting import Start, start_paid
from portal.simulator.cards import UNAUTHENTICATED, Card, card_of
from portal.simulator.identifiers import new_id
from portal.simulator.objects.checkout_record import customer_details, use_customer
from portal.simulator.objects.checkout_sessions import trial_of
from portal.simulator.objects.customers import new_customer
from portal.simulator.objects.payment_methods import attach, make_default, new_method
from portal.simulator.objects.payments import settle_invoice_of
from portal.simulator.records import Record, private
from portal.simulator.world import World, clock_of


@dataclass(frozen=True)
class Payer:
    """What the form said, already checked. ``card`` is None when nothing has to be collected."""

    email: str
    name: str
    card: Card | None
    exp_month: int = 12
    exp_year: int = 2034


@dataclass(frozen=True)
class Result:
    """What came of it: ``complete``, ``declined`` with a sentence for the person, or ``confirm`` at ``location``."""

    state: Literal["complete", "declined", "confirm"]
    message: str = ""
    location: str = ""


def needs_card(session: Record) -> bool:
    """Whether this session asks for a card at all."""
    return bool(
        session["mode"] == "setup" or session["amount_total"] or session["payment_method_collection"] == "always"
    )


def submit(world: World, session: Record, payer: Payer) -> Result:
    """The person pressed the button."""
    private(session)["payer"] = {"email": payer.email, "name": payer.name}
    if payer.card is None:
        return _complete(world, session, None, None)
    billing = {"email": payer.email or None, "name": payer.name or None}
    method = new_method(world, payer.card, exp_month=payer.exp_month, exp_year=payer.exp_year, billing=billing)
    world.save(method)
    if not _bound_to_fail(payer.card, bool(session["amount_total"])):
        _ensure_customer(world, session)
    private(session)["method"] = method["id"]
    world.save(session)
    return _take(world, session, method, authenticated=False)


def _bound_to_fail(card: Card, charges: bool) -> bool:
    """Refused without a question; then no customer comes into being."""
    return card.authentication == "none" and card.decline is not None and (charges or card.decline_on_setup)


def authenticated(world: World, session: Record, *, confirmed: bool) -> Result:
    """The person came back from the bank's page."""
    method = world.store.find("payment_method", private(session).get("method") or "")
    if method is None:
        return Result("declined", UNAUTHENTICATED.human)
    if confirmed:
        return _take(world, session, method, authenticated=True)
    if session["amount_total"]:
        refuse_authentication(world, _intent(world, session))
    else:
        refuse_setup(world, _setup(world, session))
    return Result("declined", UNAUTHENTICATED.human)


def answer_for_intent(world: World, intent: Record, *, confirmed: bool) -> None:
    """The bank's answer for an intent that no checkout session owns: an invoice, a saved card, a direct payment."""
    method = world.store.find("payment_method", intent["payment_method"] or "")
    if method is None:
        return
    if intent["object"] == "setup_intent":
        if not confirmed:
            refuse_setup(world, intent)
        elif confirm_setup(world, intent, method, authenticated=True) == "succeeded" and private(intent).get(
            "make_default"
        ):
            make_default(world, intent["customer"], method["id"])
    elif not confirmed:
        refuse_authentication(world, intent)
    elif attempt(world, intent, method, off_session=False, authenticated=True) == "succeeded":
        settle_invoice_of(world, intent)


def _take(world: World, session: Record, method: Record, *, authenticated: bool) -> Result:
    if session["amount_total"]:
        intent = _intent(world, session)
        outcome = attempt(world, intent, method, off_session=False, authenticated=authenticated)
        asked = intent
    else:
        intent = None
        asked = _setup(world, session)
        outcome = confirm_setup(world, asked, method, authenticated=authenticated)
    if outcome == "requires_action":
        return Result("confirm", location=asked["next_action"]["redirect_to_url"]["url"])
    if outcome == "failed":
        decline = card_of(method).decline
        return Result("declined", decline.human if decline else UNAUTHENTICATED.human)
    return _complete(world, session, method, intent)


def _intent(world: World, session: Record) -> Record:
    """The session's one payment intent, made at the first attempt and reused after a decline."""
    found = world.store.find("payment_intent", private(session).get("intent") or "")
    customer = _customer(world, session)
    if found is None:
        description = private(session)["payment_intent_data"].get("description")
        if session["mode"] == "subscription":
            description = "Subscription creation"
        found = new_intent(world, session["amount_total"], session["currency"], customer, description)
        found["metadata"] = dict(private(session)["payment_intent_data"].get("metadata") or {})
        keeps = private(session)["payment_intent_data"].get("setup_future_usage")
        found["setup_future_usage"] = "off_session" if session["mode"] == "subscription" else keeps
        private(found)["session"] = session["id"]
        private(session)["intent"] = found["id"]
        world.save(session)
        world.save(found, "payment_intent.created")
    elif customer is not None:
        found["customer"] = customer["id"]
    return found


def _setup(world: World, session: Record) -> Record:
    known = session["setup_intent"] or private(session).get("setup") or ""
    found = world.store.find("setup_intent", known)
    customer = _customer(world, session)
    if found is None:
        found = new_setup(world, customer)
        private(session)["setup"] = found["id"]
        world.save(session)
        world.save(found, "setup_intent.created")
    if customer is not None:
        found["customer"] = customer["id"]
    private(found)["session"] = session["id"]
    return found


def _customer(world: World, session: Record) -> Record | None:
    return world.store.find("customer", session["customer"] or private(session).get("customer") or "")


def _ensure_customer(world: World, session: Record) -> Record | None:
    found = _customer(world, session)
    wanted = session["mode"] in ("subscription", "setup") or session["customer_creation"] == "always"
    if found is not None or not wanted:
        return found
    payer = private(session)["payer"]
    customer = new_customer(world)
    customer.update(email=payer["email"] or None, name=payer["name"] or None)
    private(session)["customer"] = customer["id"]
    return world.save(customer, "customer.created")


def _complete(world: World, session: Record, method: Record | None, intent: Record | None) -> Result:
    customer = _ensure_customer(world, session)
    payer = private(session)["payer"]
    if customer is not None:
        use_customer(session, customer)
        if method is not None and (session["mode"] != "payment" or (intent or {}).get("setup_future_usage")):
            attach(world, world.store.find("payment_method", method["id"]) or method, customer)
    known = session["customer_details"] or {}
    session["customer_details"] = customer_details(
        payer["email"] or known.get("email"), payer["name"] or known.get("name")
    )
    if session["mode"] == "subscription" and customer is not None:
        _subscribe(world, session, customer, method, intent)
    if session["mode"] == "payment" and intent is not None:
        session["payment_intent"] = intent["id"]
    session.update(status="complete", url=None)
    session["payment_status"] = "paid" if session["amount_total"] else "no_payment_required"
    session["collected_information"] = {"business_name": None, "individual_name": None, "shipping_details": None}
    world.save(session, "checkout.session.completed")
    return Result("complete")


def _subscribe(world: World, session: Record, customer: Record, method: Record | None, intent: Record | None) -> None:
    data, lines = private(session)["subscription_data"], private(session)["lines"]
    changes = {"metadata": dict(data.get("metadata") or {})}
    if "description" in data:
        changes["description"] = data["description"]
    if "trial_settings" in data:
        end = {"billing_cycle_anchor": None, **data["trial_settings"]["end_behavior"]}
        changes["trial_settings"] = {"end_behavior": end}
    recurring = [entry for entry in lines if entry["price"]["recurring"] is not None]
    once = [entry for entry in lines if entry["price"]["recurring"] is None]
    wanted = Start(
        customer,
        [(_kept(world, entry["price"]), entry["quantity"] or 0, {}) for entry in recurring],
        trial_end=trial_of(world, session),
        changes=changes,
        extra_lines=[_once(world, session, entry) for entry in once],
        discounts=_redeemed(world, session),
    )
    subscription = start_paid(world, wanted, intent, method)
    session.update(subscription=subscription["id"], invoice=subscription["latest_invoice"])


def _redeemed(world: World, session: Record) -> list[Redeemed]:
    """The coupons that the page was opened with. What it promised holds, even if a code has run out since."""
    found: list[Redeemed] = []
    for coupon, code in private(session).get("redeemed", []):
        kept = world.store.find("coupon", coupon)
        if kept is not None and not kept.get("deleted"):
            found.append((kept, world.store.find("promotion_code", code or "")))
    return found


def _kept(world: World, price: Record) -> Record:
    return world.store.find("price", price["id"]) or price


def _once(world: World, session: Record, entry: Record) -> Record:
    now = world.now(clock_of(session))
    details = {"invoice_item": new_id("invoiceitem"), "proration": False,
               "proration_details": {"credited_items": None}, "subscription": None}  # fmt: skip
    parent = {"invoice_item_details": details, "subscription_item_details": None, "type": "invoice_item_details"}
    return line(
        entry["amount_subtotal"], entry["currency"], entry["description"], (now, now), parent=parent,
        price=entry["price"], quantity=entry["quantity"],
    )  # fmt: skip
