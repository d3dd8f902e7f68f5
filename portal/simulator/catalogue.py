"""Every route the simulator answers, and every field that exists only when asked for."""

from portal.simulator.expansion import Expander
from portal.simulator.objects import (
    checkout_sessions,
    coupons,
    customers,
    disputes,
    events,
    invoice_payments,
    invoices,
    payment_methods,
    payments,
    portal_configurations,
    portal_sessions,
    prices,
    products,
    promotion_codes,
    refunds,
    subscription_schedules,
    subscriptions,
    tax_ids,
    test_clocks,
    webhook_endpoints,
)
from portal.simulator.routes import Route

_MODULES = (
    customers, tax_ids, coupons, promotion_codes, products, prices, payment_methods, payments, disputes, subscriptions,
    subscription_schedules, invoices, checkout_sessions,
    portal_configurations, portal_sessions, events, webhook_endpoints, test_clocks,
)  # fmt: skip
ROUTES: tuple[Route, ...] = tuple(route for module in _MODULES for route in module.ROUTES)
EXPANDER = Expander(
    {
        ("charge", "refunds"): refunds.included_refunds,
        ("checkout.session", "line_items"): checkout_sessions.included_lines,
        ("coupon", "applies_to"): coupons.included_products,
        ("customer", "subscriptions"): customers.included_subscriptions,
        ("customer", "tax_ids"): tax_ids.included_tax_ids,
        ("invoice", "confirmation_secret"): invoice_payments.included_secret,
        ("invoice", "payments"): invoice_payments.included_payments,
        ("price", "tiers"): prices.included_tiers,
    }
)


def find_route(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The route for a request and the identifiers in its path."""
    for route in ROUTES:
        if route.method == method:
            found = route.match(path)
            if found is not None:
                return route, found
    return None
