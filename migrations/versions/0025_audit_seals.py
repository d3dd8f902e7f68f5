"""A chain of seals behind the audit trail, and the transaction that wrote each entry."""

from alembic import op

from migrations.row_security import append_only

revision = "0025"
down_revision = "0024"

# What the portal itself may say about an entry; its number, instant and transaction are the database's to say.
SAID = "actor, organisation_id, action, subject, reason, before, after, request_id"


def upgrade() -> None:
    # Zero for what is older than this column: no transaction has that number, and all of them are over.
    op.execute("ALTER TABLE audit_entries ADD COLUMN transaction_id BIGINT DEFAULT 0 NOT NULL")
    op.execute(f"""
        ALTER TABLE audit_entries ALTER COLUMN transaction_id SET DEFAULT pg_current_xact_id()::text::bigint;
        CREATE INDEX ix_audit_entries_transaction_id ON audit_entries (transaction_id);
        CREATE INDEX audit_entries_subject ON audit_entries (subject, id);
        CREATE INDEX audit_entries_actor ON audit_entries (actor, id);
        CREATE INDEX audit_entries_action ON audit_entries (action, id);
        CREATE INDEX audit_entries_at ON audit_entries (at);
        REVOKE INSERT ON audit_entries FROM portal_app, portal_system;
        GRANT INSERT ({SAID}) ON audit_entries TO portal_app, portal_system;
    """)
    op.execute("""
        CREATE TABLE audit_seals (
            number BIGINT NOT NULL,
            entry_id BIGINT NOT NULL,
            entry_hash BYTEA NOT NULL,
            previous_hash BYTEA NOT NULL,
            hash BYTEA NOT NULL,
            horizon BIGINT NOT NULL,
            sealed_at TIMESTAMPTZ NOT NULL,
            PRIMARY KEY (number),
            UNIQUE (entry_id),
            UNIQUE (previous_hash),
            UNIQUE (hash),
            CONSTRAINT audit_seals_number CHECK (number > 0),
            CONSTRAINT audit_seals_hashes CHECK (
                octet_length(entry_hash) = 32 AND octet_length(previous_hash) = 32 AND octet_length(hash) = 32),
            FOREIGN KEY(entry_id) REFERENCES audit_entries (id)
        );
        REVOKE ALL ON audit_seals FROM portal_app;
    """)
    append_only("audit_seals")


def downgrade() -> None:
    op.execute("DROP TABLE audit_seals")
    op.execute("""
        REVOKE INSERT ON audit_entries FROM portal_app, portal_system;
        GRANT INSERT ON audit_entries TO portal_app, portal_system;
        DROP INDEX audit_entries_subject, audit_entries_actor, audit_entries_action, audit_entries_at;
        ALTER TABLE audit_entries DROP COLUMN transaction_id;
    """)
