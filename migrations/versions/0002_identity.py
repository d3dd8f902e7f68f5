"""People, organisations, sessions and tokens."""

from alembic import op

from migrations.row_security import current, protect

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE organisations (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            slug TEXT NOT NULL,
            name TEXT NOT NULL,
            description TEXT,
            website TEXT,
            is_verified BOOLEAN DEFAULT false NOT NULL,
            created_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            PRIMARY KEY (id),
            CONSTRAINT organisations_slug CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
            UNIQUE (slug)
        );
    """)

    op.execute("""
        CREATE TABLE sign_in_attempts (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            email_hash BYTEA NOT NULL,
            ip TEXT NOT NULL,
            succeeded BOOLEAN NOT NULL,
            at TIMESTAMPTZ NOT NULL,
            PRIMARY KEY (id)
        );
        CREATE INDEX sign_in_attempts_email ON sign_in_attempts (email_hash, at);
        CREATE INDEX sign_in_attempts_ip ON sign_in_attempts (ip, at);
    """)

    op.execute("""
        CREATE TABLE users (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            email TEXT NOT NULL,
            name TEXT NOT NULL,
            password_hash TEXT,
            locale TEXT DEFAULT 'en' NOT NULL,
            time_zone TEXT DEFAULT 'UTC' NOT NULL,
            is_operator BOOLEAN DEFAULT false NOT NULL,
            email_confirmed_at TIMESTAMPTZ,
            disabled_at TIMESTAMPTZ,
            created_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            PRIMARY KEY (id)
        );
        CREATE UNIQUE INDEX users_email ON users (lower(email));
    """)

    op.execute("""
        CREATE TABLE memberships (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            organisation_id BIGINT NOT NULL,
            user_id BIGINT NOT NULL,
            role TEXT NOT NULL,
            created_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            PRIMARY KEY (id),
            CONSTRAINT memberships_once UNIQUE (organisation_id, user_id),
            CONSTRAINT memberships_role CHECK (role IN ('owner', 'admin', 'developer', 'billing', 'viewer')),
            FOREIGN KEY(organisation_id) REFERENCES organisations (id),
            FOREIGN KEY(user_id) REFERENCES users (id)
        );
        CREATE INDEX ix_memberships_user_id ON memberships (user_id);
    """)

    op.execute("""
        CREATE TABLE organisation_tokens (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            organisation_id BIGINT NOT NULL,
            name TEXT NOT NULL,
            role TEXT DEFAULT 'developer' NOT NULL,
            public_id TEXT NOT NULL,
            token_hash BYTEA NOT NULL,
            last_four TEXT NOT NULL,
            created_by BIGINT,
            created_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            last_used_at TIMESTAMPTZ,
            revoked_at TIMESTAMPTZ,
            PRIMARY KEY (id),
            FOREIGN KEY(organisation_id) REFERENCES organisations (id),
            UNIQUE (public_id),
            FOREIGN KEY(created_by) REFERENCES users (id)
        );
        CREATE INDEX ix_organisation_tokens_organisation_id ON organisation_tokens (organisation_id);
    """)

    op.execute("""
        CREATE TABLE user_sessions (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            token_hash BYTEA NOT NULL,
            user_id BIGINT NOT NULL,
            organisation_id BIGINT,
            user_agent TEXT,
            ip TEXT,
            created_at TIMESTAMPTZ NOT NULL,
            last_seen_at TIMESTAMPTZ NOT NULL,
            expires_at TIMESTAMPTZ NOT NULL,
            revoked_at TIMESTAMPTZ,
            PRIMARY KEY (id),
            UNIQUE (token_hash),
            FOREIGN KEY(user_id) REFERENCES users (id),
            FOREIGN KEY(organisation_id) REFERENCES organisations (id)
        );
        CREATE INDEX ix_user_sessions_user_id ON user_sessions (user_id);
    """)

    protect("organisation_tokens", "organisation_id")
    protect("memberships", "organisation_id", or_when=f"user_id = {current('user_id')}")
    protect("user_sessions", "user_id")
    _protect_people()
    # Only the system counts attempts: nobody may read or forget who tried which password.
    op.execute("REVOKE ALL ON sign_in_attempts FROM portal_app")


def _protect_people() -> None:
    me, ours = current("user_id"), current("organisation_id")
    colleague = f"EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = users.id AND m.organisation_id = {ours})"  # noqa: S608
    op.execute(f"""
        ALTER TABLE users ENABLE ROW LEVEL SECURITY;
        ALTER TABLE users FORCE ROW LEVEL SECURITY;
        CREATE POLICY users_readable ON users FOR SELECT TO portal_app USING (id = {me} OR {colleague});
        CREATE POLICY users_own ON users FOR UPDATE TO portal_app USING (id = {me}) WITH CHECK (id = {me});
        CREATE POLICY users_system ON users TO portal_system USING (true) WITH CHECK (true);
        -- People change their own name and preferences; who is an operator or disabled is for the system to say.
        REVOKE INSERT, UPDATE, DELETE ON users FROM portal_app;
        GRANT UPDATE (name, locale, time_zone, password_hash) ON users TO portal_app;
    """)  # noqa: S608 - both parts are constants


def downgrade() -> None:
    op.execute(
        "DROP TABLE user_sessions, organisation_tokens, memberships, users, sign_in_attempts, organisations CASCADE"
    )
