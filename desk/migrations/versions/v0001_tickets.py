"""Tickets, interactions, customers, audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "tickets",
        sa.Column("number", sa.String(12), primary_key=True),
        sa.Column("source_id", sa.String(128), nullable=False, unique=True),
        sa.Column("topic", sa.String(64), nullable=False),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("assignee", sa.String(64), nullable=False),
        sa.Column("caller_ref", sa.String(32), nullable=False),
        sa.Column("personal", sa.LargeBinary, nullable=False),
        sa.Column("recording_id", sa.String(32), nullable=False),
        sa.Column("recording_type", sa.String(64), nullable=False),
        sa.Column("recording_bytes", sa.BigInteger, nullable=False),
        sa.Column("recording_pending", sa.Text, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
        sa.Column("closed_ms", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_index("ix_tickets_created", "tickets", ["created_ms", "number"])
    op.create_index("ix_tickets_status_created", "tickets", ["status", "created_ms"])
    op.create_index("ix_tickets_caller_ref", "tickets", ["caller_ref"])
    op.create_index("ix_tickets_closed", "tickets", ["closed_ms"])
    op.create_table(
        "interactions",
        sa.Column("call_id", sa.String(128), primary_key=True),
        sa.Column("node", sa.String(64), nullable=False),
        sa.Column("caller_ref", sa.String(32), nullable=False),
        sa.Column("dialled", sa.String(64), nullable=False),
        sa.Column("topic", sa.String(64), nullable=False),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("agent_id", sa.String(64), nullable=False),
        sa.Column("mark", sa.Integer, nullable=False),
        sa.Column("started_ms", sa.BigInteger, nullable=False),
        sa.Column("queued_ms", sa.BigInteger, nullable=False),
        sa.Column("answered_ms", sa.BigInteger, nullable=False),
        sa.Column("ended_ms", sa.BigInteger, nullable=False),
        sa.Column("flow_version", sa.String(64), nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("personal", sa.LargeBinary, nullable=True),
    )
    op.create_index("ix_interactions_started", "interactions", ["started_ms", "call_id"])
    op.create_index("ix_interactions_caller_ref", "interactions", ["caller_ref"])
    op.create_table(
        "customers",
        sa.Column("ref", sa.String(32), primary_key=True),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("seen_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_customers_seen", "customers", ["seen_ms"])
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(160), nullable=False),
        sa.Column("details", sa.Text, nullable=False),
    )
    op.create_index("ix_audit_subject", "audit", ["subject", "id"])
    op.create_index("ix_audit_at", "audit", ["at_ms"])


def downgrade() -> None:
    for table in ("audit", "customers", "interactions", "tickets"):
        op.drop_table(table)
