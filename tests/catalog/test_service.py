"""Importing, publishing and versions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from jobs import recurring
from portal.catalog import facts, queries, service, versions
from portal.catalog.errors import CatalogError, NotPublishable, UnknownApi, UpstreamRefused, VersionExists
from portal.catalog.finding.searching import search
from portal.catalog.finding.types import Search
from portal.catalog.models import Api, ApiOperation, ApiVersion, CatalogCount, CatalogWord
from portal.catalog.openapi.preparing import prepare
from portal.catalog.types import MeasuredFacts
from portal.db import PUBLIC, SYSTEM, Scope, db, scoped, transaction
from portal.pricing.queries import list_offers
from portal.pricing.service import publish_price
from portal.pricing.types import PriceTerms
from tests.catalog.conftest import Provider, document
from tests.conftest import START
from tests.factories import make_organisation


def newer(version: str, **changes: object) -> dict[str, object]:
    return document(info={"title": "Exchange rates", "version": version}, **changes)


def test_importing_the_same_bytes_again_changes_nothing(kestrel: Provider) -> None:
    first, second = kestrel.import_(), kestrel.import_()
    assert (first.outcome, second.outcome) == ("created", "unchanged")
    assert first.version_id == second.version_id
    assert db.session.scalar(select(func.count()).select_from(ApiVersion)) == 1
    assert db.session.scalar(select(func.count()).select_from(ApiOperation)) == 2


def test_the_address_comes_from_the_title(kestrel: Provider) -> None:
    assert kestrel.import_().slug == "exchange-rates"


def test_a_draft_is_replaced_by_a_corrected_document(kestrel: Provider) -> None:
    kestrel.import_()
    result = kestrel.import_(document(paths={"/only": {"get": {}}}))
    assert (result.outcome, result.operations) == ("replaced", 1)


def test_a_published_version_is_not_changed_behind_its_readers(kestrel: Provider) -> None:
    kestrel.publish()
    with pytest.raises(VersionExists, match=r"1\.0\.0"):
        kestrel.import_(document(paths={"/only": {"get": {}}}))
    assert kestrel.import_(document(paths={"/only": {"get": {}}}), replace=True).outcome == "replaced"


def test_a_new_version_of_a_published_api_waits_until_it_is_made_current(kestrel: Provider) -> None:
    api_id = kestrel.publish()
    added = kestrel.import_(newer("2.0.0"))
    assert added.outcome == "new version"
    assert [view.name for view in queries.list_versions(api_id, with_drafts=False)] == ["1.0.0"]
    with transaction(SYSTEM):
        versions.publish_version(
            kestrel.organisation.id, added.version_id, actor="user:1", now=kestrel.clock.now(), make_default=True
        )
    views = queries.list_versions(api_id, with_drafts=False)
    assert [(view.name, view.is_default) for view in views] == [("2.0.0", True), ("1.0.0", False)]


def test_a_version_is_deprecated_with_a_day_that_lies_ahead(kestrel: Provider) -> None:
    api_id = kestrel.publish()
    version_id = queries.list_versions(api_id, with_drafts=True)[0].id
    now = kestrel.clock.now()
    with pytest.raises(CatalogError, match="future"), transaction(SYSTEM):
        versions.deprecate_version(kestrel.organisation.id, version_id, actor="u", now=now, sunset_at=now)
    with transaction(SYSTEM):
        versions.deprecate_version(
            kestrel.organisation.id, version_id, actor="u", now=now, sunset_at=now + timedelta(days=90)
        )
    assert queries.list_versions(api_id, with_drafts=False)[0].state == "deprecated"


def test_publishing_makes_a_product_a_feature_and_a_free_plan_once(kestrel: Provider) -> None:
    api_id = kestrel.publish(free_calls=500)
    kestrel.publish(free_calls=900)
    api = db.session.get(Api, api_id, populate_existing=True)
    assert api is not None
    assert (api.state, api.upstream_url, api.has_free, api.has_paid) == (
        "published",
        "http://127.0.0.1:9000",
        True,
        False,
    )
    offers = list_offers(api.product_id or 0)
    assert [(offer.code, offer.terms.included_quantity) for offer in offers] == [("free", 500)]


@pytest.mark.parametrize(
    "url",
    [
        "", "ftp://example.com", "javascript:alert(1)", "https://", "https://user:secret@example.com",
        "https://example.com/?a=1", "https://example.com/#x", "https://example.com:0/", "https://{region}.example.com",
        "https://exa mple.com", "https://example.com\\@evil", "http://[::1", "https://example.com:99999",
        "https://" + "a" * 3000,
    ],
)  # fmt: skip
def test_an_upstream_that_is_no_plain_address_is_refused(kestrel: Provider, url: str) -> None:
    api_id = kestrel.import_().api_id
    with pytest.raises((UpstreamRefused, NotPublishable)), transaction(SYSTEM):
        service.publish(
            kestrel.organisation.id, api_id, actor="u", now=kestrel.clock.now(), allow_private=True, upstream_url=url
        )


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:10.0.0.1", "fd00::1"])
def test_an_upstream_inside_a_private_network_is_refused(kestrel: Provider, address: str) -> None:
    api_id = kestrel.import_().api_id
    with pytest.raises(UpstreamRefused, match="private"), transaction(SYSTEM):
        service.publish(
            kestrel.organisation.id, api_id, actor="u", now=kestrel.clock.now(), allow_private=False,
            upstream_url="https://rates.example.com", resolve=lambda _host: ["93.184.216.34", address],
        )  # fmt: skip


def test_an_upstream_nobody_knows_is_refused_and_a_public_one_accepted(kestrel: Provider) -> None:
    api_id, now = kestrel.import_().api_id, kestrel.clock.now()
    url = "https://rates.example.com/v1/"
    with pytest.raises(UpstreamRefused, match="cannot be found"), transaction(SYSTEM):
        service.publish(kestrel.organisation.id, api_id, actor="u", now=now, allow_private=False, upstream_url=url,
                        resolve=lambda _host: [])  # fmt: skip
    with transaction(SYSTEM):
        api = service.publish(kestrel.organisation.id, api_id, actor="u", now=now, allow_private=False,
                              upstream_url=url, resolve=lambda _host: ["93.184.216.34"])  # fmt: skip
    assert api.upstream_url == "https://rates.example.com/v1"


def test_an_api_without_operations_cannot_be_published(kestrel: Provider) -> None:
    with pytest.raises(NotPublishable, match="no operations"):
        kestrel.publish(document(paths={}))


def test_an_outsider_cannot_publish_what_is_not_theirs(kestrel: Provider) -> None:
    api_id, theirs = kestrel.import_().api_id, make_organisation().id
    with pytest.raises(UnknownApi), transaction(SYSTEM):
        service.publish(
            theirs, api_id, actor="u", now=kestrel.clock.now(), allow_private=True,
            upstream_url="http://127.0.0.1:9000",
        )  # fmt: skip


def test_the_database_hides_a_drafts_documents_from_others(kestrel: Provider) -> None:
    kestrel.import_()

    def visible(scope: Scope) -> tuple[int, int]:
        with scoped(scope) as session:
            return (
                session.scalar(select(func.count()).select_from(ApiVersion)) or 0,
                session.scalar(select(func.count()).select_from(ApiOperation)) or 0,
            )

    assert visible(Scope(organisation_id=kestrel.organisation.id)) == (1, 2)
    assert visible(PUBLIC) == (0, 0)
    assert visible(Scope(organisation_id=make_organisation().id)) == (0, 0)
    kestrel.publish()
    assert visible(PUBLIC) == (1, 2)


def test_the_database_refuses_writing_anothers_listing(kestrel: Provider) -> None:
    api_id = kestrel.publish()
    with transaction(Scope(organisation_id=make_organisation().id)) as session:
        changed = session.execute(text("UPDATE apis SET name = 'Taken over' WHERE id = :id"), {"id": api_id})
        assert changed.rowcount == 0
    raw = b'{"openapi":"3.0.0","info":{"title":"Theirs","version":"1"},"paths":{"/a":{"get":{}}}}'
    with (
        pytest.raises(DBAPIError, match="row-level security"),
        transaction(Scope(organisation_id=make_organisation().id)),
    ):
        service.import_document(kestrel.organisation.id, raw, prepare(raw), actor="u", now=kestrel.clock.now())


def test_the_sums_behind_the_facets_follow_every_change(kestrel: Provider) -> None:
    def cells() -> dict[tuple[str, str], int]:
        rows = db.session.execute(select(CatalogCount).where(CatalogCount.organisation_id == 0)).scalars()
        return {(row.category, row.price): row.listed for row in rows if row.listed}

    api_id = kestrel.publish(category="finance", free_calls=None)
    assert cells() == {("finance", "none"): 1}
    db.session.rollback()
    kestrel.publish(category="finance", free_calls=10)
    assert cells() == {("finance", "free"): 1}
    db.session.rollback()
    with transaction(SYSTEM) as session:
        plan_id = session.scalar(text("SELECT id FROM plans"))
        publish_price(plan_id, PriceTerms(amount=500, currency="eur"))
        session.execute(text("UPDATE apis SET category = 'geo' WHERE id = :id"), {"id": api_id})
    assert cells() == {("geo", "paid"): 1}
    db.session.rollback()
    with transaction(SYSTEM) as session:
        session.execute(text("UPDATE apis SET state = 'retired'"))
    assert cells() == {}


def test_the_market_is_ordered_by_the_calls_of_the_last_days(kestrel: Provider) -> None:
    quiet, loud = kestrel.publish(), kestrel.publish(slug="loud")
    with transaction(SYSTEM):
        facts.note([quiet, loud], [measured(loud, 500), measured(quiet, 20)])
    assert [card.id for card in search(Search(sort="used")).cards] == [loud, quiet]
    assert search(Search()).knows_usage
    db.session.rollback()
    with transaction(SYSTEM):
        facts.note([quiet, loud], [measured(quiet, 20)])
    assert [card.id for card in search(Search(sort="used")).cards] == [quiet, loud]
    assert facts.find_facts(loud) is None


def test_a_count_that_hardly_moved_is_read_at_once_and_not_written_into_every_index(kestrel: Provider) -> None:
    api_id = kestrel.publish()

    def after(calls: int, **values: Any) -> tuple[Any, ...]:
        """What orders, and which version of the row that is."""
        with transaction(SYSTEM) as session:
            facts.note([api_id], [measured(api_id, calls, **values)])
        found = facts.find_facts(api_id)
        assert found is not None
        assert found.calls_30d == calls
        with transaction(SYSTEM) as session:
            row = session.execute(
                text("SELECT calls_30d, ctid::text AS version FROM apis WHERE id = :id"), {"id": api_id}
            )
            return tuple(row.one())

    first = after(1_000)
    assert first[0] == 1_000
    assert after(1_005) == after(1_010) == after(995) == first
    assert after(1_011)[0] == 1_011  # a hundredth and more since it was written, however slowly it came
    assert after(1_015)[0] == 1_011
    assert after(1_015, failures_90d=1)[0] == 1_015  # uptime reads otherwise now
    assert after(0)[0] == 0
    assert after(1)[0] == 1


def measured(api_id: int, calls: int, **values: Any) -> MeasuredFacts:
    known: dict[str, Any] = {"failures_30d": 0, "failures_90d": 0, "p95_ms": 40, "asof": START}
    return MeasuredFacts(api_id, calls_30d=calls, calls_90d=calls, daily=(0,) * 29 + (calls,), **(known | values))


def test_few_calls_are_shown_but_rank_nothing() -> None:
    few, many = measured(1, 99), measured(1, 20_000, failures_90d=1)
    assert (few.uptime, few.ranked_uptime_ppm, few.ranked_p95_ms) == (1, None, None)
    assert (many.ranked_uptime_ppm, many.ranked_p95_ms) == (999_900, 40)
    assert measured(1, 10**9, failures_90d=1).ranked_uptime_ppm == 999_900


def test_the_timetable_counts_the_words(kestrel: Provider) -> None:
    kestrel.publish()
    assert recurring.count_the_words().endswith("words")
    assert db.session.scalar(select(CatalogWord.apis).where(CatalogWord.word == "exchange")) == 1
