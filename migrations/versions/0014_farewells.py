"""What a provider says when a version or an API goes: until when it works, what to use instead, how to move."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.execute("ALTER TABLE api_versions ADD COLUMN migration_note TEXT DEFAULT '' NOT NULL")
    op.execute("""
        ALTER TABLE apis
            ADD COLUMN migration_note TEXT DEFAULT '' NOT NULL,
            ADD COLUMN deprecated_at TIMESTAMPTZ,
            ADD COLUMN sunset_at TIMESTAMPTZ,
            ADD COLUMN replaced_by BIGINT REFERENCES apis (id),
            ADD CONSTRAINT apis_replaced_by_another CHECK (replaced_by <> id)
    """)


def downgrade() -> None:
    op.execute(
        "ALTER TABLE apis DROP COLUMN replaced_by, DROP COLUMN sunset_at, DROP COLUMN deprecated_at, DROP COLUMN migration_note"
    )
    op.execute("ALTER TABLE api_versions DROP COLUMN migration_note")
