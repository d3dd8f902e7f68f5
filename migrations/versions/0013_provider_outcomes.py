"""What the provider made of calls, beside what the gateway made of them, in every sum."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    for table in ("usage_records_hourly", "usage_records_daily"):
        op.execute(f"""
            ALTER TABLE {table}
                ADD COLUMN asked_calls BIGINT DEFAULT 0 NOT NULL,
                ADD COLUMN failed_calls BIGINT DEFAULT 0 NOT NULL,
                ADD COLUMN asked_counts BIGINT[] DEFAULT '{{}}' NOT NULL
        """)
    # The worker sums these hours again, and then the new columns hold what the log says.
    op.execute("""
        INSERT INTO usage_dirty_hours (hour, subscription_id, account_id)
        SELECT hour, subscription_id, max(account_id) FROM usage_records_hourly GROUP BY 1, 2
        ON CONFLICT (hour, subscription_id) DO UPDATE SET generation = usage_dirty_hours.generation + 1
    """)


def downgrade() -> None:
    for table in ("usage_records_hourly", "usage_records_daily"):
        op.execute(f"ALTER TABLE {table} DROP COLUMN asked_calls, DROP COLUMN failed_calls, DROP COLUMN asked_counts")
