"""A market of made-up APIs as large as wanted, in which common words are common and rare ones rare."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import Any

import psycopg

from portal.catalog.listing import reprice_changed
from portal.db import SYSTEM, in_transaction

PROVIDERS = 2000
_SYLLABLES = [a + b for a in "bdfgklmnprtvz" for b in "aeiou"]


@dataclass(frozen=True, slots=True)
class Words:
    """Each of 87 common words stands in a fifth of the listings, each of 20,000 rare ones in a few."""

    common: tuple[str, ...]
    rare: tuple[str, ...]

    @classmethod
    def of_the_market(cls) -> Words:
        """Return the same words every time."""
        chance = random.Random(7)
        common = {"".join(chance.choices(_SYLLABLES, k=3)) + "x" for _ in range(120)}
        rare = {"".join(chance.choices(_SYLLABLES, k=5)) for _ in range(21_000)}
        return cls(tuple(sorted(common)[:87]), tuple(sorted(rare)[:20_000]))


def fill_market(libpq_url: str, words: Words, listings: int) -> None:
    """Add so many published APIs of 2,000 providers, with plans, prices and what they cost least.

    Needs an application context; leaves alone what is in the database already.
    """
    with psycopg.connect(libpq_url, autocommit=True) as link:
        link.execute("SELECT setseed(0.42)")
        link.execute(
            "INSERT INTO organisations (slug, name)"
            " SELECT 'provider-' || n, 'Provider ' || n FROM generate_series(1, %s) n",
            [PROVIDERS],
        )
        link.execute("UPDATE organisations SET is_verified = true WHERE slug LIKE 'provider-%' AND id % 3 = 0")
        provider = _least(link, "SELECT min(id) FROM organisations WHERE slug LIKE 'provider-%'")
        link.execute(
            """
            INSERT INTO products (project_id, organisation_id, name)
            SELECT 1, %(provider)s + n %% 2000, 'Api ' || n FROM generate_series(1, %(n)s) n
            """,
            {"provider": provider, "n": listings},
        )
        product = _least(link, "SELECT min(id) FROM products WHERE name LIKE 'Api %'")
        link.execute(
            """
            INSERT INTO apis (organisation_id, product_id, slug, name, summary, description, category, state, published_at,
                              calls_30d, has_free, has_paid, no_card, metered, monthly_fee, auth, uptime_ppm, p95_ms,
                              is_new, price_points)
            SELECT %(provider)s + n %% 2000, %(product)s + n - 1, 'api-' || n,
                   initcap((%(rare)s::text[])[1 + n %% 20000]) || ' ' || n,
                   'Finds ' || (%(common)s::text[])[1 + n %% 87] || ' and ' || (%(rare)s::text[])[1 + (n * 7) %% 20000],
                   (SELECT string_agg(word, ' ') FROM unnest(%(common)s::text[]) word WHERE random() < 0.2 AND n > 0),
                   (ARRAY['finance', 'geo', 'media', 'data', 'ai', 'commerce', 'other', 'science'])[1 + n %% 8],
                   'published', now() - n * interval '1 minute', floor(1000000 / (1 + random() * 100000)),
                   n %% 2 = 0, n %% 3 = 0, n %% 4 = 0, n %% 6 = 0, CASE WHEN n %% 3 = 0 THEN (n * 37) %% 30000 END,
                   CASE WHEN n %% 5 < 4 THEN ARRAY[(ARRAY['key', 'bearer', 'oauth2', 'basic', 'mtls'])[1 + (random() * 4.1)::int]]
                        ELSE '{}' END,
                   CASE WHEN random() < 0.3 THEN 1000000 - (random() ^ 4 * 30000)::int END,
                   CASE WHEN random() < 0.3 THEN 20 + (random() ^ 3 * 3000)::int END,
                   random() < 0.1, '{-1,-1,-1,-1,-1,-1}'
            FROM generate_series(1, %(n)s) n
            """,
            {
                "rare": list(words.rare),
                "common": list(words.common),
                "n": listings,
                "provider": provider,
                "product": product,
            },
        )
        # A plan for each, prices spread over three orders of magnitude; what they can cost least follows by our own job.
        link.execute("ALTER TABLE prices DISABLE TRIGGER USER")
        link.execute(
            "INSERT INTO plans (product_id, code, name)"
            " SELECT id, 'pro', 'Pro' FROM products WHERE id %% 20 > 0 AND id BETWEEN %(first)s AND %(first)s + %(n)s - 1",
            {"first": product, "n": listings},
        )
        link.execute(
            """
            INSERT INTO prices (plan_id, currency, amount, included_quantity, usage_model, unit_amount)
            SELECT id, 'eur', floor(100 * 10 ^ (random() * 3)), 1000, 'per_unit', round((0.001 * 10 ^ (random() * 3))::numeric, 6)
            FROM plans WHERE product_id BETWEEN %(first)s AND %(first)s + %(n)s - 1
            """,
            {"first": product, "n": listings},
        )
        link.execute("ALTER TABLE prices ENABLE TRIGGER USER")
        link.execute(
            "INSERT INTO catalog_words (word, apis) SELECT word, 1 FROM unnest(%s::text[] || %s::text[]) word",
            [list(words.rare), list(words.common)],
        )
        link.execute("VACUUM ANALYZE")
    started = time.perf_counter()
    while in_transaction(lambda _session: reprice_changed(), scope=SYSTEM):
        pass
    print(f"  least prices worked out in {time.perf_counter() - started:.0f} s", flush=True)
    with psycopg.connect(libpq_url, autocommit=True) as link:
        link.execute("VACUUM ANALYZE apis")


def _least(link: psycopg.Connection[Any], question: str) -> int:
    found = link.execute(question).fetchone()
    return int(found[0]) if found else 0
