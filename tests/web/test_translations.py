"""German: every text has its translation, every page renders in it, and figures and dates read as Germans write them."""

from __future__ import annotations

import html
import re
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.frontend import CommandLineInterface
from babel.messages.pofile import read_po
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.catalog import service
from portal.catalog.models import Api
from portal.catalog.openapi.preparing import prepare
from portal.db import SYSTEM, transaction
from portal.identity.models import User
from portal.kit.clock import ManualClock
from portal.metering.charts import bar_label
from portal.payments.models import Purchase
from portal.projects.service import ensure_project_account
from portal.web import formatting
from tests.catalog.conftest import Provider, as_yaml, document
from tests.factories import (
    make_account,
    make_api_key,
    make_app_key,
    make_entitlement,
    make_feature,
    make_organisation,
    make_plan,
    make_project,
    make_sold,
    make_subscription,
    make_user,
)
from tests.metering.conftest import Post, roll_up
from tests.metering.conftest import post as post
from tests.metering.conftest import prepared as prepared
from tests.metering.kong import of, refused
from tests.sign_in import sign_in_as

ROOT = Path(__file__).resolve().parents[2]
GERMAN = ROOT / "translations" / "de" / "LC_MESSAGES" / "messages.po"
_PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")
_JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.S)
NO_PAGES = {
    "pictures.site",
    "catalog.picture",
    "catalog.provider_picture",
    "logos.picture",
    "static",
    "health.health",
    "health.live",
    "health.ready",
    "health.metrics",
    "styleguide.error",
}


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Every text of templates and modules, collected as `make messages` does."""
    target = tmp_path_factory.mktemp("texts") / "messages.pot"
    options = ["-F", str(ROOT / "translations" / "babel.cfg"), "--ignore-dirs", ".* node_modules static"]
    keywords = ["-k", "_", "-k", "ngettext:1,2", "--no-location", "--omit-header"]
    CommandLineInterface().run(["pybabel", "-q", "extract", *options, *keywords, "-o", str(target), str(ROOT)])
    with target.open("rb") as words:
        return read_po(words)


@pytest.fixture(scope="module")
def german() -> Catalog:
    with GERMAN.open("rb") as words:
        return read_po(words, locale="de")


def forms(text: str | tuple[str, ...] | list[str]) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


def texts(catalog: Catalog) -> list[Message]:
    return [message for message in catalog if message.id]


def test_every_text_has_a_german_translation(collected: Catalog, german: Catalog) -> None:
    assert len(collected) > 600
    translated = {message.id for message in texts(german) if all(forms(message.string))}
    assert [message.id for message in texts(collected) if message.id not in translated] == []


def test_the_catalogue_holds_nothing_stale_or_uncertain(collected: Catalog, german: Catalog) -> None:
    wanted = {message.id for message in texts(collected)}
    assert [message.id for message in texts(german) if message.fuzzy] == []
    assert [message.id for message in texts(german) if message.id not in wanted] == []
    assert "#~" not in GERMAN.read_text()


def test_placeholders_and_per_cent_signs_survive_translation(german: Catalog) -> None:
    for message in texts(german):
        ours, theirs = forms(message.id), forms(message.string)
        assert len(theirs) == len(ours)
        for english, translation in zip(ours, theirs, strict=True):
            assert Counter(_PLACEHOLDER.findall(translation)) == Counter(_PLACEHOLDER.findall(english)), english
            assert "%" not in _PLACEHOLDER.sub("", translation).replace("%%", ""), translation


def test_german_keeps_to_its_style(german: Catalog) -> None:
    for message in texts(german):
        for text in forms(message.string):
            assert "!" not in text, text
            assert not re.search(r"\b[Dd]u\b|\b[Dd]ein|\b[Dd]ich\b|[“\"][A-Za-z%]| - ", text), text
            assert text == text.strip(), text


def test_no_template_says_words_outside_the_catalogue() -> None:
    """Between two tags stands only what `_()` made; names of languages and code are the same in every language."""
    found = []
    for file in sorted((ROOT / "templates").rglob("*.html")):
        if "simulator" in file.parts:  # another product's stand-in, in English as the original's test mode
            continue
        text = re.sub(r"<(script|code|kbd|pre)\b.*?</\1>", "", _JINJA.sub("\0", file.read_text()), flags=re.S)
        between = re.findall(r">([^<>]*)<", text)
        named = re.findall(r'(?:aria-label|title|placeholder|alt)="([^"]*)"', text)
        found += [f"{file.name}: {words.strip()}" for words in between + named if re.search(r"[A-Za-z]{2}", words)]
    assert found == []


@pytest.fixture
def in_german(app: Flask) -> Any:
    """A request of somebody whose browser asks for German."""
    with app.test_request_context(headers={"Accept-Language": "de"}):
        yield


@pytest.mark.usefixtures("in_german")
def test_figures_read_as_germans_write_them() -> None:
    assert formatting.money(123450, "eur") == "1.234,50\N{NO-BREAK SPACE}€"
    assert formatting.money(-500, "eur") == "\N{MINUS SIGN}5,00\N{NO-BREAK SPACE}€"
    assert formatting.unit_price(Decimal("0.3"), "eur") == "0,003\N{NO-BREAK SPACE}€"
    assert formatting.number(1234567) == "1.234.567"
    assert formatting.percent(0.0123) == "1,2\N{NO-BREAK SPACE}%"


@pytest.mark.usefixtures("in_german")
def test_dates_read_as_germans_write_them() -> None:
    then = datetime(2026, 3, 10, 14, 5, tzinfo=UTC)
    assert ">10. März 2026</time>" in formatting.day(then)
    assert formatting.instant_text(then) == "10. März 2026, 14:05:00 UTC"
    assert ">vor 4 Minuten</time>" in formatting.when(then, then.replace(minute=9))
    assert ">vor 1 Tag</time>" in formatting.when(then, then.replace(day=11))
    assert bar_label(then, "day", "UTC", long=True) == "Di., 10. März 2026"
    assert bar_label(then, "day", "UTC") == "10. März"


def test_english_figures_stay_english(app: Flask) -> None:
    with app.test_request_context():
        assert formatting.percent(0.0123) == "1.2%"
        assert ">10 Mar 2026</time>" in formatting.day(datetime(2026, 3, 10, tzinfo=UTC))


@pytest.fixture
def world(app: Flask, clock: ManualClock, prepared: None, post: Post) -> tuple[User, dict[str, Any]]:
    """Cleo with a subscription, keys, calls, a purchase and an API of her own; and what addresses are made of."""
    now = clock.now()
    kestrel = Provider(app, clock)
    kestrel.publish(document())
    with transaction(SYSTEM) as session:
        api = session.scalars(select(Api)).one()
    mine = make_organisation("Cleos Werkstatt", "werkstatt")
    cleo = make_user("Cleo", organisation=mine, locale="de")
    raw = as_yaml(document())
    with transaction(SYSTEM):
        own = service.import_document(mine.id, raw, prepare(raw), actor="user:1", now=now)
    account = make_account(mine)
    plan, price = make_plan(api, usage_model="per_unit")
    held = make_subscription(account, plan, price, now)
    make_entitlement(account, api, held)
    make_api_key(held, b"pepper-of-this-test", now)
    purchase = Purchase(
        account_id=account.id, user_id=cleo.id, product_id=api.product_id, plan_id=plan.id, price_id=price.id,
        status="complete", subscription_id=held.id, created_at=now, updated_at=now,
    )  # fmt: skip
    with transaction(SYSTEM) as session:
        session.add(purchase)
    post([of(held.id, now), of(held.id, now, status=404), refused(now, 429, consumer={"custom_id": str(held.id)})])
    roll_up()
    project = make_project("werkstatt_app", mine)
    make_sold(project, make_feature(project), "price_werkstatt")
    program, _key = make_app_key(project, b"pepper-of-this-test", now)
    with transaction(SYSTEM):
        reader = ensure_project_account(project.id, "reader-1")
    parts = {
        "organisation": "kestrel",
        "api": api.slug,
        "operation": "latest-rates",
        "form": "json",
        "api_id": own.api_id,
        "public_id": purchase.public_id,
        "plan_id": plan.id,
        "subscription_id": held.id,
        "product_id": api.product_id,
        "user_id": cleo.id,
        "mail_id": 1,
        "entry_id": 1,
        "event_id": 1,
        "mismatch_id": 1,
        "project_id": project.id,
        "app_id": program.id,
        "account_id": reader,
    }
    return cleo, parts


def pages(app: Flask, parts: dict[str, Any]) -> list[str]:
    """Every address that answers GET, with real values for its parts."""
    with app.test_request_context():
        return sorted(
            app.url_for(rule.endpoint, **{name: parts[name] for name in rule.arguments})
            for rule in app.url_map.iter_rules()
            if "GET" in (rule.methods or ()) and rule.endpoint not in NO_PAGES
        )


def english_left(page: str, german: Catalog) -> list[str]:
    """Texts of two words or more that the page shows in English although German has another one."""
    words = html.unescape(re.sub(r"<(script|code|pre)\b.*?</\1>", "", page, flags=re.S))
    return [
        message.id
        for message in texts(german)
        if isinstance(message.id, str) and " " in message.id and "%" not in message.id and message.id in words
        if message.string != message.id and message.id not in message.string
    ]


@pytest.mark.parametrize("who", ["stranger", "Cleo"])
def test_every_page_renders_in_german(
    app: Flask, client: FlaskClient, world: tuple[User, dict[str, Any]], german: Catalog, who: str
) -> None:
    cleo, parts = world
    if who == "Cleo":
        sign_in_as(client, cleo)
    client.set_cookie("locale", "de")
    shown = []
    for address in pages(app, parts):
        answer = client.get(address, headers={"Accept": "text/html"})
        assert answer.status_code < 500, address
        if answer.mimetype != "text/html" or answer.status_code >= 300:
            continue
        page = answer.get_data(as_text=True)
        assert "<html" not in page or '<html lang="de"' in page, address
        # Sample data and the descriptions of endpoints are English in every language.
        if address not in ("/styleguide", "/api"):
            assert english_left(page, german) == [], address
        shown.append(address)
    assert len(shown) > (20 if who == "Cleo" else 7), shown


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 422, 429, 500, 503])
def test_every_error_page_speaks_german(client: FlaskClient, german: Catalog, status: int) -> None:
    client.set_cookie("locale", "de")
    answer = client.get(f"/styleguide/errors/{status}", headers={"Accept": "text/html"})
    assert answer.status_code == status
    assert english_left(answer.get_data(as_text=True), german) == []


def test_the_other_language_is_one_press_away(client: FlaskClient) -> None:
    client.post("/preferences/locale", data={"locale": "de", "next": "/login"})
    assert '<h1 tabindex="-1">Anmelden</h1>' in client.get("/login").get_data(as_text=True)
    client.post("/preferences/locale", data={"locale": "en", "next": "/login"})
    assert '<h1 tabindex="-1">Sign in</h1>' in client.get("/login").get_data(as_text=True)
