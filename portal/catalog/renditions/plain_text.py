"""An API as plain text, for language models and other readers of text: the `llms.txt` convention (Markdown, links)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask import url_for

from portal.catalog import wording
from portal.catalog.types import ApiView, OperationLine
from portal.pricing.types import Offer
from portal.pricing.words import fee, limit

_LONGEST = 4_000


def plain_text(
    view: ApiView,
    offers: Sequence[Offer],
    operations: Sequence[OperationLine],
    *,
    base_url: str,
    link: Callable[[str], str],
) -> str:
    """Return the description. Nothing in it depends on who reads; words are those of the language in force."""
    address: dict[str, Any] = {"organisation": view.organisation, "api": view.slug}
    parts = [
        f"# {_line(view.name)}",
        f"> {_line(view.summary)}" if view.summary else "",
        f"Provided by {_line(view.organisation_name)}. {_state(view)}",
        view.description.strip()[:_LONGEST],
        "## Calling it",
        f"Base URL: {base_url}\n\nEvery call carries an API key in the header `X-API-Key`. Keys come with a subscription:"
        f" {link(url_for('catalog.pricing', **address))}",
        "## Plans",
        _plans(offers),
        "## Documents",
        f"- [OpenAPI, JSON]({link(url_for('catalog.document', form='json', **address))})\n"
        f"- [OpenAPI, YAML]({link(url_for('catalog.document', form='yaml', **address))})\n"
        f"- [Postman collection]({link(url_for('catalog.postman', **address))})",
        *_operations(operations, lambda slug: link(url_for("catalog.operation", operation=slug, **address))),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _state(view: ApiView) -> str:
    version = f"Version {view.version.name}. " if view.version else ""
    farewell = view.farewell
    if view.block is not None:  # its provider reads it; for everybody else there is nothing
        return f"{version}Blocked by the marketplace since {view.block.at:%Y-%m-%d}: calls are refused."
    if farewell is None:
        return version.strip()
    until = f" until {farewell.sunset_at:%Y-%m-%d}" if farewell.sunset_at else ""
    instead = f" Use {farewell.replaced_by[0]}/{farewell.replaced_by[1]} instead." if farewell.replaced_by else ""
    return f"{version}Deprecated{until}.{instead}" if view.state == "deprecated" else f"{version}Retired.{instead}"


def _plans(offers: Sequence[Offer]) -> str:
    if not offers:
        return "No plan is for sale at present."
    listed = "\n".join(_plan(offer) for offer in offers)
    paid = next((offer.terms.currency.upper() for offer in offers if not offer.is_free), None)
    return f"{listed}\n\nPrices are in {paid}; nothing is converted." if paid else listed


def _plan(offer: Offer) -> str:
    price = fee(offer.terms) if offer.terms.amount else "free"
    return f"- {_line(offer.name)}: {price}; {limit(offer.terms)}; {wording.rate_limit(offer.requests_per_minute)}"


def _operations(operations: Sequence[OperationLine], link: Callable[[str], str]) -> list[str]:
    tags: dict[str, list[str]] = {}
    for each in operations:
        old = " (deprecated)" if each.deprecated else ""
        said = f": {_line(each.summary)}" if each.summary else ""
        tags.setdefault(each.tag, []).append(f"- [{each.method.upper()} {each.path}]({link(each.slug)}){said}{old}")
    return [f"## {'Operations' if not tag else f'Operations: {_line(tag)}'}\n\n" + "\n".join(tags[tag]) for tag in tags]


def _line(text: str) -> str:
    return " ".join(text.split())
