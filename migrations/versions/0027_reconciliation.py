"""Runs of the reconciliation, the disagreements found, and what was done about them."""

from alembic import op

from migrations.row_security import append_only, protect

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE recon_runs (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            trigger TEXT NOT NULL,
            actor TEXT NOT NULL,
            slot TEXT,
            status TEXT DEFAULT 'running' NOT NULL,
            error TEXT,
            since TIMESTAMPTZ NOT NULL,
            min_age_seconds BIGINT NOT NULL,
            may_repair BOOLEAN DEFAULT false NOT NULL,
            stage TEXT NOT NULL,
            cursor TEXT DEFAULT '' NOT NULL,
            expected BIGINT DEFAULT 0 NOT NULL,
            total BIGINT DEFAULT 0 NOT NULL,
            in_sync BIGINT DEFAULT 0 NOT NULL,
            mismatched BIGINT DEFAULT 0 NOT NULL,
            unknown BIGINT DEFAULT 0 NOT NULL,
            healed BIGINT DEFAULT 0 NOT NULL,
            skipped BIGINT DEFAULT 0 NOT NULL,
            repaired BIGINT DEFAULT 0 NOT NULL,
            left_over BIGINT DEFAULT 0 NOT NULL,
            by_code JSONB DEFAULT '{}' NOT NULL,
            started_at TIMESTAMPTZ NOT NULL,
            finished_at TIMESTAMPTZ,
            lease_token UUID,
            lease_until TIMESTAMPTZ,
            PRIMARY KEY (id),
            CONSTRAINT recon_runs_trigger CHECK (trigger IN ('schedule', 'operator', 'command')),
            CONSTRAINT recon_runs_status CHECK (status IN ('running', 'done', 'failed')),
            CONSTRAINT recon_runs_adds_up CHECK (total = in_sync + mismatched + unknown + healed),
            CONSTRAINT recon_runs_signs CHECK (least(in_sync, mismatched, unknown, healed, skipped, repaired) >= 0),
            CONSTRAINT recon_runs_finished CHECK ((status = 'running') = (finished_at IS NULL))
        );
        CREATE UNIQUE INDEX recon_runs_one_running ON recon_runs (status) WHERE status = 'running';
        CREATE UNIQUE INDEX recon_runs_one_a_day ON recon_runs (slot);
        REVOKE ALL ON recon_runs FROM portal_app;
    """)
    op.execute("""
        CREATE TABLE recon_mismatches (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            record TEXT NOT NULL,
            subject TEXT NOT NULL,
            reason_code TEXT NOT NULL,
            severity BIGINT NOT NULL,
            cause TEXT NOT NULL,
            differences JSONB NOT NULL,
            repairs TEXT[] NOT NULL,
            title TEXT NOT NULL,
            whose TEXT NOT NULL,
            account_id BIGINT,
            subscription_id BIGINT,
            at_risk BIGINT,
            currency TEXT,
            first_run_id BIGINT,
            last_run_id BIGINT,
            first_seen_at TIMESTAMPTZ NOT NULL,
            last_seen_at TIMESTAMPTZ NOT NULL,
            resolved_at TIMESTAMPTZ,
            resolution TEXT,
            suppressed_until TIMESTAMPTZ,
            PRIMARY KEY (id),
            CONSTRAINT recon_mismatches_severity CHECK (severity BETWEEN 1 AND 4),
            CONSTRAINT recon_mismatches_resolution CHECK (resolution IN ('repaired', 'gone')),
            CONSTRAINT recon_mismatches_resolved CHECK ((resolved_at IS NULL) = (resolution IS NULL)),
            CONSTRAINT recon_mismatches_money CHECK ((at_risk IS NULL) = (currency IS NULL)),
            FOREIGN KEY(account_id) REFERENCES accounts (id),
            FOREIGN KEY(subscription_id) REFERENCES subscriptions (id),
            FOREIGN KEY(first_run_id) REFERENCES recon_runs (id),
            FOREIGN KEY(last_run_id) REFERENCES recon_runs (id)
        );
        CREATE UNIQUE INDEX recon_mismatches_open ON recon_mismatches (subject, reason_code) WHERE resolved_at IS NULL;
        CREATE INDEX recon_mismatches_record ON recon_mismatches (record) WHERE resolved_at IS NULL;
        CREATE INDEX recon_mismatches_run ON recon_mismatches (last_run_id);
        CREATE INDEX ix_recon_mismatches_account_id ON recon_mismatches (account_id);
        CREATE INDEX ix_recon_mismatches_subscription_id ON recon_mismatches (subscription_id);
    """)
    protect("recon_mismatches", "account_id")
    op.execute("""
        CREATE TABLE recon_actions (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            step TEXT DEFAULT 'applied' NOT NULL,
            key TEXT NOT NULL,
            action TEXT NOT NULL,
            subject TEXT NOT NULL,
            mismatch_id BIGINT,
            run_id BIGINT,
            account_id BIGINT,
            actor TEXT NOT NULL,
            reason TEXT NOT NULL,
            source_hash TEXT NOT NULL,
            before JSONB,
            after JSONB,
            outcome TEXT,
            PRIMARY KEY (id),
            UNIQUE (key),
            CONSTRAINT recon_actions_step CHECK (step IN ('applied', 'verified')),
            CONSTRAINT recon_actions_outcome CHECK ((step = 'verified') = (outcome IS NOT NULL)),
            CONSTRAINT recon_actions_outcomes CHECK (outcome IN ('agrees', 'differs', 'unknown')),
            FOREIGN KEY(mismatch_id) REFERENCES recon_mismatches (id),
            FOREIGN KEY(run_id) REFERENCES recon_runs (id),
            FOREIGN KEY(account_id) REFERENCES accounts (id)
        );
        CREATE INDEX ix_recon_actions_subject ON recon_actions (subject);
        CREATE INDEX ix_recon_actions_mismatch_id ON recon_actions (mismatch_id);
        CREATE INDEX ix_recon_actions_account_id ON recon_actions (account_id);
    """)
    protect("recon_actions", "account_id")
    append_only("recon_actions")
    # Operators look at these after their own check, as the system; nobody else does, not even at their own.
    op.execute("REVOKE ALL ON recon_mismatches, recon_actions FROM portal_app")


def downgrade() -> None:
    op.execute("DROP TABLE recon_actions, recon_mismatches, recon_runs CASCADE")
