"""Who buys in the demo, what they call and how often, what they keep and what they looked for in vain. Data only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from portal.demo.people import Person

Rhythm = Literal["office", "evenings", "nightly", "steady"]

TIDEWATER, NORTHLIGHT = "Tidewater Labs", "Northlight"
KITCHEN, CLINIC, ANALYTICS, LOGISTICS = "Harbour Kitchen", "Brightwater Clinic", "Sable Analytics", "Oakline Logistics"
TRAVEL, BOOKS, AGENCY = "Mistral Travel", "Quayside Books", "Larch & Co"
CALENDARS = "institute-for-applied-calendar-studies-and-publi"  # the address that the institute's long name becomes

CUSTOMERS = (
    Person("Nora Quist", "nora@harbourkitchen.example", KITCHEN),
    Person("Femi Adeyemi", "femi@brightwater.example", CLINIC),
    Person("Yuki Tanaka", "yuki@sable.example", ANALYTICS),
    Person("Karl Brandt", "karl@oakline.example", LOGISTICS),
    Person("Amélie Roux", "amelie@mistral.example", TRAVEL),
    Person("Sam Whitlock", "sam@quayside.example", BOOKS),
    Person("Iris Larch", "iris@larch.example", AGENCY),
)


@dataclass(frozen=True, slots=True)
class Habit:
    """What an organisation calls: `per_day` at first, `growth` times as much today, for so many days."""

    customer: str
    api: str
    key: str
    per_day: int
    growth: float = 1.0
    days: int = 100
    rhythm: Rhythm = "office"


HABITS = (
    Habit(TIDEWATER, "kestrel-data/almanac", "Harbour board", 28, 1.8, 41),
    Habit(KITCHEN, "bildwerk-munster/qr-codes", "Menus", 24, 2.0, rhythm="evenings"),
    Habit(KITCHEN, "kestrel-data/almanac", "Opening hours", 6),
    Habit(KITCHEN, "inkwell-text-works/markdown", "Menu page", 4, 1.2),
    Habit(CLINIC, "ringwise/phone-numbers", "Front desk", 28, 1.3),
    Habit(CLINIC, "ringwise/message-length", "Reminders", 60, 1.6, rhythm="nightly"),
    Habit(CLINIC, "atlas-row/time-zones", "Telehealth", 7, 1.1),
    Habit(CLINIC, "market-office/httpbin", "Probe", 12, rhythm="steady"),
    Habit(ANALYTICS, "pennyworth-finance/statistics", "Notebook", 20, 1.7),
    Habit(ANALYTICS, "kestrel-data/rates", "Model", 20, 1.2, rhythm="nightly"),
    Habit(ANALYTICS, "mockingbird-labs/test-data", "Pipelines", 30, 1.4, rhythm="nightly"),
    Habit(ANALYTICS, "mockingbird-labs/json-schema", "Pipelines", 40, 2.4, 20, "nightly"),
    Habit(ANALYTICS, "registra-prufdienste/company-numbers", "Screening", 1, 1.0, 60),
    Habit(ANALYTICS, "prairie-ledger/payee-numbers", "Vendors", 6, 1.6),
    Habit(LOGISTICS, "atlas-row/distances", "Dispatch", 95, 1.5, rhythm="steady"),
    Habit(LOGISTICS, "atlas-row/countries", "Customs forms", 18, 1.1),
    Habit(LOGISTICS, "registra-prufdienste/vat-numbers", "Invoicing", 10, 1.2),
    Habit(LOGISTICS, "registra-prufdienste/product-codes", "Warehouse", 55, 0.7, rhythm="steady"),
    Habit(LOGISTICS, "yard-metre/measures", "Pallets", 38, 1.6),
    Habit(LOGISTICS, f"{CALENDARS}/public-holidays", "Routes", 30, 1.1, rhythm="nightly"),
    Habit(TRAVEL, "atlas-row/countries", "Booking form", 44, 1.8, rhythm="evenings"),
    Habit(TRAVEL, "atlas-row/time-zones", "Itineraries", 30, 2.1, rhythm="evenings"),
    Habit(TRAVEL, "kestrel-data/rates", "Prices", 16, 1.3, rhythm="evenings"),
    Habit(TRAVEL, f"{CALENDARS}/public-holidays", "Calendar", 42, 1.9, rhythm="evenings"),
    Habit(TRAVEL, f"{CALENDARS}/moon", "Night tours", 9, 1.0, 70),
    Habit(TRAVEL, "ringwise/phone-numbers", "Contacts", 22, 1.1),
    Habit(BOOKS, "registra-prufdienste/product-codes", "Catalogue", 34, 1.1, rhythm="nightly"),
    Habit(BOOKS, "inkwell-text-works/slugs", "Shop", 26, 1.2),
    Habit(BOOKS, "inkwell-text-works/readability", "Blurbs", 8, 1.3),
    Habit(BOOKS, "bildwerk-munster/qr-codes", "Shelf labels", 12, 0.8),
    Habit(AGENCY, "bildwerk-munster/colours", "Design system", 26, 1.2),
    Habit(AGENCY, "bildwerk-munster/placeholders", "Drafts", 30, 2.2, 10),
    Habit(AGENCY, "inkwell-text-works/markdown", "Sites", 48, 1.5, rhythm="steady"),
    Habit(AGENCY, "inkwell-text-works/slugs", "Sites", 40, 1.3, rhythm="steady"),
    Habit(AGENCY, "inkwell-text-works/text-diff", "Proofs", 4, 1.5, 16),
    Habit(AGENCY, "yard-metre/units", "Old calculator", 9, 0.5),
    Habit(TIDEWATER, "registra-prufdienste/bank-accounts", "Payouts", 22, 1.4, 112),
    Habit(TIDEWATER, "ringwise/phone-numbers", "Sign-up form", 14, 1.6, 95, rhythm="evenings"),
    Habit(TIDEWATER, "pennyworth-finance/loans", "Calculator", 7, 1.2, 107),
    Habit(TIDEWATER, "mockingbird-labs/test-data", "Tests", 12, 1.1),
    Habit(NORTHLIGHT, "registra-prufdienste/bank-accounts", "Donations", 12, 1.2, 77),
    Habit(NORTHLIGHT, "yard-metre/measures", "Shop", 22, 0.9, 104),
    Habit(NORTHLIGHT, f"{CALENDARS}/moon", "Sky page", 14, 1.4, rhythm="evenings"),
    Habit(NORTHLIGHT, "yard-metre/integers", "Puzzle", 3, 1.0, 60),
)

SAVED = {
    "cleo@tidewater.example": (
        "kestrel-data/rates", "registra-prufdienste/vat-numbers", "atlas-row/time-zones", "pennyworth-finance/loans",
    ),
    "dan@northlight.example": ("atlas-row/countries", "bildwerk-munster/qr-codes"),
    "ada@kestrel.example": ("pennyworth-finance/statistics", f"{CALENDARS}/moon"),
    "olive@mercato.example": ("yard-metre/units",),
    "amelie@mistral.example": ("kestrel-data/almanac", "atlas-row/distances"),
    "iris@larch.example": ("inkwell-text-works/readability",),
}  # fmt: skip

# Words, who asked for them, and how many days ago.
GAPS = (
    ("weather forecast", ("nora@harbourkitchen.example", "amelie@mistral.example", "cleo@tidewater.example"), 3),
    ("weather forecast", ("karl@oakline.example",), 19),
    ("postal addresses", ("karl@oakline.example", "sam@quayside.example"), 8),
    ("translate text", ("sam@quayside.example", "iris@larch.example"), 12),
    ("flight status", ("amelie@mistral.example",), 2),
    ("allergens", ("nora@harbourkitchen.example",), 27),
    ("optical character recognition", ("femi@brightwater.example",), 41),
)
