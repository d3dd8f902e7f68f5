"""The billing portal: what a customer pays for, stopping and resuming it, the card, the invoices."""

from collections.abc import Callable

from aiohttp import web

from portal.simulator.billing.ending import end, schedule_cancel
from portal.simulator.billing.setting_up import confirm_setup, new_setup
from portal.simulator.cards import CARDS, card_of
from portal.simulator.checkout.card_form import Errors, form_values, read_card, shown_form
from portal.simulator.objects.payment_methods import make_default, new_method
from portal.simulator.objects.portal_sessions import by_secret
from portal.simulator.pages import Pages, origin_of
from portal.simulator.portal_pages.overview import REASONS, account_of, subscription_view
from portal.simulator.records import Record, private
from portal.simulator.world import World, clock_of


class PortalPages:
    """Everything works without JavaScript; each change is one form and one redirect."""

    def __init__(self, world: World, pages: Pages, changed: Callable[[], None]) -> None:
        self._world, self._pages, self._changed = world, pages, changed

    def routes(self) -> list[web.RouteDef]:
        """The addresses this class answers."""
        here = "/p/session/{secret}"
        return [
            web.get(here, self.show),
            web.get(here + "/card", self.card),
            web.post(here + "/card", self.change_card),
            web.get(here + "/subscriptions/{subscription}/cancellation", self.ask_cancel),
            web.post(here + "/subscriptions/{subscription}/cancellation", self.cancel),
            web.post(here + "/subscriptions/{subscription}/resumption", self.resume),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The account, or straight to what the session's flow asks for."""
        session, customer = self._session(request)
        flow = session["flow"]
        if flow is not None and not private(session).get("flow_done") and "home" not in request.query:
            return self._pages.redirect(_flow_address(session))
        return self._pages.render(
            "portal.html",
            session=session,
            home=_home(session),
            features=self._features(session),
            done=request.query.get("done", ""),
            form_targets=origin_of(session["return_url"]),
            **account_of(self._world, customer),
        )

    async def ask_cancel(self, request: web.Request) -> web.Response:
        """What cancelling means, said plainly before anything happens."""
        session, customer = self._session(request)
        subscription = self._subscription(request, customer)
        return self._pages.render(
            "portal_cancel.html",
            session=session,
            home=_home(session),
            subscription=subscription_view(self._world, subscription),
            at_once=self._features(session)["subscription_cancel"]["mode"] == "immediately",
            reasons=REASONS,
            form_targets=origin_of(_return_after(session)),
        )

    async def cancel(self, request: web.Request) -> web.Response:
        """Cancel at the end of what is paid for, or now if the configuration says so."""
        session, customer = self._session(request)
        subscription = self._subscription(request, customer)
        feature = self._features(session)["subscription_cancel"]
        if not feature["enabled"]:
            raise self._pages.missing("Subscriptions cannot be cancelled on this page.")
        form = await request.post()
        feedback = str(form.get("feedback", ""))
        details = {"feedback": feedback if feedback in REASONS else None}
        comment = str(form.get("comment", "")).strip()[:2000]
        if comment:
            details["comment"] = comment
        with self._world.store.transaction():
            self._end(session, subscription, feature["mode"], details)
        self._changed()
        return self._pages.redirect(_return_after(session) or _home(session) + "?done=cancelled")

    def _end(self, session: Record, subscription: Record, mode: str, details: dict[str, str | None]) -> None:
        if subscription["status"] in ("canceled", "incomplete_expired"):
            return
        if mode == "immediately":
            end(self._world, subscription, reason="cancellation_requested", details=details)
        elif not subscription["cancel_at_period_end"]:
            schedule_cancel(self._world, subscription, at_period_end=True)
            subscription["cancellation_details"].update(details)
            self._world.save(subscription, "customer.subscription.updated")
        private(session)["flow_done"] = True
        self._world.save(session)

    async def resume(self, request: web.Request) -> web.Response:
        """Take a planned cancellation back."""
        session, customer = self._session(request)
        subscription = self._subscription(request, customer)
        if subscription["cancel_at_period_end"] and subscription["status"] != "canceled":
            with self._world.store.transaction():
                schedule_cancel(self._world, subscription, at_period_end=False)
                self._world.save(subscription, "customer.subscription.updated")
            self._changed()
        return self._pages.redirect(_home(session) + "?done=resumed")

    async def card(self, request: web.Request) -> web.Response:
        """The form for another card."""
        session, customer = self._session(request)
        return self._card_page(session, customer, {}, {})

    async def change_card(self, request: web.Request) -> web.Response:
        """Check the new card with its bank and charge it from now on."""
        session, customer = self._session(request)
        if not self._features(session)["payment_method_update"]["enabled"]:
            raise self._pages.missing("The card cannot be changed on this page.")
        form = await request.post()
        values = form_values(form)
        if "fill" in form:
            return self._card_page(session, customer, values, {})
        entry, errors = read_card(values, self._world.now(clock_of(customer)))
        if entry is None:
            return self._card_page(session, customer, values, errors, status=422)
        with self._world.store.transaction():
            method = new_method(self._world, entry.card, exp_month=entry.exp_month, exp_year=entry.exp_year)
            method["billing_details"]["name"] = values["name"].strip() or None
            self._world.save(method)
            setup = new_setup(self._world, customer)
            back = _return_after(session) or _home(session) + "?home=1&done=card"
            private(setup).update(make_default=True, return_to=back)
            self._world.save(setup, "setup_intent.created")
            outcome = confirm_setup(self._world, setup, method)
            if outcome == "succeeded":
                make_default(self._world, customer["id"], method["id"])
                private(session)["flow_done"] = True
                self._world.save(session)
        self._changed()
        if outcome == "requires_action":
            return self._pages.redirect(setup["next_action"]["redirect_to_url"]["url"])
        if outcome == "failed":
            decline = card_of(method).decline
            message = decline.human.replace("Nothing was charged.", "Your old card stays in place.") if decline else ""
            return self._card_page(session, customer, values, {"payment": message}, status=402)
        return self._pages.redirect(back)

    def _card_page(
        self, session: Record, customer: Record, values: dict[str, str], errors: Errors, status: int = 200
    ) -> web.Response:
        return self._pages.render(
            "portal_card.html",
            status=status,
            session=session,
            home=_home(session),
            customer=customer,
            cards=CARDS,
            form_targets=origin_of(_return_after(session)),
            **shown_form(values, errors),
        )

    def _session(self, request: web.Request) -> tuple[Record, Record]:
        session = by_secret(self._world, request.match_info["secret"])
        customer = None if session is None else self._world.store.find("customer", session["customer"])
        if session is None or customer is None or customer.get("deleted"):
            raise self._pages.missing("This billing page has expired. Open it again from Mercato.")
        return session, customer

    def _subscription(self, request: web.Request, customer: Record) -> Record:
        found = self._world.store.find("subscription", request.match_info["subscription"])
        if found is None or found["customer"] != customer["id"]:
            raise self._pages.missing("This subscription does not exist.")
        return found

    def _features(self, session: Record) -> Record:
        configuration = self._world.store.find("billing_portal.configuration", session["configuration"]) or {}
        features: Record = configuration["features"]
        return features


def _home(session: Record) -> str:
    return f"/p/session/{private(session)['secret']}"


def _flow_address(session: Record) -> str:
    flow = session["flow"]
    if flow["type"] == "subscription_cancel":
        return f"{_home(session)}/subscriptions/{flow['subscription_cancel']['subscription']}/cancellation"
    return f"{_home(session)}/card"


def _return_after(session: Record) -> str:
    """Where a flow ends when its creator wants the person back."""
    after = (session["flow"] or {}).get("after_completion") or {}
    return str((after.get("redirect") or {}).get("return_url") or "") if after.get("type") == "redirect" else ""
