"""The inbox complete: what cannot be read is set aside, versions are marked, gaps are filled."""

from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.execute("""
        ALTER TABLE webhook_events ADD COLUMN other_version BOOLEAN DEFAULT false NOT NULL,
            DROP CONSTRAINT webhook_events_state,
            DROP CONSTRAINT webhook_events_done,
            ADD CONSTRAINT webhook_events_state
                CHECK (state IN ('pending', 'retry', 'done', 'ignored', 'quarantined', 'dead')),
            ADD CONSTRAINT webhook_events_done
                CHECK ((state IN ('done', 'ignored', 'quarantined')) = (done_at IS NOT NULL));
        CREATE INDEX webhook_events_troubled ON webhook_events (state, id) WHERE state IN ('dead', 'quarantined');
    """)
    op.execute("""
        CREATE TABLE webhook_gap_runs (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            started_at TIMESTAMPTZ NOT NULL,
            finished_at TIMESTAMPTZ,
            since TIMESTAMPTZ NOT NULL,
            watermark TIMESTAMPTZ,
            seen BIGINT DEFAULT 0 NOT NULL,
            missing BIGINT DEFAULT 0 NOT NULL,
            error TEXT,
            PRIMARY KEY (id),
            CONSTRAINT webhook_gap_runs_counts CHECK (seen >= missing AND missing >= 0)
        );
        REVOKE ALL ON webhook_gap_runs FROM portal_app;
    """)


def downgrade() -> None:
    op.execute("""
        DROP TABLE webhook_gap_runs;
        UPDATE webhook_events SET state = 'ignored' WHERE state = 'quarantined';
        DROP INDEX webhook_events_troubled;
        ALTER TABLE webhook_events DROP COLUMN other_version,
            DROP CONSTRAINT webhook_events_state,
            DROP CONSTRAINT webhook_events_done,
            ADD CONSTRAINT webhook_events_state CHECK (state IN ('pending', 'retry', 'done', 'ignored', 'dead')),
            ADD CONSTRAINT webhook_events_done CHECK ((state IN ('done', 'ignored')) = (done_at IS NOT NULL));
    """)
