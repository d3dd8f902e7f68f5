"""A project's users are found by words, and listed newest first, among a million of them."""

from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.execute("""
        CREATE INDEX accounts_newest ON accounts (project_id, id);
        CREATE INDEX accounts_words ON accounts USING gin
            (external_id gin_trgm_ops, name gin_trgm_ops, email gin_trgm_ops);
    """)


def downgrade() -> None:
    op.execute("DROP INDEX accounts_newest, accounts_words")
