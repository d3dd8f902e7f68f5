"""Whom Stripe bills, as its customers and their tax ids. Functions over its client; imports no SDK.

No idempotency key goes along: to say the same thing again must have its effect again, because somebody else may have
said another in between. Saying it twice changes nothing.
"""

from __future__ import annotations

from typing import Any

from portal.ports.billing import BillingIdentity


def set_identity(client: Any, customer_id: str, identity: BillingIdentity) -> None:
    """Make a customer say this: name, mail and address at once, then its one tax id."""
    place = {
        "line1": identity.line1,
        "line2": identity.line2,
        "postal_code": identity.postal_code,
        "city": identity.city,
        "state": identity.state,
        "country": identity.country,
    }
    said = {line: text for line, text in place.items() if text}
    params: dict[str, Any] = {"name": identity.name, "address": said or ""}
    if identity.email:
        params["email"] = identity.email
    answer = client.v1.customers.update(customer_id, params=params)
    if any(getattr(answer.address, line, None) for line in place.keys() - said.keys()):
        # An old line stayed beside the new ones. A line cannot be emptied by itself, so all go first.
        client.v1.customers.update(customer_id, params={"address": ""})
        client.v1.customers.update(customer_id, params={"address": said})
    held = client.v1.customers.tax_ids.list(customer_id, params={"limit": 100}).data
    wanted = identity.tax_number
    if wanted is not None and wanted not in [(each.type, each.value) for each in held]:
        client.v1.customers.tax_ids.create(customer_id, params={"type": wanted[0], "value": wanted[1]})
    seen = False
    for each in held:
        if (each.type, each.value) == wanted and not seen:
            seen = True
        else:
            client.v1.customers.tax_ids.delete(customer_id, each.id)
