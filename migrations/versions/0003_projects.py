"""Projects, apps, accounts and features; project 1 is the marketplace."""

from alembic import op

from migrations.row_security import current, protect

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE projects (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            name TEXT NOT NULL,
            organisation_id BIGINT,
            created_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            PRIMARY KEY (id),
            UNIQUE (name),
            FOREIGN KEY(organisation_id) REFERENCES organisations (id)
        );
    """)

    op.execute("""
        CREATE TABLE accounts (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            project_id BIGINT NOT NULL,
            organisation_id BIGINT,
            external_id TEXT NOT NULL,
            kind TEXT NOT NULL,
            name TEXT,
            email TEXT,
            currency TEXT DEFAULT 'eur' NOT NULL,
            entitlement_version BIGINT DEFAULT 0 NOT NULL,
            created_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            PRIMARY KEY (id),
            CONSTRAINT accounts_external UNIQUE (project_id, external_id),
            CONSTRAINT accounts_kind CHECK (kind IN ('user', 'org', 'shop', 'tenant')),
            CONSTRAINT accounts_org CHECK ((kind = 'org' AND organisation_id IS NOT NULL) OR kind <> 'org'),
            FOREIGN KEY(project_id) REFERENCES projects (id),
            FOREIGN KEY(organisation_id) REFERENCES organisations (id)
        );
        CREATE UNIQUE INDEX accounts_organisation ON accounts (organisation_id) WHERE project_id = 1;
    """)

    op.execute("""
        CREATE TABLE apps (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            project_id BIGINT NOT NULL,
            name TEXT NOT NULL,
            public_id TEXT NOT NULL,
            key_hash BYTEA NOT NULL,
            active BOOLEAN DEFAULT true NOT NULL,
            created_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            last_used_at TIMESTAMPTZ,
            revoked_at TIMESTAMPTZ,
            PRIMARY KEY (id),
            CONSTRAINT apps_name UNIQUE (project_id, name),
            FOREIGN KEY(project_id) REFERENCES projects (id),
            UNIQUE (public_id),
            UNIQUE (key_hash)
        );
    """)

    op.execute("""
        CREATE TABLE features (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            project_id BIGINT NOT NULL,
            code TEXT NOT NULL,
            name TEXT NOT NULL,
            created_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            PRIMARY KEY (id),
            CONSTRAINT features_code UNIQUE (project_id, code),
            CONSTRAINT features_code_shape CHECK (code ~ '^[a-z0-9][a-z0-9_.:-]{0,99}$'),
            FOREIGN KEY(project_id) REFERENCES projects (id)
        );
    """)

    op.execute("""
        CREATE TABLE stripe_customers (
            account_id BIGINT NOT NULL,
            livemode BOOLEAN NOT NULL,
            stripe_customer_id TEXT NOT NULL,
            created_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            PRIMARY KEY (account_id, livemode),
            FOREIGN KEY(account_id) REFERENCES accounts (id),
            UNIQUE (stripe_customer_id)
        );
    """)

    op.execute("INSERT INTO projects (name) VALUES ('marketplace')")
    protect("accounts", "organisation_id", or_when=f"project_id = {current('project_id')}")
    protect("stripe_customers", "account_id")
    protect("apps", "project_id")


def downgrade() -> None:
    op.execute("DROP TABLE stripe_customers, features, apps, accounts, projects CASCADE")
