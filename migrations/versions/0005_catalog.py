"""APIs, versions, operations and their search vector."""

from alembic import op

from migrations.row_security import current, protect

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    # Paths, host names and snake_case are one token each to PostgreSQL's parser; people search for the words in them.
    # The array form exists because array_to_string is only "stable" to PostgreSQL; for text it never changes.
    op.execute("""
        CREATE FUNCTION portal_words(words text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
        AS $$ SELECT to_tsvector('english', translate(words, '/._{}', '     ')) $$;
        CREATE FUNCTION portal_words(words text[]) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE
        AS $$ SELECT portal_words(array_to_string(words, ' ')) $$;
    """)

    op.execute("""
        CREATE TABLE apis (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            organisation_id BIGINT NOT NULL,
            product_id BIGINT,
            slug TEXT NOT NULL,
            name TEXT NOT NULL,
            summary TEXT DEFAULT '' NOT NULL,
            description TEXT DEFAULT '' NOT NULL,
            category TEXT DEFAULT 'other' NOT NULL,
            tags TEXT[] DEFAULT '{}' NOT NULL,
            state TEXT DEFAULT 'draft' NOT NULL,
            upstream_url TEXT,
            operation_words TEXT DEFAULT '' NOT NULL,
            published_at TIMESTAMPTZ,
            created_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            updated_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            provider_name TEXT DEFAULT '' NOT NULL,
            has_free BOOLEAN DEFAULT false NOT NULL,
            has_paid BOOLEAN DEFAULT false NOT NULL,
            calls_30d BIGINT DEFAULT 0 NOT NULL,
            search TSVECTOR GENERATED ALWAYS AS (setweight(portal_words(name), 'A') || setweight(portal_words(summary), 'B') || setweight(portal_words(tags), 'B') || setweight(portal_words(provider_name), 'B') || setweight(portal_words(left(description, 20000)), 'C') || setweight(portal_words(left(operation_words, 200000)), 'D')) STORED NOT NULL,
            PRIMARY KEY (id),
            CONSTRAINT apis_slug UNIQUE (organisation_id, slug),
            CONSTRAINT apis_slug_shape CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
            CONSTRAINT apis_state CHECK (state IN ('draft', 'published', 'deprecated', 'retired')),
            FOREIGN KEY(organisation_id) REFERENCES organisations (id),
            UNIQUE (product_id),
            FOREIGN KEY(product_id) REFERENCES products (id)
        );
        CREATE INDEX apis_newest ON apis (published_at DESC, id DESC) WHERE state IN ('published', 'deprecated');
        CREATE INDEX apis_used ON apis (calls_30d DESC, id DESC) WHERE state IN ('published', 'deprecated');
        CREATE INDEX apis_by_name ON apis (lower(name), id) WHERE state IN ('published', 'deprecated');
        CREATE INDEX apis_category ON apis (category, calls_30d DESC, id DESC) WHERE state IN ('published', 'deprecated');
        CREATE INDEX apis_search ON apis USING gin (search) WITH (fastupdate = off);
    """)

    op.execute("""
        CREATE TABLE api_versions (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            api_id BIGINT NOT NULL,
            name TEXT NOT NULL,
            state TEXT DEFAULT 'published' NOT NULL,
            is_default BOOLEAN DEFAULT false NOT NULL,
            title TEXT DEFAULT '' NOT NULL,
            openapi TEXT NOT NULL,
            media_type TEXT NOT NULL,
            document_sha256 BYTEA NOT NULL,
            document BYTEA NOT NULL,
            byte_size BIGINT NOT NULL,
            operation_count BIGINT NOT NULL,
            problems JSONB DEFAULT '[]' NOT NULL,
            overview JSONB DEFAULT '{}' NOT NULL,
            outline JSONB DEFAULT '[]' NOT NULL,
            created_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            deprecated_at TIMESTAMPTZ,
            sunset_at TIMESTAMPTZ,
            PRIMARY KEY (id),
            CONSTRAINT api_versions_name UNIQUE (api_id, name),
            CONSTRAINT api_versions_state CHECK (state IN ('draft', 'published', 'deprecated', 'retired')),
            FOREIGN KEY(api_id) REFERENCES apis (id)
        );
        CREATE UNIQUE INDEX api_versions_default ON api_versions (api_id) WHERE is_default;
    """)

    op.execute("""
        CREATE TABLE api_operations (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            version_id BIGINT NOT NULL,
            ordinal BIGINT NOT NULL,
            slug TEXT NOT NULL,
            method TEXT NOT NULL,
            path TEXT NOT NULL,
            summary TEXT DEFAULT '' NOT NULL,
            tag TEXT DEFAULT '' NOT NULL,
            deprecated BOOLEAN DEFAULT false NOT NULL,
            detail JSONB NOT NULL,
            PRIMARY KEY (id),
            CONSTRAINT api_operations_slug UNIQUE (version_id, slug),
            CONSTRAINT api_operations_ordinal UNIQUE (version_id, ordinal),
            FOREIGN KEY(version_id) REFERENCES api_versions (id) ON DELETE CASCADE
        );
        CREATE INDEX api_operations_tag ON api_operations (version_id, tag, ordinal);
    """)

    op.execute("""
        CREATE TABLE catalog_words (
            word TEXT NOT NULL,
            apis BIGINT NOT NULL,
            PRIMARY KEY (word)
        );
        CREATE INDEX catalog_words_trigram ON catalog_words USING gin (word gin_trgm_ops);
        CREATE TABLE catalog_counts (
            category TEXT NOT NULL,
            price TEXT NOT NULL,
            organisation_id BIGINT NOT NULL,
            listed BIGINT NOT NULL,
            PRIMARY KEY (category, price, organisation_id)
        );
        CREATE INDEX catalog_counts_providers ON catalog_counts (listed DESC, organisation_id) WHERE category = '' AND price = '';
    """)
    _keep_facts()
    _protect()


def _keep_facts() -> None:
    # Facets over a hundred thousand rows cost tens of milliseconds; these sums are right at every commit whoever
    # writes. Triggers per statement, so that a bulk load touches each sum once. Organisation 0 and '' stand for all.
    op.execute("""
        CREATE FUNCTION catalog_price_kind(has_free boolean, has_paid boolean) RETURNS text LANGUAGE sql IMMUTABLE
        AS $$ SELECT CASE WHEN has_free AND has_paid THEN 'both' WHEN has_free THEN 'free' WHEN has_paid THEN 'paid' ELSE 'none' END $$;

        CREATE FUNCTION catalog_count() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        DECLARE
            gone text := 'SELECT category, has_free, has_paid, organisation_id, state, -1 AS delta FROM gone';
            come text := 'SELECT category, has_free, has_paid, organisation_id, state, 1 AS delta FROM come';
        BEGIN
            EXECUTE format($q$
                WITH moves AS MATERIALIZED (
                    SELECT category, catalog_price_kind(has_free, has_paid) AS price, organisation_id, delta
                    FROM (%s) changed WHERE state IN ('published', 'deprecated'))
                INSERT INTO catalog_counts (category, price, organisation_id, listed)
                SELECT category, price, organisation_id, delta FROM (
                    SELECT category, price, 0 AS organisation_id, sum(delta) AS delta FROM moves GROUP BY 1, 2
                    UNION ALL SELECT category, price, organisation_id, sum(delta) FROM moves GROUP BY 1, 2, 3
                    UNION ALL SELECT '', price, organisation_id, sum(delta) FROM moves GROUP BY 2, 3
                    UNION ALL SELECT '', '', organisation_id, sum(delta) FROM moves GROUP BY 3
                ) sums WHERE delta <> 0
                ORDER BY 1, 2, 3
                ON CONFLICT (category, price, organisation_id)
                DO UPDATE SET listed = catalog_counts.listed + EXCLUDED.listed
            $q$, CASE TG_OP WHEN 'INSERT' THEN come WHEN 'DELETE' THEN gone ELSE gone || ' UNION ALL ' || come END);
            RETURN NULL;
        END $$;

        CREATE TRIGGER apis_counted_in AFTER INSERT ON apis
            REFERENCING NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION catalog_count();
        CREATE TRIGGER apis_counted_out AFTER DELETE ON apis
            REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION catalog_count();
        CREATE TRIGGER apis_counted_anew AFTER UPDATE ON apis
            REFERENCING OLD TABLE AS gone NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION catalog_count();
    """)
    # A free tier is a plan without a fee whose first calls cost nothing.
    op.execute("""
        CREATE FUNCTION catalog_price_facts(products bigint[]) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
            UPDATE apis SET has_free = facts.has_free, has_paid = facts.has_paid
            FROM (
                SELECT a.id,
                       COALESCE(bool_or(pr.amount = 0 AND (pr.usage_model IS NULL OR pr.included_quantity > 0)), false) AS has_free,
                       COALESCE(bool_or(pr.amount > 0 OR pr.usage_model IS NOT NULL), false) AS has_paid
                FROM apis a
                LEFT JOIN plans pl ON pl.product_id = a.product_id AND pl.active
                LEFT JOIN prices pr ON pr.plan_id = pl.id AND pr.active
                WHERE a.product_id = ANY (products)
                GROUP BY a.id
            ) facts
            WHERE apis.id = facts.id AND (apis.has_free, apis.has_paid) IS DISTINCT FROM (facts.has_free, facts.has_paid);
        $$;

        CREATE FUNCTION catalog_plans_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        BEGIN
            PERFORM catalog_price_facts(ARRAY(SELECT DISTINCT product_id FROM come));
            RETURN NULL;
        END $$;
        CREATE FUNCTION catalog_prices_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        BEGIN
            PERFORM catalog_price_facts(ARRAY(
                SELECT DISTINCT pl.product_id FROM come JOIN plans pl ON pl.id = come.plan_id));
            RETURN NULL;
        END $$;

        CREATE TRIGGER plans_shown AFTER UPDATE ON plans
            REFERENCING NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION catalog_plans_changed();
        CREATE TRIGGER prices_shown AFTER INSERT ON prices
            REFERENCING NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION catalog_prices_changed();
        CREATE TRIGGER prices_shown_anew AFTER UPDATE ON prices
            REFERENCING NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION catalog_prices_changed();
    """)


def _protect() -> None:
    # Anybody may read listings: a policy that hides rows would also keep PostgreSQL from using the text index (its
    # operators are not leakproof). The documents and operations of drafts are hidden here too; writing is for owners.
    protect("apis", "organisation_id", or_when="true", forced=False)
    # Scalar subqueries, not EXISTS: PostgreSQL would turn those into a hash of every listing there is.
    mine = f"a.organisation_id = {current('organisation_id')}"
    of_version = "FROM apis a WHERE a.id = api_versions.api_id"
    of_operation = "FROM api_versions v JOIN apis a ON a.id = v.api_id WHERE v.id = api_operations.version_id"
    for table, source, hidden in (
        ("api_versions", of_version, "api_versions.state = 'draft' OR a.state = 'draft'"),
        ("api_operations", of_operation, "v.state = 'draft' OR a.state = 'draft'"),
    ):
        own = f"(SELECT {mine} {source})"
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY {table}_readable ON {table} FOR SELECT TO portal_app"
            f" USING ((SELECT NOT ({hidden}) OR COALESCE({mine}, false) {source}))"
        )
        op.execute(f"CREATE POLICY {table}_added ON {table} FOR INSERT TO portal_app WITH CHECK ({own})")
        op.execute(
            f"CREATE POLICY {table}_changed ON {table} FOR UPDATE TO portal_app USING ({own}) WITH CHECK ({own})"
        )
        op.execute(f"CREATE POLICY {table}_removed ON {table} FOR DELETE TO portal_app USING ({own})")
        op.execute(f"CREATE POLICY {table}_system ON {table} TO portal_system USING (true) WITH CHECK (true)")
    op.execute("REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON catalog_counts FROM portal_app, portal_system")
    op.execute("REVOKE DELETE, TRUNCATE ON catalog_words FROM portal_app")


def downgrade() -> None:
    op.execute("DROP TABLE catalog_counts, catalog_words, api_operations, api_versions, apis CASCADE")
    op.execute(
        "DROP FUNCTION catalog_count(), catalog_plans_changed(), catalog_prices_changed(), catalog_price_facts(bigint[]),"
        " catalog_price_kind(boolean, boolean), portal_words(text[]), portal_words(text) CASCADE"
    )
