"""What a month costs by one rule: bounds worked out by the former one are forgotten, and the facet's fee is exact.

An upgrade leaves -1, which the job of every minute works out again; until then such an API is priced whenever it may be
on a page, as after any change of its prices.
"""

from alembic import op

revision = "0019"
down_revision = "0018"

_FORMER = """CASE pr.interval WHEN 'day' THEN 12 / 365.25 WHEN 'week' THEN 84 / 365.25
                           WHEN 'year' THEN 12.0 ELSE 1.0 END"""


def upgrade() -> None:
    # A mean year has 1461/4 days and 12 months. Multiplied before it is divided, so that a whole result stays whole.
    _keep_fees("""ceil(pr.amount * CASE pr.interval WHEN 'day' THEN 1461.0 WHEN 'week' THEN 1461.0 ELSE 1.0 END
                           / (pr.interval_count * CASE pr.interval WHEN 'day' THEN 48 WHEN 'week' THEN 336
                              WHEN 'year' THEN 12 ELSE 1 END))""")
    op.execute("""
        SELECT catalog_price_facts(ARRAY(
            SELECT a.product_id FROM apis a WHERE a.metered OR EXISTS (
                SELECT FROM plans pl JOIN prices pr ON pr.plan_id = pl.id
                WHERE pl.product_id = a.product_id AND (pr.interval_count > 1 OR pr.interval IN ('day', 'week')))
        ))
    """)


def downgrade() -> None:
    _keep_fees(f"ceil(pr.amount / pr.interval_count / {_FORMER})")
    op.execute("SELECT catalog_price_facts(ARRAY(SELECT product_id FROM apis WHERE metered))")


def _keep_fees(monthly: str) -> None:
    op.execute(f"""
        CREATE OR REPLACE FUNCTION catalog_price_facts(products bigint[]) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
            UPDATE apis SET has_free = facts.has_free, has_paid = facts.has_paid, no_card = facts.no_card,
                            metered = facts.metered, monthly_fee = facts.monthly_fee,
                            price_points = '{{-1,-1,-1,-1,-1,-1}}'
            FROM (
                SELECT a.id,
                       COALESCE(bool_or(pr.amount = 0 AND (pr.usage_model IS NULL OR pr.included_quantity > 0)), false) AS has_free,
                       COALESCE(bool_or(pr.amount > 0 OR pr.usage_model IS NOT NULL), false) AS has_paid,
                       COALESCE(bool_or(pr.amount = 0 AND pr.usage_model IS NULL), false) AS no_card,
                       COALESCE(bool_or(pr.usage_model IS NOT NULL), false) AS metered,
                       min({monthly})
                           FILTER (WHERE pr.currency = 'eur' AND (pr.amount > 0 OR pr.usage_model IS NOT NULL))::bigint AS monthly_fee
                FROM apis a
                LEFT JOIN plans pl ON pl.product_id = a.product_id AND pl.active
                LEFT JOIN prices pr ON pr.plan_id = pl.id AND pr.active
                WHERE a.product_id = ANY (products)
                GROUP BY a.id
            ) facts
            WHERE apis.id = facts.id;
        $$
    """)  # noqa: S608 - a constant of this module
