"""From a premium plan's name to the hosted page. For edges: reads the caller and the ports."""

from __future__ import annotations

from portal.payments.buying import Begun, Wishes, begin_checkout
from portal.payments.pages.buyer import buyer_of
from portal.payments.problems import PAGE_FAULTS, problem_of
from portal.pricing.queries import find_sold_plan
from portal.projects.types import MARKETPLACE
from portal.web.plugs import plugs
from portal.web.preferences import choose_locale
from portal.web.principal import get_principal
from portal.web.problems import Problem


def begin_premium(plan: str) -> Begun:
    """Open the page on which the acting organisation pays for a plan, or return the one that is open. Raises Problem."""
    offer, ports = find_sold_plan(MARKETPLACE, plan), plugs()
    if offer is None:
        raise Problem(404, "unknown-plan", "Not for sale", f"`{plan}` is not for sale on this platform.")
    page = ports.settings.public_url.rstrip("/") + "/premium"
    try:
        return begin_checkout(
            buyer_of(get_principal()),
            offer,
            payments=ports.payments,
            now=ports.clock.now(),
            locale=choose_locale(),
            livemode=ports.settings.livemode,
            wishes=Wishes(success_url=f"{page}?back=1", cancel_url=f"{page}?left=1"),
        )
    except PAGE_FAULTS as fault:
        raise problem_of(fault, held="The organisation has premium. Its page lets you change or end it.") from None
