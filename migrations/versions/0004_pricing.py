"""Products, plans and immutable prices."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE products (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            project_id BIGINT NOT NULL,
            organisation_id BIGINT,
            feature_id BIGINT,
            name TEXT NOT NULL,
            description TEXT,
            active BOOLEAN DEFAULT true NOT NULL,
            created_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            PRIMARY KEY (id),
            FOREIGN KEY(project_id) REFERENCES projects (id),
            FOREIGN KEY(organisation_id) REFERENCES organisations (id),
            FOREIGN KEY(feature_id) REFERENCES features (id)
        );
        CREATE INDEX ix_products_project_id ON products (project_id);
    """)

    op.execute("""
        CREATE TABLE plans (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            product_id BIGINT NOT NULL,
            code TEXT NOT NULL,
            name TEXT NOT NULL,
            summary TEXT DEFAULT '' NOT NULL,
            position BIGINT DEFAULT 0 NOT NULL,
            requests_per_minute BIGINT,
            highlights TEXT[] DEFAULT '{}' NOT NULL,
            active BOOLEAN DEFAULT true NOT NULL,
            created_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            PRIMARY KEY (id),
            CONSTRAINT plans_code UNIQUE (product_id, code),
            CONSTRAINT plans_rate CHECK (requests_per_minute > 0),
            CONSTRAINT plans_code_shape CHECK (code ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
            FOREIGN KEY(product_id) REFERENCES products (id)
        );
    """)

    op.execute("""
        CREATE TABLE prices (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            plan_id BIGINT NOT NULL,
            version BIGINT DEFAULT 1 NOT NULL,
            currency TEXT NOT NULL,
            amount BIGINT NOT NULL,
            interval TEXT DEFAULT 'month' NOT NULL,
            interval_count BIGINT DEFAULT 1 NOT NULL,
            trial_days BIGINT DEFAULT 0 NOT NULL,
            included_quantity BIGINT,
            usage_model TEXT,
            unit_amount NUMERIC(38, 18),
            package_size BIGINT,
            stripe_price_id TEXT,
            active BOOLEAN DEFAULT true NOT NULL,
            created_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            PRIMARY KEY (id),
            CONSTRAINT prices_version UNIQUE (plan_id, currency, version),
            CONSTRAINT prices_amount CHECK (amount >= 0),
            CONSTRAINT prices_unit_amount CHECK (unit_amount >= 0),
            CONSTRAINT prices_included CHECK (included_quantity >= 0),
            CONSTRAINT prices_trial CHECK (trial_days BETWEEN 0 AND 730),
            CONSTRAINT prices_interval CHECK (interval IN ('day', 'week', 'month', 'year')),
            CONSTRAINT prices_interval_count CHECK (interval_count BETWEEN 1 AND 36),
            CONSTRAINT prices_usage_model CHECK (usage_model IN ('per_unit', 'package', 'graduated', 'volume')),
            CONSTRAINT prices_unit_when CHECK ((usage_model IN ('per_unit', 'package')) = (unit_amount IS NOT NULL)),
            CONSTRAINT prices_package_when CHECK ((usage_model = 'package') = (package_size IS NOT NULL)),
            CONSTRAINT prices_package_size CHECK (package_size > 0),
            FOREIGN KEY(plan_id) REFERENCES plans (id),
            UNIQUE (stripe_price_id)
        );
        CREATE UNIQUE INDEX prices_active ON prices (plan_id, currency) WHERE active;
    """)

    op.execute("""
        CREATE TABLE price_tiers (
            price_id BIGINT NOT NULL,
            ordinal BIGINT NOT NULL,
            up_to NUMERIC(38, 18),
            unit_amount NUMERIC(38, 18) DEFAULT 0 NOT NULL,
            flat_amount BIGINT DEFAULT 0 NOT NULL,
            PRIMARY KEY (price_id, ordinal),
            CONSTRAINT price_tiers_bound UNIQUE (price_id, up_to),
            CONSTRAINT price_tiers_signs CHECK (ordinal >= 1 AND unit_amount >= 0 AND flat_amount >= 0 AND up_to > 0),
            FOREIGN KEY(price_id) REFERENCES prices (id)
        );
        CREATE UNIQUE INDEX price_tiers_one_open_end ON price_tiers (price_id) WHERE up_to IS NULL;
    """)

    op.execute("""
        CREATE FUNCTION prices_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            -- Somebody may have agreed to it: only being sold, and being known to the payment provider, may change.
            IF TG_OP = 'UPDATE'
               AND (to_jsonb(NEW) - 'active' - 'stripe_price_id') = (to_jsonb(OLD) - 'active' - 'stripe_price_id')
               AND (OLD.stripe_price_id IS NULL OR NEW.stripe_price_id IS NOT DISTINCT FROM OLD.stripe_price_id)
            THEN RETURN NEW; END IF;
            RAISE EXCEPTION 'price % is immutable: publish a new version', OLD.id USING ERRCODE = 'check_violation';
        END $$;
        CREATE TRIGGER prices_guard BEFORE UPDATE OR DELETE ON prices
            FOR EACH ROW EXECUTE FUNCTION prices_guard();

        CREATE FUNCTION price_tiers_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            -- Tiers are part of their price: written with it, in its transaction, and never again.
            IF TG_OP = 'INSERT' AND EXISTS (
                SELECT FROM prices WHERE id = NEW.price_id AND prices.xmin = pg_current_xact_id()::xid
            ) THEN RETURN NEW; END IF;
            RAISE EXCEPTION 'the tiers of a price are immutable' USING ERRCODE = 'check_violation';
        END $$;
        CREATE TRIGGER price_tiers_guard BEFORE INSERT OR UPDATE OR DELETE ON price_tiers
            FOR EACH ROW EXECUTE FUNCTION price_tiers_guard();
    """)


def downgrade() -> None:
    op.execute("DROP TABLE price_tiers, prices, plans, products CASCADE")
    op.execute("DROP FUNCTION prices_guard(), price_tiers_guard()")
