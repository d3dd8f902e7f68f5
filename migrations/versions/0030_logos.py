"""Logos of organisations and APIs, and what else a provider says about itself; an API is found by its provider's new name."""

from alembic import op

from migrations.row_security import protect

revision = "0030"
down_revision = "0029"

_SEEN = """EXISTS (SELECT FROM apis a WHERE a.organisation_id = logos.organisation_id AND a.state <> 'draft')"""


def upgrade() -> None:
    op.execute("""
        CREATE TABLE logos (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            organisation_id BIGINT NOT NULL,
            digest TEXT NOT NULL,
            large BYTEA NOT NULL,
            small BYTEA NOT NULL,
            drawn_at TIMESTAMPTZ NOT NULL,
            PRIMARY KEY (id),
            CONSTRAINT logos_once UNIQUE (organisation_id, digest),
            CONSTRAINT logos_digest_shape CHECK (digest ~ '^[0-9a-f]{32}$'),
            FOREIGN KEY(organisation_id) REFERENCES organisations (id)
        );
        CREATE INDEX ix_logos_digest ON logos (digest);
        -- WebP does not shrink any further; trying costs time at every write and read.
        ALTER TABLE logos ALTER COLUMN large SET STORAGE EXTERNAL, ALTER COLUMN small SET STORAGE EXTERNAL;
    """)
    # Whoever has come to the market is known there; before that, a logo is as private as a draft.
    protect("logos", "organisation_id", or_when=_SEEN)
    op.execute("""
        ALTER TABLE organisations ADD COLUMN logo TEXT, ADD COLUMN about TEXT, ADD COLUMN support TEXT,
            ADD CONSTRAINT organisations_logo FOREIGN KEY (id, logo) REFERENCES logos (organisation_id, digest);
        ALTER TABLE apis ADD COLUMN logo TEXT,
            ADD CONSTRAINT apis_logo FOREIGN KEY (organisation_id, logo) REFERENCES logos (organisation_id, digest);
        CREATE INDEX organisations_words ON organisations USING gin (portal_words(name));
        CREATE FUNCTION catalog_provider_renamed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        BEGIN
            UPDATE apis SET provider_name = NEW.name WHERE organisation_id = NEW.id AND provider_name <> NEW.name;
            RETURN NULL;
        END $$;
        CREATE TRIGGER organisations_renamed AFTER UPDATE OF name ON organisations
            FOR EACH ROW WHEN (OLD.name IS DISTINCT FROM NEW.name) EXECUTE FUNCTION catalog_provider_renamed();
    """)


def downgrade() -> None:
    op.execute("""
        DROP TRIGGER organisations_renamed ON organisations;
        DROP FUNCTION catalog_provider_renamed();
        DROP INDEX organisations_words;
        ALTER TABLE apis DROP COLUMN logo;
        ALTER TABLE organisations DROP COLUMN logo, DROP COLUMN about, DROP COLUMN support;
        DROP TABLE logos;
    """)
