"""Facets: what each API can be filtered by, bitmaps that count them at any size, and the least each can cost."""

from alembic import op

revision = "0016"
down_revision = "0015"

LISTED = "state IN ('published', 'deprecated')"


def upgrade() -> None:
    op.execute("""
        CREATE FUNCTION catalog_facets(
            category text, has_free boolean, has_paid boolean, no_card boolean, metered boolean, monthly_fee bigint,
            is_verified boolean, auth text[], uptime_ppm bigint, p95_ms bigint, is_new boolean
        ) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
            SELECT array_remove(ARRAY[
                'category:' || category,
                CASE WHEN has_free THEN 'price:free' END,
                CASE WHEN metered THEN 'price:metered' END,
                CASE WHEN has_paid THEN 'price:paid' END,
                CASE WHEN no_card THEN 'nocard:1' END,
                CASE WHEN monthly_fee <= 1000 THEN 'fee:10' END,
                CASE WHEN monthly_fee <= 5000 THEN 'fee:50' END,
                CASE WHEN monthly_fee <= 20000 THEN 'fee:200' END,
                CASE WHEN is_verified THEN 'verified:1' END,
                CASE WHEN uptime_ppm >= 999900 THEN 'uptime:99.99' END,
                CASE WHEN uptime_ppm >= 999000 THEN 'uptime:99.9' END,
                CASE WHEN uptime_ppm >= 990000 THEN 'uptime:99' END,
                CASE WHEN p95_ms <= 100 THEN 'p95:100' END,
                CASE WHEN p95_ms <= 300 THEN 'p95:300' END,
                CASE WHEN p95_ms <= 1000 THEN 'p95:1000' END,
                CASE WHEN is_new THEN 'new:1' END
            ], NULL) || ARRAY(SELECT DISTINCT 'auth:' || kind FROM unnest(auth) AS kind)
        $$
    """)
    op.execute(f"""
        ALTER TABLE apis
            ADD COLUMN no_card BOOLEAN DEFAULT false NOT NULL,
            ADD COLUMN metered BOOLEAN DEFAULT false NOT NULL,
            ADD COLUMN monthly_fee BIGINT,
            ADD COLUMN is_verified BOOLEAN DEFAULT false NOT NULL,
            ADD COLUMN auth TEXT[] DEFAULT '{{}}' NOT NULL,
            ADD COLUMN is_new BOOLEAN DEFAULT false NOT NULL,
            ADD COLUMN price_points BIGINT[] DEFAULT '{{-1,-1,-1,-1,-1,-1}}' NOT NULL;
        ALTER TABLE apis ADD COLUMN facets TEXT[] GENERATED ALWAYS AS (catalog_facets(category, has_free, has_paid, no_card,
            metered, monthly_fee, is_verified, auth, uptime_ppm, p95_ms, is_new)) STORED NOT NULL;
        CREATE INDEX apis_facets ON apis USING gin (facets) WHERE {LISTED};
        CREATE INDEX apis_updated ON apis (updated_at DESC, id DESC) WHERE {LISTED};
        CREATE INDEX apis_unpriced ON apis (id) WHERE price_points[1] = -1 AND {LISTED};
        CREATE INDEX apis_new ON apis (published_at) WHERE is_new;
        ALTER TABLE api_facts ADD COLUMN growth_7d BIGINT DEFAULT 0 NOT NULL;
        CREATE INDEX api_facts_rising ON api_facts (growth_7d DESC, api_id DESC) WHERE growth_7d > 0;
    """)
    for n in range(1, 7):
        op.execute(f"CREATE INDEX apis_cheap_{n} ON apis ((price_points[{n}]), id) WHERE {LISTED}")
    _keep_prices()
    _keep_providers()
    _shelve()
    _fill()


def _keep_prices() -> None:
    op.execute("""
        CREATE OR REPLACE FUNCTION catalog_price_facts(products bigint[]) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
            UPDATE apis SET has_free = facts.has_free, has_paid = facts.has_paid, no_card = facts.no_card,
                            metered = facts.metered, monthly_fee = facts.monthly_fee,
                            price_points = '{-1,-1,-1,-1,-1,-1}'
            FROM (
                SELECT a.id,
                       COALESCE(bool_or(pr.amount = 0 AND (pr.usage_model IS NULL OR pr.included_quantity > 0)), false) AS has_free,
                       COALESCE(bool_or(pr.amount > 0 OR pr.usage_model IS NOT NULL), false) AS has_paid,
                       COALESCE(bool_or(pr.amount = 0 AND pr.usage_model IS NULL), false) AS no_card,
                       COALESCE(bool_or(pr.usage_model IS NOT NULL), false) AS metered,
                       min(ceil(pr.amount / pr.interval_count / CASE pr.interval WHEN 'day' THEN 12 / 365.25 WHEN 'week' THEN 84 / 365.25
                           WHEN 'year' THEN 12.0 ELSE 1.0 END))
                           FILTER (WHERE pr.currency = 'eur' AND (pr.amount > 0 OR pr.usage_model IS NOT NULL))::bigint AS monthly_fee
                FROM apis a
                LEFT JOIN plans pl ON pl.product_id = a.product_id AND pl.active
                LEFT JOIN prices pr ON pr.plan_id = pl.id AND pr.active
                WHERE a.product_id = ANY (products)
                GROUP BY a.id
            ) facts
            WHERE apis.id = facts.id;
        $$
    """)


def _keep_providers() -> None:
    op.execute("""
        CREATE FUNCTION catalog_provider_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        BEGIN
            UPDATE apis SET is_verified = NEW.is_verified WHERE organisation_id = NEW.id AND is_verified <> NEW.is_verified;
            RETURN NULL;
        END $$;
        CREATE TRIGGER organisations_verified AFTER UPDATE OF is_verified ON organisations
            FOR EACH ROW WHEN (OLD.is_verified IS DISTINCT FROM NEW.is_verified) EXECUTE FUNCTION catalog_provider_changed();
        CREATE FUNCTION catalog_provider_known() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        BEGIN
            NEW.is_verified := COALESCE((SELECT is_verified FROM organisations WHERE id = NEW.organisation_id), false);
            RETURN NEW;
        END $$;
        CREATE TRIGGER apis_provider BEFORE INSERT ON apis FOR EACH ROW EXECUTE FUNCTION catalog_provider_known();
    """)


def _shelve() -> None:
    # One bit per API and facet, 4,096 APIs to a row: counting a facet under any filters is AND and a population count.
    # A change flips bits, so one upsert with XOR adds and takes away; rows are locked in one order by everybody.
    op.execute("""
        CREATE TABLE catalog_shelf (
            block BIGINT NOT NULL,
            facet TEXT NOT NULL,
            bits BIT(4096) NOT NULL,
            PRIMARY KEY (block, facet)
        ) WITH (fillfactor = 60);
        REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON catalog_shelf FROM portal_app, portal_system;

        CREATE FUNCTION catalog_shelve() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        DECLARE
            gone text := $q$SELECT id, facet FROM gone, unnest(array_prepend('', facets)) AS facet WHERE state IN ('published', 'deprecated')$q$;
            come text := $q$SELECT id, facet FROM come, unnest(array_prepend('', facets)) AS facet WHERE state IN ('published', 'deprecated')$q$;
        BEGIN
            IF TG_OP = 'UPDATE' THEN
                IF NOT EXISTS (SELECT FROM gone JOIN come USING (id)
                               WHERE gone.facets <> come.facets OR gone.state <> come.state) THEN RETURN NULL; END IF;
                gone := 'SELECT id, facet FROM (' || gone || ' UNION ALL ' || come || ') both_sides GROUP BY 1, 2 HAVING count(*) = 1';
            END IF;
            EXECUTE format($q$
                INSERT INTO catalog_shelf (block, facet, bits)
                SELECT id / 4096, facet, bit_or(set_bit(repeat('0', 4096)::bit(4096), (id %% 4096)::int, 1))
                FROM (%s) flips GROUP BY 1, 2 ORDER BY 1, 2
                ON CONFLICT (block, facet) DO UPDATE SET bits = catalog_shelf.bits # EXCLUDED.bits
            $q$, CASE TG_OP WHEN 'INSERT' THEN come ELSE gone END);
            RETURN NULL;
        END $$;
        CREATE TRIGGER apis_shelved_in AFTER INSERT ON apis
            REFERENCING NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION catalog_shelve();
        CREATE TRIGGER apis_shelved_out AFTER DELETE ON apis
            REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION catalog_shelve();
        CREATE TRIGGER apis_shelved_anew AFTER UPDATE ON apis
            REFERENCING OLD TABLE AS gone NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION catalog_shelve();
    """)


def _fill() -> None:
    op.execute("""
        INSERT INTO catalog_shelf (block, facet, bits)
        SELECT id / 4096, facet, bit_or(set_bit(repeat('0', 4096)::bit(4096), (id % 4096)::int, 1))
        FROM apis, unnest(array_prepend('', facets)) AS facet WHERE state IN ('published', 'deprecated')
        GROUP BY 1, 2;
        SELECT catalog_price_facts(ARRAY(SELECT product_id FROM apis WHERE product_id IS NOT NULL));
        UPDATE apis SET is_verified = o.is_verified, is_new = COALESCE(published_at > now() - interval '30 days', false)
        FROM organisations o WHERE o.id = organisation_id;
    """)
    # As the system: the policies of versions bind their owner too.
    op.execute("SET LOCAL ROLE portal_system")
    op.execute("""
        UPDATE apis SET auth = known.kinds FROM (
            SELECT v.api_id, array_agg(DISTINCT CASE
                WHEN s->>'kind' = 'apiKey' THEN 'key' WHEN s->>'kind' = 'oauth2' THEN 'oauth2'
                WHEN s->>'kind' = 'openIdConnect' THEN 'openid' WHEN s->>'kind' = 'mutualTLS' THEN 'mtls'
                WHEN s->>'kind' = 'http' AND lower(s->>'scheme') = 'basic' THEN 'basic'
                WHEN s->>'kind' = 'http' AND lower(s->>'scheme') = 'bearer' THEN 'bearer' ELSE 'other' END) AS kinds
            FROM api_versions v, jsonb_array_elements(v.overview->'security') AS s
            WHERE v.is_default AND jsonb_typeof(v.overview->'security') = 'array' GROUP BY 1
        ) known WHERE known.api_id = apis.id
    """)
    op.execute("RESET ROLE")


def downgrade() -> None:
    op.execute("DROP TRIGGER organisations_verified ON organisations")
    op.execute("DROP TRIGGER apis_provider ON apis")
    for when in ("in", "out", "anew"):
        op.execute(f"DROP TRIGGER apis_shelved_{when} ON apis")
    op.execute("DROP TABLE catalog_shelf")
    op.execute("""
        CREATE OR REPLACE FUNCTION catalog_price_facts(products bigint[]) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
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
        $$
    """)
    op.execute("ALTER TABLE api_facts DROP COLUMN growth_7d")
    op.execute("""
        ALTER TABLE apis DROP COLUMN facets, DROP COLUMN no_card, DROP COLUMN metered, DROP COLUMN monthly_fee,
            DROP COLUMN is_verified, DROP COLUMN auth, DROP COLUMN is_new, DROP COLUMN price_points
    """)
    op.execute(
        "DROP FUNCTION catalog_shelve(), catalog_provider_changed(), catalog_provider_known(),"
        " catalog_facets(text, boolean, boolean, boolean, boolean, bigint, boolean, text[], bigint, bigint, boolean)"
    )
