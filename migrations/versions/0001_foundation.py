"""Roles, append-only guard, outbox, audit trail and schedule slots."""

from alembic import op

from migrations.row_security import append_only, protect

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("""
        DO $$ BEGIN CREATE ROLE portal_app NOLOGIN NOSUPERUSER NOBYPASSRLS; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
        DO $$ BEGIN CREATE ROLE portal_system NOLOGIN NOSUPERUSER NOBYPASSRLS; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
        GRANT portal_app, portal_system TO CURRENT_USER;
        GRANT USAGE ON SCHEMA public TO portal_app, portal_system;
        ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO portal_app, portal_system;
        ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO portal_app, portal_system;
        CREATE EXTENSION IF NOT EXISTS btree_gist;
        CREATE EXTENSION IF NOT EXISTS pg_trgm;
        CREATE EXTENSION IF NOT EXISTS unaccent;
        CREATE FUNCTION portal_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'check_violation'; END $$;
    """)

    op.execute("""
        CREATE TABLE audit_entries (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            actor TEXT NOT NULL,
            organisation_id BIGINT,
            action TEXT NOT NULL,
            subject TEXT NOT NULL,
            reason TEXT,
            before JSONB,
            after JSONB,
            request_id TEXT,
            PRIMARY KEY (id)
        );
        CREATE INDEX ix_audit_entries_organisation_id ON audit_entries (organisation_id);
    """)

    op.execute("""
        CREATE TABLE outbox_messages (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            topic TEXT NOT NULL,
            dedupe_key TEXT NOT NULL,
            payload JSONB NOT NULL,
            state TEXT DEFAULT 'waiting' NOT NULL,
            attempts BIGINT DEFAULT 0 NOT NULL,
            run_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            lease_token UUID,
            lease_until TIMESTAMPTZ,
            last_error TEXT,
            created_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            done_at TIMESTAMPTZ,
            PRIMARY KEY (id),
            CONSTRAINT outbox_messages_state CHECK (state IN ('waiting', 'done', 'dead')),
            UNIQUE (dedupe_key)
        );
        CREATE INDEX outbox_messages_due ON outbox_messages (run_at) WHERE state = 'waiting';
    """)

    op.execute("""
        CREATE TABLE schedule_slots (
            job TEXT NOT NULL,
            slot TIMESTAMPTZ NOT NULL,
            claimed_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
            finished_at TIMESTAMPTZ,
            error TEXT,
            PRIMARY KEY (job, slot)
        );
    """)
    append_only("audit_entries")
    protect("audit_entries", "organisation_id")


def downgrade() -> None:
    op.execute("DROP TABLE outbox_messages, audit_entries, schedule_slots CASCADE")
    op.execute("DROP FUNCTION portal_refuse_change()")
