"""Routes of the hosted checkout page. Everything works without JavaScript; there is none."""

import re
from collections.abc import Callable

from aiohttp import web

from portal.simulator.billing.amounts import shown
from portal.simulator.cards import CARDS
from portal.simulator.checkout.card_form import Errors, filled, form_values, read_card, shown_form
from portal.simulator.checkout.completing import Payer, Result, answer_for_intent, authenticated, needs_card, submit
from portal.simulator.checkout.summary import summary_of
from portal.simulator.pages import Pages, origin_of
from portal.simulator.records import Record, private
from portal.simulator.world import World, clock_of


class CheckoutPages:
    """Show, submit, confirm at the bank, come back."""

    def __init__(self, world: World, pages: Pages, changed: Callable[[], None]) -> None:
        self._world, self._pages, self._changed = world, pages, changed

    def routes(self) -> list[web.RouteDef]:
        """The addresses this class answers."""
        return [
            web.get("/c/pay/{session}", self.show),
            web.post("/c/pay/{session}", self.pay),
            web.get("/authentications/{intent}", self.ask),
            web.post("/authentications/{intent}", self.confirm),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The payment page, or where the session went when it is over."""
        session = self._session(request)
        if session["status"] != "open":
            return self._over(session)
        values = {"email": session["customer_email"] or "", **filled(request.query.get("card", ""))}
        return self._page(session, values, {})

    async def pay(self, request: web.Request) -> web.Response:
        """The button was pressed: complete and leave, confirm at the bank, or say what went wrong, in place."""
        session = self._session(request)
        if session["status"] != "open":
            return self._over(session)
        form = await request.post()
        values = form_values(form)
        if "fill" in form:
            return self._page(session, values, {})
        payer, errors = read_form(session, values, self._world.now(clock_of(session)))
        if payer is None:
            return self._page(session, values, errors, status=422)
        with self._world.store.transaction():
            result = submit(self._world, session, payer)
        self._changed()
        return self._after(session["id"], result, values)

    def _after(self, identifier: str, result: Result, values: dict[str, str]) -> web.Response:
        session = self._world.store.find("checkout.session", identifier) or {}
        if result.state == "confirm":
            return self._pages.redirect(result.location)
        if result.state == "complete":
            return self._pages.redirect(success_address(session))
        return self._page(session, values, {"payment": result.message}, status=402)

    async def ask(self, request: web.Request) -> web.Response:
        """The bank's page: is it you?"""
        intent, session = self._pending(request)
        owner = session or intent
        amount = intent.get("amount")
        return self._pages.render(
            "authentication.html",
            intent=intent,
            amount=shown(amount, intent["currency"]) if amount else None,
            method=self._world.store.find("payment_method", intent["payment_method"] or ""),
            waiting=intent["status"] == "requires_action",
            back=f"/c/pay/{session['id']}" if session is not None else private(intent).get("return_to"),
            form_targets=origin_of(owner.get("success_url")),
        )

    async def confirm(self, request: web.Request) -> web.Response:
        """The answer to the bank's question."""
        intent, session = self._pending(request)
        form = await request.post()
        confirmed = form.get("outcome") == "complete"
        if intent["status"] != "requires_action":
            return self._pages.redirect(str(request.rel_url))
        if session is None:
            with self._world.store.transaction():
                answer_for_intent(self._world, intent, confirmed=confirmed)
            self._changed()
            return self._pages.redirect(private(intent).get("return_to") or str(request.rel_url))
        with self._world.store.transaction():
            result = authenticated(self._world, session, confirmed=confirmed)
        self._changed()
        payer = private(session).get("payer") or {}
        return self._after(session["id"], result, {"email": payer.get("email", ""), "name": payer.get("name", "")})

    def _pending(self, request: web.Request) -> tuple[Record, Record | None]:
        identifier = request.match_info["intent"]
        intent = self._world.store.find("payment_intent", identifier) or self._world.store.find(
            "setup_intent", identifier
        )
        if intent is None:
            raise self._pages.missing("This confirmation page does not exist.")
        return intent, self._world.store.find("checkout.session", private(intent).get("session") or "")

    def _session(self, request: web.Request) -> Record:
        session = self._world.store.find("checkout.session", request.match_info["session"])
        if session is None:
            raise self._pages.missing("This checkout page does not exist. The link may be incomplete.")
        return session

    def _over(self, session: Record) -> web.Response:
        if session["status"] == "complete":
            address = success_address(session)
            return self._pages.render("checkout_over.html", session=session, address=address, status=200)
        return self._pages.render("checkout_over.html", session=session, address=session["cancel_url"], status=410)

    def _page(self, session: Record, values: dict[str, str], errors: Errors, status: int = 200) -> web.Response:
        customer = self._world.store.find("customer", session["customer"] or "")
        return self._pages.render(
            "checkout.html",
            status=status,
            session=session,
            summary=summary_of(self._world, session),
            **shown_form(values, errors),
            customer=customer,
            needs_card=needs_card(session),
            cards=CARDS,
            form_targets=origin_of(session["success_url"]),
        )


def success_address(session: Record) -> str:
    """Where a completed session sends the person, with the id in place of Stripe's placeholder."""
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def read_form(session: Record, values: dict[str, str], now: int) -> tuple[Payer | None, Errors]:
    """The payer, or a sentence for every field that needs attention."""
    errors: Errors = {}
    email = values["email"].strip()
    if session["customer"] is None and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
        errors["email"] = "Enter an email address, such as cleo@example.com."
    name = values["name"].strip()
    if not needs_card(session):
        return (None, errors) if errors else (Payer(email, name, None), {})
    entry, about_card = read_card(values, now)
    errors |= about_card
    if errors or entry is None:
        return None, errors
    return Payer(email, name, entry.card, entry.exp_month, entry.exp_year), {}
