"""The billing cycle: the invoice that starts it, the lines of a period, renewals, what waits for the next one."""

from portal.simulator.billing.amounts import cost, shown_unit
from portal.simulator.billing.collecting import collect
from portal.simulator.billing.discounts import let_go
from portal.simulator.billing.invoice_record import draft, item_parent, line
from portal.simulator.billing.invoicing import finalize, subscription_of
from portal.simulator.billing.phases import enter_due
from portal.simulator.billing.subscription_record import boundary
from portal.simulator.records import Record, private
from portal.simulator.world import World


def first_invoice(world: World, subscription: Record, customer: Record, extra: list[Record] | None = None) -> Record:
    """The invoice that starts a subscription, finalized at once; a trial's says zero and is paid."""
    start = subscription["created"]
    invoice = draft(
        world,
        customer,
        subscription["currency"],
        reason="subscription_create",
        period=(start, start),
        subscription=subscription,
        lines=[*period_lines(world, subscription), *(extra or [])],
    )
    invoice["automatically_finalizes_at"] = None
    world.save(invoice, "invoice.created")
    subscription["latest_invoice"] = invoice["id"]
    let_go(world, subscription, invoice)
    return invoice


def period_lines(world: World, subscription: Record) -> list[Record]:
    """One line per item for its current period; free while the trial lasts."""
    trialing = subscription["status"] == "trialing"
    lines = []
    for item in subscription["items"]["data"]:
        price = world.store.find("price", item["price"]["id"]) or item["price"]
        quantity = int(item.get("quantity", 0))
        amount = 0 if trialing else cost(price, quantity)
        period = (item["current_period_start"], item["current_period_end"])
        lines.append(
            line(
                amount,
                subscription["currency"],
                _described(world, price, quantity, trialing=trialing),
                period,
                parent=item_parent(item),
                price=price,
                quantity=quantity,
                subscription=subscription["id"],
                metadata=subscription["metadata"],
            )
        )
    return lines


def product_name(world: World, price: Record) -> str:
    """What the price's product is called."""
    product = world.store.find("product", price["product"]) or {}
    return str(product.get("name") or price["nickname"] or "Subscription")


def _described(world: World, price: Record, quantity: int, *, trialing: bool) -> str:
    name = product_name(world, price)
    if trialing:
        return f"Trial period for {name}"
    rhythm = price["recurring"]
    every = rhythm["interval"] if rhythm["interval_count"] == 1 else f"{rhythm['interval_count']} {rhythm['interval']}s"
    if price["unit_amount_decimal"] is None:
        return f"{quantity} × {name} (tiered / {every})"
    return f"{quantity} × {name} (at {shown_unit(price)} / {every})"


def method_for(world: World, subscription: Record, customer: Record | None = None) -> Record | None:
    """The method Stripe would charge: the subscription's, else the customer's default."""
    found = subscription["default_payment_method"]
    if found is None:
        owner = customer or world.store.find("customer", subscription["customer"]) or {}
        found = (owner.get("invoice_settings") or {}).get("default_payment_method")
    return None if found is None else world.store.find("payment_method", found)


def renew(world: World, subscription: Record) -> None:
    """A period is over: the next begins, and a draft invoice asks for it."""
    moment = world.now(subscription["test_clock"])
    ended = (
        min(item["current_period_start"] for item in subscription["items"]["data"]),
        min(item["current_period_end"] for item in subscription["items"]["data"]),
    )
    enter_due(world, subscription, ended[1])
    for item in subscription["items"]["data"]:
        start = item["current_period_end"]
        item["current_period_start"] = start
        item["current_period_end"] = boundary(subscription["billing_cycle_anchor"], max(start, moment), item["price"])
    bill(world, subscription, reason="subscription_cycle", period=ended)
    world.save(subscription, "customer.subscription.updated")


def bill(world: World, subscription: Record, *, reason: str, period: tuple[int, int]) -> Record | None:
    """Draft the invoice for the periods that just began, with any prorations that wait."""
    customer = world.store.find("customer", subscription["customer"])
    if customer is None or customer.get("deleted"):
        return None
    lines = [*pending_lines(world, subscription), *period_lines(world, subscription)]
    invoice = draft(
        world,
        customer,
        subscription["currency"],
        reason=reason,
        period=period,
        subscription=subscription,
        lines=lines,
    )
    pausing = subscription["pause_collection"]
    if pausing is not None and pausing["behavior"] == "keep_as_draft":
        invoice["automatically_finalizes_at"], invoice["auto_advance"] = None, False
    subscription["latest_invoice"] = invoice["id"]
    claim_pending(world, subscription, invoice)
    let_go(world, subscription, invoice)
    return world.save(invoice, "invoice.created")


def pending_lines(world: World, subscription: Record) -> list[Record]:
    """Lines for invoice items that wait for the subscription's next invoice."""
    return [private(item)["line"] for item in _pending(world, subscription)]


def claim_pending(world: World, subscription: Record, invoice: Record) -> None:
    """Mark waiting invoice items as billed by this invoice."""
    for item in _pending(world, subscription):
        item["invoice"] = invoice["id"]
        world.save(item)


def _pending(world: World, subscription: Record) -> list[Record]:
    waiting = world.store.newest("invoiceitem", customer=subscription["customer"], oldest_first=True)
    return [i for i in waiting if i["invoice"] is None and private(i).get("subscription") == subscription["id"]]


def finalize_and_collect(world: World, invoice: Record, *, off_session: bool = True) -> None:
    """What happens to an automatic draft when its hour is over."""
    finalize(world, invoice)
    if invoice["status"] != "open" or invoice["collection_method"] == "send_invoice":
        return
    subscription = world.store.find("subscription", subscription_of(invoice) or "")
    method = None if subscription is None else method_for(world, subscription)
    collect(world, invoice, method, off_session=off_session)
