"""Entitlements that cannot overlap for one source."""

from alembic import op

from migrations.row_security import protect

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE entitlements (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            account_id BIGINT NOT NULL,
            feature_id BIGINT NOT NULL,
            source TEXT NOT NULL,
            source_id BIGINT NOT NULL,
            quantity NUMERIC(38, 18),
            valid_from TIMESTAMPTZ NOT NULL,
            valid_to TIMESTAMPTZ,
            revoked_at TIMESTAMPTZ,
            revoke_reason TEXT,
            granted_by TEXT,
            reason TEXT,
            created_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            PRIMARY KEY (id),
            CONSTRAINT entitlements_source CHECK (source IN ('subscription', 'purchase', 'manual', 'trial', 'plan_default', 'grace')),
            CONSTRAINT entitlements_window CHECK (valid_to > valid_from),
            CONSTRAINT entitlements_manual CHECK (source <> 'manual' OR (granted_by IS NOT NULL AND reason IS NOT NULL)),
            CONSTRAINT entitlements_revoked CHECK ((revoked_at IS NULL) = (revoke_reason IS NULL)),
            CONSTRAINT entitlements_no_overlap EXCLUDE USING gist (account_id WITH =, feature_id WITH =, source WITH =, source_id WITH =, tstzrange(valid_from, COALESCE(valid_to, 'infinity'::timestamptz), '[)') WITH &&) WHERE (revoked_at IS NULL),
            FOREIGN KEY(account_id) REFERENCES accounts (id),
            FOREIGN KEY(feature_id) REFERENCES features (id)
        );
        CREATE INDEX entitlements_read ON entitlements (account_id, feature_id, valid_from) WHERE revoked_at IS NULL;
    """)

    protect("entitlements", "account_id")


def downgrade() -> None:
    op.execute("DROP TABLE entitlements CASCADE")
