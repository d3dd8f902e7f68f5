"""A refused card that could be meant by two open purchases is noted on both, with the attempt it came from."""

from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.execute("ALTER TABLE purchases ADD COLUMN doubted_attempt TEXT")


def downgrade() -> None:
    op.execute("ALTER TABLE purchases DROP COLUMN doubted_attempt")
