"""Every page that a stranger, a buyer and a provider can reach: how long the server takes, and its weight on the wire.

First on the demo's own data, then beside 100,000 more APIs and `BENCH_LOG_ROWS` more calls (a million unless said) of the
subscriptions and APIs that these pages are about.
"""

from __future__ import annotations

import os
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import psycopg

from benchmarks.market import Words, fill_market
from benchmarks.visitor import Visitor
from portal.app import create_app
from portal.db import SYSTEM, in_transaction, scoped
from portal.metering.api_rollups import recompute_dirty_api_days
from portal.metering.rollups import recompute_dirty
from portal.settings import Settings
from tests.browser.crawling import is_page, shape
from tests.whole_portal import Portal, started

LISTINGS = int(os.environ.get("BENCH_LISTINGS", "100000"))
LOG_ROWS = int(os.environ.get("BENCH_LOG_ROWS", "1000000"))
TIMES = int(os.environ.get("BENCH_PAGES", "20"))  # each page is opened
MOST_PAGES = 80
HEAVIEST = 60.0  # kilobytes: the page, its style and its scripts, compressed; without charts, pictures and fonts
VISITORS = {"stranger": None, "buyer": "cleo", "provider": "ada"}
SEARCHES = (
    "/marketplace?q={word}", "/marketplace?q={word}&sort=fastest", "/marketplace?category=finance&price=free",
    "/marketplace?sort=cheapest&calls=25000", "/marketplace?provider=provider-7", "/find?q={word}",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Opened:
    """One page as one visitor saw it. Times are milliseconds from sending to the last byte; the weight is in kilobytes."""

    who: str
    path: str
    p50: float
    p95: float
    weight: float


def run() -> None:
    """Start the demo, open every page, enlarge the market and the log, and open every page again."""
    with tempfile.TemporaryDirectory() as state, started(Path(state)) as portal:
        visitors = {name: _arrive(portal, person) for name, person in VISITORS.items()}
        pages = {name: list(_reachable(visitor)) for name, visitor in visitors.items()}
        common = _shared_weight(visitors["stranger"])
        print(f"  style and scripts of every page: {common:.1f} kB, once", flush=True)
        _report("The demo's data", _open_all(visitors, pages), common, limit=30)
        words = Words.of_the_market()
        _enlarge(portal, words)
        pages["stranger"] += [path.format(word=words.common[3]) for path in SEARCHES]
        title = f"{LISTINGS:,} more APIs, {LOG_ROWS:,} more calls"
        _report(title, _open_all(visitors, pages), common, limit=60)


def _arrive(portal: Portal, person: str | None) -> Visitor:
    visitor = Visitor(portal.url)
    if person is not None:
        found = portal.person(person)
        visitor.sign_in(found["email"], found["password"])
    return visitor


def _reachable(visitor: Visitor) -> Iterator[str]:
    """Follow links breadth first; one page of each shape."""
    waiting, known = ["/"], {"/"}
    while waiting and len(known) <= MOST_PAGES:
        path = waiting.pop(0)
        answer = visitor.open(path)
        if answer.status != 200 or "html" not in answer.kind:
            continue
        yield path
        for link in answer.links() if not path.startswith("/mail") else ():
            target = urlsplit(urljoin(visitor.address + path, link))
            found = target.path + (f"?{target.query}" if target.query else "")
            inside = f"{target.scheme}://{target.netloc}" == visitor.address
            if inside and is_page(target.path) and "token=" not in target.query and shape(found) not in known:
                known.add(shape(found))
                waiting.append(found)


def _shared_weight(visitor: Visitor) -> float:
    page = visitor.open("/terms").text()
    files = re.findall(r'(?:src|href)="(/static/dist/[^"]+\.(?:css|js))"', page)
    return sum(len(visitor.open(file).body) for file in set(files)) / 1000


def _open_all(visitors: dict[str, Visitor], pages: dict[str, list[str]]) -> list[Opened]:
    """Open every page as often as wanted, in rounds, so that a disturbance meets all of them alike."""
    delays: dict[tuple[str, str], list[float]] = {(who, path): [] for who, paths in pages.items() for path in paths}
    weights: dict[tuple[str, str], float] = {}
    for number in range(TIMES + 1):
        for who, path in delays:
            begun = time.perf_counter()
            answer = visitors[who].open(path)
            if number:  # the first warms caches
                delays[who, path].append((time.perf_counter() - begun) * 1000)
            weights[who, path] = len(answer.body) / 1000
    return [
        Opened(who, path, statistics.median(found), statistics.quantiles(found, n=20)[-1], weights[who, path])
        for (who, path), found in delays.items()
    ]


def _report(title: str, opened: list[Opened], common: float, *, limit: float) -> None:
    quick = [page for page in opened if page.p95 < limit]
    light = [page for page in opened if page.weight + common <= HEAVIEST]
    print(f"\nPages: {title}")
    print(f"  p95 below {limit:g} ms: {len(quick)} of {len(opened)}; median of all p50 {_median(opened, _p50):.1f} ms")
    print(f"  at most {HEAVIEST:g} kB with style and scripts: {len(light)} of {len(opened)}")
    for order, name in ((_p95, "slowest"), (_weight, "heaviest")):
        for page in sorted(opened, key=order, reverse=True)[:8]:
            print(
                f"    {name}: p50 {page.p50:6.1f} ms  p95 {page.p95:6.1f} ms  {page.weight:5.1f} kB  {page.who} {page.path}"
            )


def _p50(page: Opened) -> float:
    return page.p50


def _p95(page: Opened) -> float:
    return page.p95


def _weight(page: Opened) -> float:
    return page.weight


def _median(opened: list[Opened], of: Callable[[Opened], float]) -> float:
    return statistics.median(of(page) for page in opened)


# ---- a market and a log of another size ---------------------------------------------------------------------------------


def _enlarge(portal: Portal, words: Words) -> None:
    url = str(portal.facts["database_url"])
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        environment="test",
        database_url=url,
        redis_url=portal.facts["redis_url"],
    )
    begun = time.perf_counter()
    with create_app(settings).app_context(), scoped(SYSTEM):
        libpq_url = url.replace("+psycopg", "")
        _fill_log(libpq_url)
        for recompute in (recompute_dirty, recompute_dirty_api_days):
            while in_transaction(lambda _session, recompute=recompute: recompute(2_000), scope=SYSTEM):
                pass
        fill_market(libpq_url, words, LISTINGS)
    print(f"\n  enlarged in {time.perf_counter() - begun:.0f} s", flush=True)


def _fill_log(libpq_url: str) -> None:
    """Calls of the last 60 days, evenly over the subscriptions of the demo that have a key."""
    with psycopg.connect(libpq_url, autocommit=True) as link:
        link.execute(
            """
            WITH callers AS (
                SELECT row_number() OVER (ORDER BY s.id) - 1 AS place, count(*) OVER () AS many, s.id AS subscription_id,
                       s.account_id, a.id AS api_id, min(k.id) AS key_id
                FROM subscriptions s JOIN apis a ON a.product_id = s.product_id JOIN api_keys k ON k.subscription_id = s.id
                GROUP BY s.id, s.account_id, a.id
            )
            INSERT INTO api_requests_log (request_id, started_at, account_id, subscription_id, api_id, api_key_id, method, path,
                                          status, source, latency_ms, bytes_in, bytes_out, billable)
            SELECT gen_random_uuid(), date_trunc('hour', now()) - random() * interval '60 days', account_id, subscription_id,
                   api_id, key_id, 'GET', '/x', (ARRAY[200,200,200,404,503])[1 + floor(random() * 5)], 'upstream',
                   (exp(random() * 6))::int, 100, 2000, true
            FROM generate_series(1, %s) n JOIN callers ON callers.place = n %% callers.many
            """,
            [LOG_ROWS],
        )
        link.execute(
            """
            INSERT INTO usage_dirty_hours (hour, subscription_id, account_id)
            SELECT DISTINCT date_trunc('hour', started_at), subscription_id, account_id FROM api_requests_log
            WHERE subscription_id IS NOT NULL
            ON CONFLICT DO NOTHING
            """
        )
        link.execute("VACUUM ANALYZE")
