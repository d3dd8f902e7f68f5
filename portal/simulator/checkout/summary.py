"""What the person buys, in words and figures, for the left side of the checkout page."""

from dataclasses import dataclass, field, replace

from portal.kit.clock import from_timestamp
from portal.simulator.billing.amounts import cost, shown, shown_unit
from portal.simulator.billing.discounts import described, taken
from portal.simulator.objects.checkout_sessions import trial_of
from portal.simulator.records import Record, private
from portal.simulator.world import World, clock_of

_EVERY = {"day": "daily", "week": "weekly", "month": "monthly", "year": "yearly"}


@dataclass(frozen=True)
class Line:
    """One thing bought."""

    name: str
    detail: str
    amount: str
    description: str


@dataclass(frozen=True)
class Summary:
    """The whole offer. ``button`` names the act and the amount."""

    heading: str
    headline: str
    subline: str
    lines: list[Line]
    subtotal: str
    today: str
    later: str
    button: str
    promise: str
    later_label: str = ""
    discounts: list[tuple[str, str]] = field(default_factory=list)


def summary_of(world: World, session: Record) -> Summary:
    """The offer as it would be if the person paid now."""
    if session["mode"] == "setup":
        promise = "Your card is saved for later payments. Nothing is charged now."
        return Summary("Save a card", "Nothing to pay now", "", [], "", "", "", "Save card", promise)
    lines, currency = private(session)["lines"], session["currency"]
    recurring = [line for line in lines if line["price"]["recurring"] is not None]
    total = shown(session["amount_total"], currency)
    shown_lines = [_line(world, line) for line in lines]
    if not recurring:
        name = _together(lines)
        promise = "You pay once. There is no subscription."
        return Summary(f"Pay for {name}", total, "", shown_lines, total, total, "", f"Pay {total}", promise)
    return _discounted(world, session, _subscription(world, session, shown_lines, recurring, total), recurring)


def _subscription(world: World, session: Record, lines: list[Line], recurring: list[Record], total: str) -> Summary:
    currency, rhythm = session["currency"], recurring[0]["price"]["recurring"]
    each = shown(sum(cost(_kept(world, line), line["quantity"] or 0) for line in recurring), currency)
    every = per(rhythm)
    name = _together(recurring)
    metered = any(line["price"]["recurring"]["usage_type"] == "metered" for line in recurring)
    extra = " plus usage" if metered else ""
    trial_end = trial_of(world, session)
    if trial_end is None:
        button = f"Pay {total}" if session["amount_total"] else "Start subscription"
        promise = f"You pay {total} today and then {each}{extra} {every}, until you cancel."
        return Summary(f"Subscribe to {name}", each, every, lines, total, total, "", button, promise)
    days = round((trial_end - world.now(clock_of(session))) / 86_400)
    ends = day(trial_end)
    length = f"{days} day{'s' if days != 1 else ''} free"
    promise = (
        f"Free until {ends}, then {each}{extra} {every}, until you cancel. Cancel before {ends} and you pay nothing."
    )
    later = f"{each}{extra} {every}"
    button = f"Start trial and pay {total}" if session["amount_total"] else "Start trial"
    return Summary(
        f"Try {name}", length, f"then {each} {every}", lines, "", total, later, button, promise, f"From {ends}"
    )


def _discounted(world: World, session: Record, summary: Summary, recurring: list[Record]) -> Summary:
    """The offer with its discount in words: what it takes off, for how long, and what follows."""
    redeemed = private(session).get("redeemed", [])
    if not redeemed:
        return summary
    coupon = world.store.find("coupon", redeemed[0][0]) or {}
    code = world.store.find("promotion_code", redeemed[0][1] or "")
    entries = [(cost(_kept(world, line), line["quantity"] or 0), line["price"]["product"]) for line in recurring]
    off, currency = sum(taken(coupon, entries)), session["currency"]
    words = described(coupon, code["code"] if code else None)
    months = coupon["duration_in_months"]
    span = {"once": "the first time", "repeating": f"for {months} month{'s' if months != 1 else ''}",
            "forever": "for as long as you stay"}[coupon["duration"]]  # fmt: skip
    whole = sum(amount for amount, _ in entries)
    promise = f"{summary.promise} With {words} it is {shown(whole - off, currency)} {span}."
    if trial_of(world, session) is None:
        every = per(recurring[0]["price"]["recurring"])
        then = "" if coupon["duration"] == "forever" else f", then {shown(whole, currency)} {every}"
        promise = f"You pay {summary.today} today. It is {shown(whole - off, currency)} {every} {span}{then}, until you cancel."
    subtotal = shown(session["amount_subtotal"], currency) if session["amount_subtotal"] else ""
    return replace(summary, discounts=[(words, shown(-off, currency))], promise=promise, subtotal=subtotal)


def _together(lines: list[Record]) -> str:
    """Name one thing bought, or the first and how many more."""
    first = str(lines[0]["description"])
    return first if len(lines) == 1 else f"{first} and {len(lines) - 1} more"


def _kept(world: World, line: Record) -> Record:
    return world.store.find("price", line["price"]["id"]) or line["price"]


def per(rhythm: Record) -> str:
    """A rhythm in words: per month, every 3 months."""
    count = rhythm["interval_count"]
    return f"per {rhythm['interval']}" if count == 1 else f"every {count} {rhythm['interval']}s"


def day(moment: int) -> str:
    """A date for people: 5 December 2026."""
    instant = from_timestamp(moment)
    return f"{instant.day} {instant:%B %Y}"


def _line(world: World, line: Record) -> Line:
    price, quantity = line["price"], line["quantity"]
    product = world.store.find("product", price["product"]) or {}
    rhythm = price["recurring"]
    parts = []
    if quantity and quantity > 1 and price["unit_amount_decimal"] is not None:
        parts.append(f"{quantity} × {shown_unit(price)}")
    elif quantity is None and price["unit_amount_decimal"] is not None:
        parts.append(f"{shown_unit(price)} per unit, billed by usage")
    if rhythm is not None:
        parts.append(
            f"Billed {_EVERY[rhythm['interval']]}" if rhythm["interval_count"] == 1 else f"Billed {per(rhythm)}"
        )
    whole = cost(_kept(world, line), quantity or 0)
    return Line(
        line["description"], " · ".join(parts), shown(whole, line["currency"]), str(product.get("description") or "")
    )
