"""Invoices and receipts for people: to read, to print, and to pay while they are open."""

from collections.abc import Callable

from aiohttp import web

from portal.simulator.billing import discounts
from portal.simulator.billing.amounts import shown
from portal.simulator.billing.collecting import collect
from portal.simulator.billing.invoicing import intent_of, subscription_of
from portal.simulator.cards import CARDS, UNAUTHENTICATED, card_of
from portal.simulator.checkout.card_form import CardEntry, Errors, form_values, read_card, shown_form
from portal.simulator.checkout.summary import day
from portal.simulator.objects.payment_methods import attach, make_default, new_method
from portal.simulator.pages import Pages
from portal.simulator.records import Record, private
from portal.simulator.world import World

SETUP_REFUSED = "Your bank does not let this card be saved. Nothing was charged. Try another card."


class InvoicePages:
    """``hosted_invoice_url`` and ``receipt_url`` lead here."""

    def __init__(self, world: World, pages: Pages, changed: Callable[[], None]) -> None:
        self._world, self._pages, self._changed = world, pages, changed

    def routes(self) -> list[web.RouteDef]:
        """The addresses this class answers."""
        return [
            web.get("/invoices/{invoice}", self.show),
            web.get("/invoices/{invoice}/pdf", self.show),
            web.post("/invoices/{invoice}", self.pay),
            web.get("/receipts/{charge}", self.receipt),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The invoice; with a card form while it can be paid."""
        return self._page(self._invoice(request), {}, {})

    async def pay(self, request: web.Request) -> web.Response:
        """Pay an open invoice with another card; that card is charged from then on."""
        invoice = self._invoice(request)
        form = await request.post()
        values = form_values(form)
        if "fill" in form or invoice["status"] not in ("open", "uncollectible"):
            return self._page(invoice, values, {})
        entry, errors = read_card(values, self._world.now(invoice["test_clock"]))
        if entry is None:
            return self._page(invoice, values, errors, status=422)
        with self._world.store.transaction():
            location, message = self._take(invoice, entry, values["name"])
        self._changed()
        if message:
            return self._page(self._invoice(request), values, {"payment": message}, status=402)
        return self._pages.redirect(location)

    def _take(self, invoice: Record, entry: CardEntry, name: str) -> tuple[str, str]:
        """(where to go, what went wrong)."""
        world = self._world
        address = f"/invoices/{invoice['id']}"
        method = new_method(world, entry.card, exp_month=entry.exp_month, exp_year=entry.exp_year)
        method["billing_details"]["name"] = name.strip() or None
        world.save(method)
        outcome = collect(world, invoice, method, off_session=False)
        if outcome == "failed":
            decline = card_of(method).decline
            return address, decline.human if decline else UNAUTHENTICATED.human
        customer = world.store.find("customer", invoice["customer"])
        if customer is not None and not customer.get("deleted") and method["customer"] is None:
            kept = world.store.find("payment_method", method["id"]) or method
            if card_of(kept).decline is None:
                attach(world, kept, customer)
                make_default(world, customer["id"], method["id"])
        intent = intent_of(world, invoice)
        if outcome == "requires_action" and intent is not None:
            private(intent)["return_to"] = address
            world.save(intent)
            return str(intent["next_action"]["redirect_to_url"]["url"]), ""
        return address, ""

    async def receipt(self, request: web.Request) -> web.Response:
        """What a charge took, and when."""
        charge = self._world.store.find("charge", request.match_info["charge"])
        if charge is None:
            raise self._pages.missing("This receipt does not exist.")
        return self._pages.render(
            "receipt.html",
            charge=charge,
            amount=shown(charge["amount"], charge["currency"]),
            refunded=shown(charge["amount_refunded"], charge["currency"]) if charge["amount_refunded"] else "",
            on=day(charge["created"]),
        )

    def _invoice(self, request: web.Request) -> Record:
        invoice = self._world.store.find("invoice", request.match_info["invoice"])
        if invoice is None or invoice.get("deleted") or invoice["status"] == "draft":
            raise self._pages.missing("This invoice does not exist, or is still being written.")
        return invoice

    def _page(self, invoice: Record, values: dict[str, str], errors: Errors, status: int = 200) -> web.Response:
        currency = invoice["currency"]
        intent = intent_of(self._world, invoice)
        return self._pages.render(
            "invoice.html",
            status=status,
            invoice=invoice,
            payable=invoice["status"] in ("open", "uncollectible"),
            due=shown(invoice["amount_remaining"], currency),
            total=shown(invoice["total"], currency),
            subtotal=shown(invoice["subtotal"], currency),
            credit=shown(invoice["starting_balance"], currency) if invoice["starting_balance"] else "",
            paid=shown(invoice["amount_paid"], currency),
            on=day(invoice["effective_at"] or invoice["created"]),
            paid_on=day(invoice["status_transitions"]["paid_at"]) if invoice["status_transitions"]["paid_at"] else "",
            due_on=day(invoice["due_date"]) if invoice["due_date"] else "",
            billed_to=_billed_to(invoice),
            discounts=_discounts(self._world, invoice),
            lines=[
                {
                    "name": line["description"],
                    "period": f"{day(line['period']['start'])} to {day(line['period']['end'])}",
                    "quantity": line["quantity"],
                    "amount": shown(line["amount"], currency),
                }
                for line in invoice["lines"]["data"]
            ],
            asks=intent is not None and intent["status"] == "requires_action" and intent["next_action"],
            subscription=subscription_of(invoice),
            cards=CARDS,
            **shown_form(values, errors),
        )


def _billed_to(invoice: Record) -> list[str]:
    """The lines of an address label, then mail and tax numbers; what is not known takes no line."""
    place = invoice["customer_address"] or {}
    town = " ".join(part for part in (place.get("postal_code"), place.get("city")) if part)
    numbers = [f"{held['type'].replace('_', ' ').upper()} {held['value']}" for held in invoice["customer_tax_ids"]]
    words = [invoice["customer_name"], place.get("line1"), place.get("line2"), town, place.get("state")]
    return [part for part in (*words, place.get("country"), invoice["customer_email"], *numbers) if part]


def _discounts(world: World, invoice: Record) -> list[tuple[str, str]]:
    """(which coupon, what it took off) for the foot of the table."""
    found = []
    for each in invoice["total_discount_amounts"]:
        discount = world.store.find(discounts.KIND, each["discount"]) or {}
        code = world.store.find("promotion_code", discount.get("promotion_code") or "")
        words = discounts.described(discounts.coupon_of(discount), code["code"] if code else None)
        found.append((words, shown(-each["amount"], invoice["currency"])))
    return found
