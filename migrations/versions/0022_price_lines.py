"""What each API costs at least, as straight lines over the volume, so that few are priced wherever a list is asked for.

The job of every minute works them out. Nothing waits for it: without lines the least of a range bounds a cost as before.
"""

from alembic import op

revision = "0022"
down_revision = "0021"

LISTED = "state IN ('published', 'deprecated')"


def upgrade() -> None:
    op.execute("ALTER TABLE apis ADD COLUMN price_lines JSONB")
    _index_unpriced("(price_points[1] = -1 OR price_lines IS NULL)")


def downgrade() -> None:
    _index_unpriced("price_points[1] = -1")
    op.execute("ALTER TABLE apis DROP COLUMN price_lines")


def _index_unpriced(waits: str) -> None:
    op.execute("DROP INDEX apis_unpriced")
    op.execute(f"CREATE INDEX apis_unpriced ON apis (id) WHERE {waits} AND {LISTED}")
