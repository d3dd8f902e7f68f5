"""Usage that others report in signed events, applied once each."""

from alembic import op

from migrations.row_security import append_only, protect

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE usage_deltas (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            account_id BIGINT,
            event_id TEXT NOT NULL,
            body_sha256 BYTEA NOT NULL,
            event_type TEXT NOT NULL,
            metric TEXT,
            quantity BIGINT,
            refused TEXT,
            occurred_at TIMESTAMPTZ NOT NULL,
            received_at TIMESTAMPTZ NOT NULL,
            metadata JSONB NOT NULL,
            PRIMARY KEY (id),
            CONSTRAINT usage_deltas_once UNIQUE (event_id),
            CONSTRAINT usage_deltas_applied CHECK (
                (refused IS NULL) = (account_id IS NOT NULL AND metric IS NOT NULL AND quantity IS NOT NULL)),
            FOREIGN KEY(account_id) REFERENCES accounts (id)
        );
        CREATE INDEX usage_deltas_read ON usage_deltas (account_id, occurred_at) WHERE refused IS NULL;
    """)
    protect("usage_deltas", "account_id")
    append_only("usage_deltas")


def downgrade() -> None:
    op.execute("DROP TABLE usage_deltas CASCADE")
