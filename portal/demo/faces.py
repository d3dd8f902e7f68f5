"""What the demo's providers say on their pages, and which sign each hangs out (`portal.demo.marks`). Data only.

Two have no sign, so that the letter in its place is seen; two APIs have a picture of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

from portal.demo.stalls import (
    ATLAS,
    BILDWERK,
    INKWELL,
    INSTITUTE,
    KESTREL,
    MEASURES,
    MOCKINGBIRD,
    OFFICE,
    PENNYWORTH,
    PRAIRIE,
    REGISTRA,
    RINGWISE,
)


@dataclass(frozen=True, slots=True)
class Face:
    """How a provider presents itself. What is empty keeps what its stall says."""

    about: str
    mark: str = ""
    support: str | None = None
    description: str = ""
    website: str = ""


FACES = {
    KESTREL: Face(
        "We collect reference data that others publish in fifty formats and give it out in one.\n\n"
        "- **Sources are named** in every answer, with the day they were read.\n"
        "- **Nothing is estimated.** A day without a rate has no rate.\n"
        "- **Two people answer mail**, in English and Swedish, on working days.\n\n"
        "Figures are kept for ever: what you fetched in 2019 you can fetch again.",
        "kestrel", "help@kestrel.example",
        "Exchange rates, sunrises and tides, each with the source of every figure.", "https://kestrel.example",
    ),
    OFFICE: Face(
        "We run this market. What we offer here ourselves is for trying it out: an echo that shows what your call "
        "looked like when it came through the gateway.",
        description="The people who run this market, and a service to try it with.",
    ),
    REGISTRA: Face(
        "Prüfziffern sind unser Handwerk, seit es Faxe gab. / *Check digits have been our craft since there were faxes.*\n\n"
        "We check whether a number **can** be right, never whose it is: no names, no registers, nothing personal leaves "
        "your system or stays in ours.\n\n"
        "1. Send one number or ten thousand.\n2. Read which of them cannot be right, and why.\n3. Ask again where it matters.",
        "registra", "https://registra.example/hilfe",
    ),
    RINGWISE: Face(
        "Numbering plans change every week somewhere. We read the announcements so that your sign-up form accepts "
        "people in Réunion.\n\nOn call around the clock for the Carrier plan; by mail for everybody else.",
        "ringwise", "support@ringwise.example",
    ),
    ATLAS: Face(
        "Open data, cleaned and dated. We publish what we changed and why, and give corrections back to the sources.",
        "atlas", "hello@atlasrow.example",
    ),
    INKWELL: Face(
        "Two editors who were tired of counting syllables, and the programmer they asked.\n\n"
        "Texts you send are read, answered and forgotten; none is kept, none is used for training anything.",
        "inkwell",
    ),
    BILDWERK: Face(
        "Kleines Büro am Hafen von Münster. Wir zeichnen, was gedruckt wird, und rechnen, was auf dem Bildschirm stimmt.\n\n"
        "Fragen beantwortet Lena, meistens am selben Tag.",
        "bildwerk", "lena@bildwerk.example",
    ),
    PENNYWORTH: Face(
        "Annuities, rates and averages with exact decimals, rounded once and where the textbook says so. "
        "Every answer can bring its working: ask with `explain=true`.",
        "pennyworth", "https://pennyworth.example/contact",
    ),
    MOCKINGBIRD: Face("People, addresses and card numbers that pass every check and belong to nobody. Same seed, same data."),
    INSTITUTE: Face(
        "A foundation under public law. Our calendars are free for everybody, forever; the charter forbids us to charge.\n\n"
        "We follow the official gazettes of 148 states and publish corrections on the day they are proclaimed.",
        "institute", "calendar@calendars.example",
    ),
    MEASURES: Face(
        "Miles, stones, chains and hogsheads into what the rest of the world uses, and back again.", "measures",
    ),
    PRAIRIE: Face(
        "Accountants from Omaha who got tired of 1099 forms coming back in March.\n\n"
        "We check the shape of payee numbers before a payment runs, and name the rule that a number breaks. "
        "Nothing you send is stored.\n\nWe bill in US dollars.",
        "prairie", "desk@prairieledger.example",
    ),
}  # fmt: skip

OWN_MARKS = {"kestrel-data/almanac": "almanac", "bildwerk-munster/qr-codes": "qr-codes"}
