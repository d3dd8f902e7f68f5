"""What may be sent about a checkout session."""

from portal.simulator.objects.subscription_parameters import TRIAL_SETTINGS
from portal.simulator.parameters import (
    CURRENCY,
    INTERVAL,
    TIMESTAMP,
    Absent,
    Accepted,
    Exact,
    Integer,
    Kind,
    Metadata,
    Text,
    choice,
    fields,
)

_NOT_SIMULATED = [
    "adaptive_pricing",
    "after_expiration",
    "automatic_tax",
    "custom_fields",
    "customer_account",
    "invoice_creation",
    "managed_payments",
    "name_collection",
    "optional_items",
    "phone_number_collection",
    "shipping_address_collection",
    "shipping_options",
    "tax_id_collection",
]


_LOOKS = [
    "allow_promotion_codes",
    "allowed_payment_method_types",
    "billing_address_collection",
    "branding_settings",
    "consent_collection",
    "custom_text",
    "customer_update",
    "excluded_payment_method_types",
    "integration_identifier",
    "locale",
    "origin_context",
    "payment_method_configuration",
    "payment_method_data",
    "payment_method_options",
    "permissions",
    "redirect_on_completion",
    "saved_payment_method_options",
    "submit_type",
    "wallet_options",
]


_PRODUCT_DATA = fields("name", description=Text(), images=Accepted(), metadata=Metadata(), name=Text(),
                       tax_code=Accepted(), tax_details=Accepted(), unit_label=Text(12))  # fmt: skip


_PRICE_DATA = fields(
    "currency", currency=CURRENCY, product=Text(), product_data=_PRODUCT_DATA, unit_amount=Integer(0, 99_999_999),
    unit_amount_decimal=Exact(), recurring=fields("interval", interval=INTERVAL, interval_count=Integer(1, 1095)),
    tax_behavior=choice("exclusive", "inclusive", "unspecified"),
)  # fmt: skip


LINE = fields(adjustable_quantity=Absent(), metadata=Metadata(), price=Text(), price_data=_PRICE_DATA,
               quantity=Integer(1, 999_999), tax_rates=Absent())  # fmt: skip


SUBSCRIPTION_DATA = fields(
    application_fee_percent=Absent(), billing_cycle_anchor=Absent(), billing_cycle_anchor_config=Absent(),
    billing_mode=Accepted(), default_tax_rates=Absent(), description=Text(500), invoice_settings=Accepted(),
    metadata=Metadata(), on_behalf_of=Absent(), proration_behavior=Accepted(), transfer_data=Absent(),
    trial_end=TIMESTAMP, trial_period_days=Integer(1, 730), trial_settings=TRIAL_SETTINGS,
    pending_invoice_item_interval=Absent(),
)  # fmt: skip


INTENT_DATA = fields(
    application_fee_amount=Absent(), capture_method=choice("automatic", "automatic_async"), description=Text(1000),
    metadata=Metadata(), on_behalf_of=Absent(), receipt_email=Text(),
    setup_future_usage=choice("off_session", "on_session"), shipping=Absent(), statement_descriptor=Text(22),
    statement_descriptor_suffix=Text(22), transfer_data=Absent(), transfer_group=Text(),
)  # fmt: skip


OTHERS: dict[str, Kind] = {name: Absent() for name in _NOT_SIMULATED} | {name: Accepted() for name in _LOOKS}
