"""Confirmed addresses, links in mails, second factors, invitations, and the mails that are kept instead of sent."""

from alembic import op

from migrations.row_security import protect

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    _confirmed_addresses()
    op.execute("ALTER TABLE organisations ADD COLUMN billing_email TEXT")
    op.execute("""
        ALTER TABLE sign_in_attempts ADD COLUMN kind TEXT DEFAULT 'password' NOT NULL,
            ADD CONSTRAINT sign_in_attempts_kind CHECK (kind IN ('password', 'code', 'mail'));
    """)

    op.execute("""
        CREATE TABLE invitations (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            organisation_id BIGINT NOT NULL,
            email TEXT NOT NULL,
            role TEXT NOT NULL,
            locale TEXT NOT NULL,
            invited_by BIGINT,
            sendings BIGINT DEFAULT 1 NOT NULL,
            created_at TIMESTAMPTZ NOT NULL,
            expires_at TIMESTAMPTZ NOT NULL,
            accepted_at TIMESTAMPTZ,
            accepted_by BIGINT,
            revoked_at TIMESTAMPTZ,
            PRIMARY KEY (id),
            CONSTRAINT invitations_role CHECK (role IN ('owner', 'admin', 'developer', 'billing', 'viewer')),
            CONSTRAINT invitations_one_end CHECK (accepted_at IS NULL OR revoked_at IS NULL),
            FOREIGN KEY(organisation_id) REFERENCES organisations (id),
            FOREIGN KEY(invited_by) REFERENCES users (id),
            FOREIGN KEY(accepted_by) REFERENCES users (id)
        );
        CREATE UNIQUE INDEX invitations_open ON invitations (organisation_id, lower(email))
            WHERE accepted_at IS NULL AND revoked_at IS NULL;
    """)

    op.execute("""
        CREATE TABLE mail_links (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            purpose TEXT NOT NULL,
            cause TEXT NOT NULL,
            user_id BIGINT,
            invitation_id BIGINT,
            email TEXT NOT NULL,
            salt BYTEA NOT NULL,
            token_hash BYTEA NOT NULL,
            created_at TIMESTAMPTZ NOT NULL,
            expires_at TIMESTAMPTZ NOT NULL,
            used_at TIMESTAMPTZ,
            PRIMARY KEY (id),
            CONSTRAINT mail_links_purpose CHECK (purpose IN ('confirm', 'reset', 'address', 'invite')),
            UNIQUE (cause),
            UNIQUE (token_hash),
            FOREIGN KEY(user_id) REFERENCES users (id),
            FOREIGN KEY(invitation_id) REFERENCES invitations (id)
        );
        CREATE INDEX ix_mail_links_user_id ON mail_links (user_id);
    """)

    op.execute("""
        CREATE TABLE second_factors (
            user_id BIGINT NOT NULL,
            sealed_secret BYTEA NOT NULL,
            created_at TIMESTAMPTZ NOT NULL,
            confirmed_at TIMESTAMPTZ,
            last_step BIGINT DEFAULT 0 NOT NULL,
            PRIMARY KEY (user_id),
            FOREIGN KEY(user_id) REFERENCES users (id)
        );
        CREATE TABLE recovery_codes (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            user_id BIGINT NOT NULL,
            code_hash BYTEA NOT NULL,
            used_at TIMESTAMPTZ,
            PRIMARY KEY (id),
            CONSTRAINT recovery_codes_once UNIQUE (user_id, code_hash),
            FOREIGN KEY(user_id) REFERENCES users (id)
        );
        CREATE TABLE second_steps (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            token_hash BYTEA NOT NULL,
            user_id BIGINT NOT NULL,
            created_at TIMESTAMPTZ NOT NULL,
            expires_at TIMESTAMPTZ NOT NULL,
            used_at TIMESTAMPTZ,
            PRIMARY KEY (id),
            UNIQUE (token_hash),
            FOREIGN KEY(user_id) REFERENCES users (id)
        );
    """)

    op.execute("""
        CREATE TABLE kept_mails (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            key TEXT NOT NULL,
            recipient TEXT NOT NULL,
            language TEXT NOT NULL,
            subject TEXT NOT NULL,
            text TEXT NOT NULL,
            html TEXT NOT NULL,
            kept_at TIMESTAMPTZ NOT NULL,
            PRIMARY KEY (id),
            UNIQUE (key)
        );
    """)

    protect("invitations", "organisation_id")
    for table in ("mail_links", "second_factors", "recovery_codes", "second_steps"):
        protect(table, "user_id")
        # What proves who somebody is, is looked at by the system alone.
        op.execute(f"REVOKE ALL ON {table} FROM portal_app")
    op.execute("REVOKE ALL ON kept_mails FROM portal_app")


def _confirmed_addresses() -> None:
    # Whoever signed up before addresses were confirmed has been using theirs; they count as confirmed.
    op.execute("SET LOCAL ROLE portal_system")
    op.execute("UPDATE users SET email_confirmed_at = created_at WHERE email_confirmed_at IS NULL")
    op.execute("RESET ROLE")
    op.execute("""
        DROP INDEX users_email;
        CREATE UNIQUE INDEX users_email ON users (lower(email)) WHERE email_confirmed_at IS NOT NULL;
        CREATE INDEX users_any_email ON users (lower(email));
    """)


def downgrade() -> None:
    op.execute("DROP TABLE kept_mails, second_steps, recovery_codes, second_factors, mail_links, invitations CASCADE")
    op.execute("ALTER TABLE sign_in_attempts DROP COLUMN kind")
    op.execute("ALTER TABLE organisations DROP COLUMN billing_email")
    # Fails while two people have typed one address and neither is confirmed: decide about them first.
    op.execute("DROP INDEX users_email, users_any_email; CREATE UNIQUE INDEX users_email ON users (lower(email));")
