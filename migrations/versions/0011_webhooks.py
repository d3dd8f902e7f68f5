"""The webhook inbox."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE webhook_events (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            provider TEXT NOT NULL,
            endpoint TEXT NOT NULL,
            external_id TEXT NOT NULL,
            type TEXT NOT NULL,
            livemode BOOLEAN NOT NULL,
            connected_account TEXT,
            api_version TEXT,
            object_type TEXT,
            object_id TEXT,
            event_created_at TIMESTAMPTZ NOT NULL,
            received_at TIMESTAMPTZ NOT NULL,
            raw BYTEA NOT NULL,
            raw_sha256 BYTEA NOT NULL,
            state TEXT DEFAULT 'pending' NOT NULL,
            attempts BIGINT DEFAULT 0 NOT NULL,
            next_attempt_at TIMESTAMPTZ NOT NULL,
            lease_token UUID,
            lease_until TIMESTAMPTZ,
            last_error TEXT,
            outcome JSONB,
            deliveries BIGINT DEFAULT 1 NOT NULL,
            conflicting_body BOOLEAN DEFAULT false NOT NULL,
            done_at TIMESTAMPTZ,
            PRIMARY KEY (id),
            CONSTRAINT webhook_events_once UNIQUE NULLS NOT DISTINCT (provider, connected_account, livemode, external_id),
            CONSTRAINT webhook_events_state CHECK (state IN ('pending', 'retry', 'done', 'ignored', 'dead')),
            CONSTRAINT webhook_events_done CHECK ((state IN ('done', 'ignored')) = (done_at IS NOT NULL))
        );
        CREATE INDEX webhook_events_due ON webhook_events (next_attempt_at) WHERE state IN ('pending', 'retry');
        CREATE INDEX webhook_events_object ON webhook_events (object_type, object_id);
    """)

    op.execute("REVOKE ALL ON webhook_events FROM portal_app")


def downgrade() -> None:
    op.execute("DROP TABLE webhook_events CASCADE")
