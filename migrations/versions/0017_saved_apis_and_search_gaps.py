"""APIs that people keep, and what they looked for in vain."""

from alembic import op

from migrations.row_security import protect

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE saved_apis (
            user_id BIGINT NOT NULL,
            api_id BIGINT NOT NULL,
            saved_at TIMESTAMPTZ NOT NULL,
            PRIMARY KEY (user_id, api_id),
            FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE,
            FOREIGN KEY(api_id) REFERENCES apis (id) ON DELETE CASCADE
        );
        CREATE INDEX saved_apis_api ON saved_apis (api_id);
        CREATE TABLE search_gaps (
            day DATE NOT NULL,
            words TEXT NOT NULL,
            who BYTEA NOT NULL,
            asked_at TIMESTAMPTZ NOT NULL,
            PRIMARY KEY (day, words, who),
            CONSTRAINT search_gaps_words CHECK (length(words) BETWEEN 1 AND 100)
        );
        CREATE INDEX search_gaps_words_day ON search_gaps (words, day);
    """)
    protect("saved_apis", "user_id")
    # People leave wishes and nobody but the system reads them: they may hold what somebody is planning.
    op.execute("REVOKE ALL ON search_gaps FROM portal_app")
    op.execute("GRANT INSERT ON search_gaps TO portal_app")


def downgrade() -> None:
    op.execute("DROP TABLE saved_apis, search_gaps")
