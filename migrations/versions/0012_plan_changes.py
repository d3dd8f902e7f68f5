"""Changes of plan: made at once, or waiting for the end of the period."""

from alembic import op

from migrations.row_security import protect

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE plan_changes (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            account_id BIGINT NOT NULL,
            subscription_id BIGINT NOT NULL,
            from_price_id BIGINT NOT NULL,
            to_price_id BIGINT NOT NULL,
            to_plan_id BIGINT NOT NULL,
            kind TEXT NOT NULL,
            state TEXT NOT NULL,
            effective_at TIMESTAMPTZ NOT NULL,
            amount_due BIGINT,
            stripe_schedule_id TEXT,
            requested_by BIGINT,
            created_at TIMESTAMPTZ NOT NULL,
            updated_at TIMESTAMPTZ NOT NULL,
            PRIMARY KEY (id),
            CONSTRAINT plan_changes_kind CHECK (kind IN ('now', 'trial', 'later', 'free_later')),
            CONSTRAINT plan_changes_state CHECK (state IN ('started', 'scheduled', 'done', 'withdrawn')),
            FOREIGN KEY(account_id) REFERENCES accounts (id),
            FOREIGN KEY(subscription_id) REFERENCES subscriptions (id),
            FOREIGN KEY(from_price_id) REFERENCES prices (id),
            FOREIGN KEY(to_price_id) REFERENCES prices (id),
            FOREIGN KEY(to_plan_id) REFERENCES plans (id),
            FOREIGN KEY(requested_by) REFERENCES users (id)
        );
        CREATE UNIQUE INDEX plan_changes_one_open ON plan_changes (subscription_id) WHERE state IN ('started', 'scheduled');
        CREATE INDEX ix_plan_changes_subscription_id ON plan_changes (subscription_id);
    """)
    protect("plan_changes", "account_id")


def downgrade() -> None:
    op.execute("DROP TABLE plan_changes CASCADE")
