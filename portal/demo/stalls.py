"""Who sells what in the demo, and for how much. Data only; `portal.demo.market` puts it into the market."""

from __future__ import annotations

from dataclasses import dataclass

from portal.demo.offers import (
    DemoApi,
    Goodbye,
    Running,
    flat,
    free,
    included,
    open_to_all,
    package,
    per_call,
    sold_in,
    stepped,
    yearly,
)
from portal.demo.people import Person


@dataclass(frozen=True, slots=True)
class Stall:
    """A provider: who owns it, since how many days it is here, and what it says about itself."""

    owner: Person
    since: int
    description: str
    website: str
    is_verified: bool = False


KESTREL, OFFICE = "Kestrel Data", "Market Office"
REGISTRA, RINGWISE, ATLAS, INKWELL = "Registra Prüfdienste", "Ringwise", "Atlas Row", "Inkwell Text Works"
BILDWERK, PENNYWORTH, MOCKINGBIRD = "Bildwerk Münster", "Pennyworth Finance", "Mockingbird Labs"
INSTITUTE = "Institute for Applied Calendar Studies and Public Timekeeping"
MEASURES = "Yard & Metre"
PRAIRIE = "Prairie Ledger"

STALLS = (
    Stall(
        Person("Jonas Weidner", "jonas@registra.example", REGISTRA), 1_410,
        "Check digits are our trade: we verify the numbers on invoices, contracts and boxes before they cost money.",
        "https://registra.example", is_verified=True,
    ),
    Stall(
        Person("Priya Nair", "priya@ringwise.example", RINGWISE), 760,
        "Telephone numbers and text messages for people who would rather build something else.",
        "https://ringwise.example", is_verified=True,
    ),
    Stall(
        Person("Tomás Ferreira", "tomas@atlasrow.example", ATLAS), 1_020,
        "Where, when and in which currency: facts about places, kept up to date from public sources.",
        "https://atlasrow.example", is_verified=True,
    ),
    Stall(
        Person("Maeve Doyle", "maeve@inkwell.example", INKWELL), 540,
        "Small tools for text, made by two editors and a programmer.",
        "https://inkwell.example",
    ),
    Stall(
        Person("Lena Hagedorn", "lena@bildwerk.example", BILDWERK), 330,
        "Bilder, Farben und Codes für Druck und Bildschirm.",
        "https://bildwerk.example",
    ),
    Stall(
        Person("Hugh Pennyworth", "hugh@pennyworth.example", PENNYWORTH), 890,
        "Sums that people sign for. Every figure can be checked by hand, and we show you how.",
        "https://pennyworth.example", is_verified=True,
    ),
    Stall(
        Person("Rosa Jimenez", "rosa@mockingbird.example", MOCKINGBIRD), 210,
        "Things that look real and are not, for tests.",
        "https://mockingbird.example",
    ),
    Stall(
        Person("Ingrid Solheim", "ingrid@calendars.example", INSTITUTE), 1_200,
        "A public foundation. We keep calendars so that nobody else has to.",
        "https://calendars.example", is_verified=True,
    ),
    Stall(
        Person("Owen Blackwood", "owen@yardandmetre.example", MEASURES), 1_500,
        "Converting since before the market opened.",
        "https://yardandmetre.example",
    ),
    Stall(
        Person("Grace Whitfield", "grace@prairieledger.example", PRAIRIE), 640,
        "Payments software from Omaha, Nebraska. We bill in US dollars, as our customers do.",
        "https://prairieledger.example", is_verified=True,
    ),
)  # fmt: skip

FIRST = (
    DemoApi(KESTREL, "rates", "rates", "finance", (
        free(1_000),
        included("pro", "Pro", "For a product in production", 2_900, 100_000, "0.03", 600),
        included("scale", "Scale", "For many products", 19_900, 2_000_000, "0.01", 6_000, trial_days=14),
    ), published=720, updated=34),
    DemoApi(KESTREL, "almanac", "almanac", "science", (
        free(2_000),
        included("plus", "Plus", "For apps people open every day", 900, 50_000, "0.02", 300, trial_days=14),
    ), published=515, updated=90),
    DemoApi(OFFICE, "httpbin", "httpbin", "developer", (free(10_000, per_minute=300),), published=900, updated=900),
)  # fmt: skip

APIS = (
    DemoApi(KESTREL, "tides", "tides", "science", published=None),
    DemoApi(REGISTRA, "bank-accounts", "bank-accounts", "finance", (
        free(2_500),
        included("business", "Business", "For shops and payroll", 1_900, 20_000, "0.2", 300),
        included("bank", "Bank", "For payment files, with room to breathe", 14_900, 500_000, "0.04", 3_000, 14),
    ), published=1_390, updated=46, running=Running(19),
        older=(("1.6.0", 1_390),),
        farewell=Goodbye(46, 75, "`GET /v1/iban` becomes `GET /v2/accounts/{iban}`; `valid` is now `is_valid`, and `reason` "
                         "says what is wrong. Lists go to `POST /v2/accounts`. Keys and plans stay as they are."),
    ),
    DemoApi(REGISTRA, "vat-numbers", "vat-numbers", "finance", (
        free(500),
        included("business", "Business", "For invoicing", 1_200, 10_000, "0.25", 300, 30),
        yearly("year", "Business, yearly", "Paid once, two months for nothing", 12_000, 120_000, "0.25", 300),
    ), published=1_120, updated=130, running=Running(17)),
    DemoApi(REGISTRA, "company-numbers", "company-numbers", "commerce", (free(100, 30), per_call("1.5", 300)),
            published=410, updated=410, running=Running(21)),
    DemoApi(REGISTRA, "securities", "securities", "finance", (
        flat("desk", "Desk", "One trading desk", 4_900, 50_000, 600, trial_days=14),
        flat("house", "House", "Everybody in the house", 24_900, None, 3_000),
    ), published=690, updated=75, running=Running(15)),
    DemoApi(REGISTRA, "product-codes", "product-codes", "commerce", (
        free(5_000),
        stepped("volume", "By volume", "All calls at the price of the month's last step",
                ((10_000, "0.2"), (100_000, "0.12"), (None, "0.06")), 600, all_at_last_price=True),
    ), published=980, updated=210, running=Running(16)),
    DemoApi(RINGWISE, "phone-numbers", "phone-numbers", "communication", (
        free(3_000),
        stepped("grow", "Grow", "Each step has its own price",
                ((10_000, "0"), (100_000, "0.09"), (None, "0.04")), 600, amount=1_500),
        included("carrier", "Carrier", "For contact centres", 29_900, 1_000_000, "0.02", 6_000),
    ), published=745, updated=12, running=Running(11, 0.0001)),
    DemoApi(RINGWISE, "message-length", "messages", "communication", (
        free(10_000, 120), per_call("0.02", 600),
    ), published=190, updated=190, running=Running(9)),
    DemoApi(ATLAS, "countries", "countries", "geo", (
        free(5_000),
        flat("studio", "Studio", "For agencies and their customers", 1_500, 100_000, 300),
        yearly("studio-year", "Studio, yearly", "Paid once, two months for nothing", 15_000, 1_200_000, "0.02", 300),
    ), published=1_010, updated=5, running=Running(34, 0.0006, (33,))),
    DemoApi(ATLAS, "distances", "distances", "geo", (
        free(8_000), package(900, 25_000, 500, 25_000, 600),
    ), published=620, updated=280, running=Running(13)),
    DemoApi(ATLAS, "time-zones", "time-zones", "productivity", (
        free(4_000, 120), included("team", "Team", "For calendars and call centres", 700, 50_000, "0.02", 300),
    ), published=560, updated=24, running=Running(41, 0.0008)),
    DemoApi(INKWELL, "readability", "readability", "communication", (
        free(1_000),
        included("editor", "Editor", "For one newsroom", 1_900, 30_000, "0.1", 120, 7),
    ), published=520, updated=160, running=Running(48, 0.001)),
    DemoApi(INKWELL, "markdown", "markdown", "developer", (
        free(5_000), flat("site", "Site", "For a site that builds often", 500, 100_000, 600),
    ), published=480, updated=8, running=Running(26)),
    DemoApi(INKWELL, "text-diff", "text-diff", "productivity", (
        free(1_000, 30), per_call("0.15", 120),
    ), published=18, updated=18, running=Running(72, 0.002)),
    DemoApi(INKWELL, "slugs", "slugs", "developer", (free(20_000, 300),), published=350, updated=350, running=Running(12)),
    DemoApi(BILDWERK, "qr-codes", "qr-codes", "media", (
        free(2_000, 120),
        included("print", "Print", "For tickets, menus and labels", 1_100, 40_000, "0.05", 600),
        yearly("print-year", "Print, yearly", "Paid once, two months for nothing", 11_000, 480_000, "0.05", 600),
    ), published=300, updated=61, running=Running(63, 0.003, (9,))),
    DemoApi(BILDWERK, "colours", "colours", "media", (free(5_000),), published=240, updated=240, running=Running(14)),
    DemoApi(BILDWERK, "placeholders", "placeholders", "media", (
        free(3_000), flat("studio", "Studio", "For a design team", 400, 200_000, 600),
    ), published=11, updated=2, running=Running(88, 0.004, (3,))),
    DemoApi(PENNYWORTH, "loans", "loans", "finance", (
        free(600),
        included("adviser", "Adviser", "For brokers and their calculators", 3_900, 25_000, "0.12", 300, 14),
        flat("bureau", "Bureau", "No limit but the pace", 19_900, None, 1_200),
    ), published=870, updated=95, running=Running(37, 0.0003)),
    DemoApi(PENNYWORTH, "statistics", "statistics", "data", (
        free(1_500), per_call("0.05", 300),
    ), published=400, updated=400, running=Running(52, 0.0005)),
    DemoApi(MOCKINGBIRD, "test-data", "test-data", "developer", (
        free(2_000),
        included("team", "Team", "For a team and its pipelines", 1_500, 60_000, "0.03", 600, 14),
        included("fleet", "Fleet", "For many teams", 9_900, 1_000_000, "0.01", 3_000),
    ), published=200, updated=16, running=Running(140, 0.006, (6, 21, 22))),
    DemoApi(MOCKINGBIRD, "json-schema", "json-schema", "developer", (
        free(10_000, 120),
    ), published=27, updated=7, running=Running(31, 0.002)),
    DemoApi(INSTITUTE, "public-holidays", "public-holidays", "productivity", (open_to_all(120),),
            published=1_180, updated=29, running=Running(24)),
    DemoApi(INSTITUTE, "moon", "moon", "science", (open_to_all(60),), published=1_150, updated=640, running=Running(18)),
    DemoApi(MEASURES, "measures", "measures", "data", (
        free(6_000), flat("plus", "Plus", "For a shop in two systems", 300, 60_000, 300),
    ), published=430, updated=55, running=Running(10)),
    DemoApi(MEASURES, "units", "units", "data", (free(1_000, 30),),
            published=1_480, updated=38, running=Running(45, 0.004, (14, 15)),
            farewell=Goodbye(38, 52, "Measures answers the same questions and more: `GET /convert` becomes `GET /v3/convert` "
                             "with the same `from` and `to`, and `result` is now `amount`.", "yard-metre/measures")),
    DemoApi(PRAIRIE, "payee-numbers", "payee-numbers", "finance", sold_in(
        "usd",
        free(1_000),
        included("growth", "Growth", "For payroll and payables", 2_400, 20_000, "0.15", 300),
        yearly("growth-year", "Growth, yearly", "Paid once, two months for nothing", 24_000, 240_000, "0.15", 300),
    ), published=610, updated=22, running=Running(18, 0.0003)),
    DemoApi(MEASURES, "integers", "integers", "science", (free(2_000),), published=140, updated=140, running=Running(8)),
)  # fmt: skip
