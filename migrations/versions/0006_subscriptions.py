"""Subscriptions with stale-read and terminal-state guards."""

from alembic import op

from migrations.row_security import protect

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE subscriptions (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            account_id BIGINT NOT NULL,
            product_id BIGINT NOT NULL,
            plan_id BIGINT NOT NULL,
            price_id BIGINT NOT NULL,
            livemode BOOLEAN DEFAULT false NOT NULL,
            stripe_subscription_id TEXT,
            status TEXT NOT NULL,
            quantity BIGINT DEFAULT 1 NOT NULL,
            current_period_start TIMESTAMPTZ NOT NULL,
            current_period_end TIMESTAMPTZ NOT NULL,
            anchor_at TIMESTAMPTZ NOT NULL,
            trial_end TIMESTAMPTZ,
            cancel_at TIMESTAMPTZ,
            cancel_at_period_end BOOLEAN DEFAULT false NOT NULL,
            canceled_at TIMESTAMPTZ,
            ended_at TIMESTAMPTZ,
            past_due_since TIMESTAMPTZ,
            grace_until TIMESTAMPTZ,
            source_fetched_at TIMESTAMPTZ NOT NULL,
            created_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            updated_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            PRIMARY KEY (id),
            CONSTRAINT subscriptions_status CHECK (status IN ('incomplete', 'incomplete_expired', 'trialing', 'active', 'past_due', 'unpaid', 'paused', 'canceled')),
            CONSTRAINT subscriptions_period CHECK (current_period_end > current_period_start),
            CONSTRAINT subscriptions_past_due CHECK ((status = 'past_due') <= (past_due_since IS NOT NULL)),
            CONSTRAINT subscriptions_ended CHECK ((status IN ('canceled', 'incomplete_expired')) = (ended_at IS NOT NULL)),
            CONSTRAINT subscriptions_quantity CHECK (quantity >= 0),
            FOREIGN KEY(account_id) REFERENCES accounts (id),
            FOREIGN KEY(product_id) REFERENCES products (id),
            FOREIGN KEY(plan_id) REFERENCES plans (id),
            FOREIGN KEY(price_id) REFERENCES prices (id),
            UNIQUE (stripe_subscription_id)
        );
        CREATE INDEX ix_subscriptions_account_id ON subscriptions (account_id);
        CREATE INDEX ix_subscriptions_product_id ON subscriptions (product_id);
        CREATE UNIQUE INDEX subscriptions_one_live ON subscriptions (account_id, product_id, livemode) WHERE status IN ('trialing', 'active', 'past_due', 'unpaid', 'paused');
    """)

    op.execute("""
        CREATE FUNCTION subscriptions_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            -- A read that started earlier must not overwrite what a later read brought; the caller sees no row updated.
            IF NEW.source_fetched_at < OLD.source_fetched_at THEN RETURN NULL; END IF;
            IF OLD.status IN ('canceled', 'incomplete_expired') AND NEW.status <> OLD.status THEN
                RAISE EXCEPTION 'subscription % has ended as % and stays so', OLD.id, OLD.status USING ERRCODE = 'check_violation';
            END IF;
            NEW.updated_at := clock_timestamp();
            RETURN NEW;
        END $$;
        CREATE TRIGGER subscriptions_guard BEFORE UPDATE ON subscriptions
            FOR EACH ROW EXECUTE FUNCTION subscriptions_guard();
    """)
    protect("subscriptions", "account_id")


def downgrade() -> None:
    op.execute("DROP TABLE subscriptions CASCADE")
    op.execute("DROP FUNCTION subscriptions_guard()")
