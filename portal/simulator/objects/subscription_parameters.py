"""What may be sent about a subscription."""

from portal.simulator.parameters import (
    TIMESTAMP,
    Absent,
    Accepted,
    Either,
    Flag,
    Integer,
    Kind,
    Metadata,
    Text,
    choice,
    fields,
)

PRORATION = choice("always_invoice", "create_prorations", "none")


TRIAL_SETTINGS = fields(
    "end_behavior",
    end_behavior=fields(
        "missing_payment_method",
        billing_cycle_anchor=choice("now", "unchanged"),
        missing_payment_method=choice("cancel", "create_invoice", "pause"),
    ),
)


CANCELLATION = fields(
    comment=Text(clearable=True),
    feedback=choice("customer_service", "low_quality", "missing_features", "other", "switched_service", "too_complex",
                    "too_expensive", "unused", clearable=True),
    feedback_option=Absent(),
)  # fmt: skip


ITEM: dict[str, Kind] = {
    "billing_thresholds": Absent(),
    "current_trial": Absent(),
    "discounts": Absent(),
    "metadata": Metadata(),
    "plan": Absent(),
    "price": Text(),
    "price_data": Absent(),
    "quantity": Integer(0, 10**9),
    "tax_rates": Absent(),
}


WRITABLE: dict[str, Kind] = {
    "add_invoice_items": Absent(),
    "application_fee_percent": Absent(),
    "automatic_tax": Absent(),
    "billing_schedules": Absent(),
    "billing_thresholds": Absent(),
    "cancel_at": Either((choice("min_period_end", "max_period_end"), TIMESTAMP), clearable=True),
    "cancel_at_period_end": Flag(),
    "collection_method": choice("charge_automatically", "send_invoice"),
    "days_until_due": Integer(1, 365),
    "default_payment_method": Text(),
    "default_source": Absent(),
    "default_tax_rates": Absent(),
    "description": Text(500, clearable=True),
    "discounts": Absent(),
    "invoice_settings": Accepted(),
    "metadata": Metadata(),
    "off_session": Flag(),
    "on_behalf_of": Absent(),
    "payment_behavior": choice(
        "allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete"
    ),
    "payment_settings": Accepted(),
    "pending_invoice_item_interval": Absent(),
    "proration_behavior": PRORATION,
    "transfer_data": Absent(),
    "trial_end": Either((choice("now"), TIMESTAMP)),
    "trial_from_plan": Absent(),
    "trial_settings": TRIAL_SETTINGS,
}


STATUSES = choice("active", "all", "canceled", "ended", "incomplete", "incomplete_expired", "past_due", "paused",
                   "trialing", "unpaid")  # fmt: skip
