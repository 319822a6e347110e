"""The journal's archive: a table whose rows nobody changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "journal",
        sa.Column("ms", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("record", sa.Text, nullable=False),
    )
    op.create_index("ix_journal_type", "journal", ["type", "ms", "seq"])
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER journal_stays BEFORE UPDATE ON journal "
            "BEGIN SELECT RAISE(ABORT, 'the journal is not changed'); END"
        )
    else:
        op.execute(
            "CREATE FUNCTION journal_stays() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the journal is not changed'; END $$"
        )
        op.execute(
            "CREATE TRIGGER journal_stays BEFORE UPDATE ON journal "
            "FOR EACH ROW EXECUTE FUNCTION journal_stays()"
        )


def downgrade() -> None:
    op.drop_table("journal")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION journal_stays()")
