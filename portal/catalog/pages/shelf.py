"""What the lists of APIs need to draw themselves: cards with their facts, facets, chips, orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import request, url_for
from flask_babel import gettext as _
from markupsafe import Markup, escape

from portal.catalog import wording
from portal.catalog.facts import list_facts
from portal.catalog.finding import highlights, labelling, vocabulary
from portal.catalog.finding.cards import list_cards
from portal.catalog.finding.facets import DIMENSIONS, MOST_CHOSEN, PROVIDER, toggled, without
from portal.catalog.finding.keeping import saved_of
from portal.catalog.finding.ranking import MOST_RANKED
from portal.catalog.finding.searching import PAGE_SIZE
from portal.catalog.finding.types import Card, FacetValue, Found, Search
from portal.catalog.forms import search_arguments
from portal.catalog.holders import held_products
from portal.catalog.pages.pictures import picture_of_provider
from portal.catalog.types import SMALLEST_SAMPLE, MeasuredFacts
from portal.pricing.queries import list_offers_for
from portal.pricing.rules import other_currency
from portal.pricing.types import Offer
from portal.pricing.volumes import Quote
from portal.pricing.words import headline
from portal.web.principal import find_principal

VIEWS = ("grid", "list")
# A row of fewer says nothing.
_SHORTEST_ROW = 3


@dataclass(frozen=True, slots=True)
class Shown:
    """A card with everything that what is written on it follows from."""

    card: Card
    offers: tuple[Offer, ...]
    facts: MeasuredFacts | None
    is_saved: bool
    is_held: bool
    cost: Quote | None = None

    @property
    def price(self) -> str:
        """What it costs, in one line; empty when nothing is sold."""
        return headline(self.offers)

    @property
    def other_currency(self) -> str | None:
        """The currency it is sold in, if that is not ours."""
        return other_currency(self.offers)

    @property
    def is_judged(self) -> bool:
        """True when there are enough calls for shares and percentiles to mean something."""
        return self.facts is not None and self.facts.calls_90d >= SMALLEST_SAMPLE


def shown(cards: Sequence[Card], costs: dict[int, Quote] | None = None) -> list[Shown]:
    """Return cards with prices, facts and what the reader has to do with them: one query each, however many cards."""
    products = [card.product_id for card in cards if card.product_id is not None]
    offers, held = list_offers_for(products), held_products(products)
    ids = [card.id for card in cards]
    facts, saved = list_facts(ids), saved_of(_reader(), ids)
    return [
        Shown(
            card=card,
            offers=tuple(offers[card.product_id]) if card.product_id is not None else (),
            facts=facts.get(card.id),
            is_saved=card.id in saved,
            is_held=card.product_id in held,
            cost=(costs or {}).get(card.id),
        )
        for card in cards
    ]


def _reader() -> int | None:
    principal = find_principal()
    return principal.user_id if principal and principal.kind == "session" else None


def card_tools() -> dict[str, Any]:
    """Return what every template with cards needs beside the cards."""
    return {
        "marked": marked,
        "wording": wording,
        "labelling": labelling,
        "may_save": _reader() is not None,
        "here": request.full_path.rstrip("?") if request.method == "GET" else url_for("catalog.index"),
        "view": view if (view := request.cookies.get("view")) in VIEWS else "grid",
    }


def market(wanted: Search, found: Found) -> dict[str, Any]:
    """Return the context of the market's page."""
    listed = min(found.total, MOST_RANKED) if wanted.sort == "cheapest" else found.total
    first = (wanted.page - 1) * PAGE_SIZE + 1
    principal = find_principal()
    cards, rows = _shelved(wanted, found)
    return card_tools() | {
        "search": wanted,
        "found": found,
        "cards": cards,
        "facets": _facets(wanted, found),
        "chips": _chips(wanted, found),
        "orders": labelling.orders(wanted, found),
        "pages": max(1, -(-listed // PAGE_SIZE)),
        "most_ranked": MOST_RANKED,
        "first": first,
        "last": first + len(found.cards) - 1,
        "url_of_page": lambda n: address(replace(wanted, page=n)),
        "kept_for_search": search_arguments(replace(wanted, text="", sort="newest", page=1)),
        "kept_for_sort": search_arguments(
            replace(wanted, sort="relevance" if wanted.text else "newest", volume=Search().volume, page=1)
        ),
        "near": [] if found.total or not wanted.text else _near(wanted),
        "loosest": None if found.total else _loosest(wanted, found),
        "rows": rows,
        "provider": _sole_provider(wanted, found),
        "may_publish": principal is not None and principal.may("publish"),
    }


def address(wanted: Search) -> str:
    """Return the address of a search."""
    arguments: dict[str, Any] = dict(search_arguments(wanted))
    return url_for("catalog.index", **arguments)


def _narrowed(wanted: Search, filters: Any) -> str:
    return address(replace(wanted, filters=filters, page=1))


def _facets(wanted: Search, found: Found) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """Return (name, title, choices) per facet; what would leave nothing is not offered, unless it is chosen already."""
    listed = [
        (name, labelling.facet_title(name), _choices(wanted, name, found.facets[name]))
        for name, dimension in DIMENSIONS.items()
        if not dimension.is_flag
    ]
    flags = [
        choice
        for name, dimension in DIMENSIONS.items()
        if dimension.is_flag
        for choice in _choices(wanted, name, found.facets[name])
    ]
    listed.insert(3, ("only", _("Only show"), flags))
    return [facet for facet in listed if facet[2]]


def _choices(wanted: Search, name: str, values: Sequence[FacetValue]) -> list[dict[str, Any]]:
    chosen = wanted.filters.get(name, ())
    is_full = len(chosen) >= MOST_CHOSEN
    return [
        {
            "label": labelling.facet_value(name, value.value, value.label),
            "count": value.count,
            "url": _narrowed(wanted, toggled(wanted.filters, name, value.value)),
            "current": value.value in chosen,
        }
        for value in values
        if value.value in chosen or (value.count and not is_full)
    ]


def _chips(wanted: Search, found: Found) -> list[tuple[str, str]]:
    chips = []
    if wanted.text:
        chips.append((f"“{wanted.text}”", address(replace(wanted, text="", sort="newest", page=1))))
    for name, chosen in wanted.filters.items():
        labels = {value.value: value.label for value in found.facets[name]}
        chips += [
            (
                labelling.chip(name, value, labels.get(value, "")),
                _narrowed(wanted, toggled(wanted.filters, name, value)),
            )
            for value in chosen
        ]
    return chips


def _loosest(wanted: Search, found: Found) -> tuple[str, int, str] | None:
    """Return the facet that removes most, with what would be left without it and the address of that."""
    name = max(found.relaxed, key=lambda facet: found.relaxed[facet], default=None)
    if name is None or not found.relaxed[name]:
        return None
    said = ", ".join(
        labelling.chip(name, value, next((v.label for v in found.facets[name] if v.value == value), ""))
        for value in wanted.filters[name]
    )
    return said, found.relaxed[name], _narrowed(wanted, without(wanted.filters, name))


def _near(wanted: Search) -> list[tuple[str, str]]:
    return [(word, address(Search(text=word, sort="relevance"))) for word in vocabulary.near(wanted.text)]


def _shelved(wanted: Search, found: Found) -> tuple[list[Shown], list[tuple[str, list[Shown]]]]:
    """Return the cards found and the titled rows above them, all of them read at once."""
    rows = _rows(wanted, found)
    known = {card.id for card in found.cards}
    others = list_cards(list({api_id for _title, ids in rows for api_id in ids} - known))
    cards = {one.card.id: one for one in shown([*found.cards, *others], found.costs)}
    return [cards[card.id] for card in found.cards], [(title, [cards[i] for i in ids]) for title, ids in rows]


def _rows(wanted: Search, found: Found) -> list[tuple[str, list[int]]]:
    """Return titled rows for a market that nobody has narrowed or turned over, and that has more than one page of cards."""
    if wanted.is_narrowed or wanted.page > 1 or wanted.sort != "newest" or found.total <= PAGE_SIZE:
        return []
    picked = [
        (_("Popular"), highlights.list_popular()),
        (_("Rising this week"), highlights.list_rising()),
        (_("Recently updated"), highlights.list_updated()),
    ]
    return [(str(title), ids) for title, ids in picked if len(ids) >= _SHORTEST_ROW]


def _sole_provider(wanted: Search, found: Found) -> tuple[str, str, str] | None:
    """Return name, address and picture of the provider whose page this is: the market narrowed to one and to nothing else."""
    if wanted.text or set(wanted.filters) != {PROVIDER} or len(wanted.filters[PROVIDER]) != 1:
        return None
    slug = wanted.filters[PROVIDER][0]
    name = next((value.label for value in found.facets[PROVIDER] if value.value == slug), None)
    return (
        (name, url_for("catalog.provider", organisation=slug), picture_of_provider(slug))
        if name and found.total
        else None
    )


def marked(text: str) -> Markup:
    """Return a text with \\x02…\\x03 turned into `<mark>`; everything else is escaped."""
    safe = str(escape(text)).replace("\x02", "<mark>").replace("\x03", "</mark>")
    return Markup(safe)  # noqa: S704 - escaped above; only the marks are ours
