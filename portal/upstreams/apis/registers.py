"""Registers of numbered things, each its own API: tax, companies, securities, goods, and payees in the United States."""

from __future__ import annotations

from portal.upstreams.apis.numbering import offer_kinds
from portal.upstreams.describing import Api

_HONEST = (
    "It checks the number, not the register: a number that passes can exist, which is not the same as that it does."
)

VAT = Api(
    "vat-numbers",
    "VAT Numbers",
    "1.3.0",
    "Check the form and the check digits of European VAT numbers before an invoice is written.",
    f"Knows the VAT numbers of every member state and its neighbours, with each country's own check digits. {_HONEST}",
    {"VAT": "One number of one country."},
)
COMPANIES = Api(
    "company-numbers",
    "Company Numbers",
    "1.0.2",
    "Register numbers of companies: LEI worldwide, SIREN, Handelsregister, CVR, KRS and others.",
    f"For onboarding business customers: catches mistyped register numbers while the form is open. {_HONEST}",
    {"Companies": "One number of one register."},
)
SECURITIES = Api(
    "securities",
    "Securities Identifiers",
    "2.4.1",
    "ISIN, CUSIP, SEDOL, WKN and FIGI: checked and printed as exchanges do.",
    f"For anything that takes orders or imports portfolios. {_HONEST}",
    {"Securities": "One identifier."},
)
GOODS = Api(
    "product-codes",
    "Product Codes",
    "1.8.0",
    "EAN, ISBN, ISSN, ISMN and IMEI: what is printed on the box, checked before it goes into the catalogue.",
    f"For shops and libraries: one mistyped digit never passes. {_HONEST}",
    {"Goods": "One code."},
)

PAYEES = Api(
    "payee-numbers",
    "US Payee Numbers",
    "1.4.0",
    "ABA routing numbers, EIN, ITIN and PTIN: checked before the payment run, printed as the forms want them.",
    f"For payroll, payables and onboarding vendors in the United States. {_HONEST}",
    {"Payees": "One number of a bank or a payee."},
)

_VAT_COUNTRIES = {
    "at-uid": "Austria", "be-vat": "Belgium", "bg-vat": "Bulgaria", "cy-vat": "Cyprus", "cz-dic": "Czechia",
    "de-vat": "Germany", "dk-cvr": "Denmark", "ee-kmkr": "Estonia", "es-nif": "Spain", "fi-alv": "Finland",
    "fr-tva": "France", "gb-vat": "United Kingdom", "gr-vat": "Greece", "hr-oib": "Croatia", "hu-anum": "Hungary",
    "ie-vat": "Ireland", "it-iva": "Italy", "lt-pvm": "Lithuania", "lu-tva": "Luxembourg", "lv-pvn": "Latvia",
    "mt-vat": "Malta", "nl-btw": "Netherlands", "pl-nip": "Poland", "pt-nif": "Portugal", "ro-cf": "Romania",
    "se-vat": "Sweden", "si-ddv": "Slovenia", "sk-dph": "Slovakia",
}  # fmt: skip

offer_kinds(VAT, "VAT", _VAT_COUNTRIES, ("de-vat", "DE 136 695 976"))
offer_kinds(
    COMPANIES,
    "Companies",
    {
        "lei": "Legal Entity Identifier",
        "fr-siren": "SIREN (France)",
        "fr-siret": "SIRET (France)",
        "de-handelsregisternummer": "Handelsregisternummer (Germany)",
        "dk-cvr": "CVR (Denmark)",
        "no-orgnr": "Organisasjonsnummer (Norway)",
        "se-orgnr": "Organisationsnummer (Sweden)",
        "pl-regon": "REGON (Poland)",
        "ch-uid": "UID (Switzerland)",
        "us-ein": "EIN (United States)",
    },
    ("lei", "213800KUD8LAJWSQ9D15"),
)
offer_kinds(
    SECURITIES,
    "Securities",
    {
        "isin": "ISIN (worldwide)",
        "cusip": "CUSIP (North America)",
        "gb-sedol": "SEDOL (United Kingdom)",
        "de-wkn": "WKN (Germany)",
        "figi": "FIGI (worldwide)",
    },
    ("isin", "US0378331005"),
)
offer_kinds(
    GOODS,
    "Goods",
    {
        "ean": "EAN and UPC",
        "isbn": "ISBN (books)",
        "issn": "ISSN (periodicals)",
        "ismn": "ISMN (printed music)",
        "imei": "IMEI (phones)",
    },
    ("isbn", "978-0-471-11709-4"),
)
offer_kinds(
    PAYEES,
    "Payees",
    {
        "us-rtn": "ABA routing number (banks)",
        "us-ein": "EIN (employers)",
        "us-itin": "ITIN (taxpayers without a social security number)",
        "us-ptin": "PTIN (tax preparers)",
    },
    ("us-rtn", "111000025"),
)
