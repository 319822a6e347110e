"""Tables of the desk. Columns named ``personal`` are sealed by desk.vault; nothing else here is personal.

Times are Unix milliseconds, 0 for "never". The schema is made by desk/migrations, never by create_all.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class TicketRow(Base):
    __tablename__ = "tickets"
    __table_args__ = (
        Index("ix_tickets_created", "created_ms", "number"),
        Index("ix_tickets_status_created", "status", "created_ms"),
        Index("ix_tickets_caller_ref", "caller_ref"),
        Index("ix_tickets_closed", "closed_ms"),
    )

    number: Mapped[str] = mapped_column(String(12), primary_key=True)
    source_id: Mapped[str] = mapped_column(String(128), unique=True)
    topic: Mapped[str] = mapped_column(String(64))
    language: Mapped[str] = mapped_column(String(16))
    kind: Mapped[str] = mapped_column(String(16))
    status: Mapped[str] = mapped_column(String(16))
    assignee: Mapped[str] = mapped_column(String(64), default="")
    caller_ref: Mapped[str] = mapped_column(String(32))
    personal: Mapped[bytes] = mapped_column(LargeBinary)  # number, text, fields
    recording_id: Mapped[str] = mapped_column(String(32), default="")
    recording_type: Mapped[str] = mapped_column(String(64), default="")
    recording_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    recording_pending: Mapped[str] = mapped_column(Text, default="")  # a file that could not yet be taken
    created_ms: Mapped[int] = mapped_column(BigInteger)
    updated_ms: Mapped[int] = mapped_column(BigInteger)
    closed_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    version: Mapped[int] = mapped_column(Integer, default=1)


class InteractionRow(Base):
    __tablename__ = "interactions"
    __table_args__ = (
        Index("ix_interactions_started", "started_ms", "call_id"),
        Index("ix_interactions_caller_ref", "caller_ref"),
    )

    call_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    node: Mapped[str] = mapped_column(String(64))
    caller_ref: Mapped[str] = mapped_column(String(32))
    dialled: Mapped[str] = mapped_column(String(64))
    topic: Mapped[str] = mapped_column(String(64))
    language: Mapped[str] = mapped_column(String(16))
    outcome: Mapped[str] = mapped_column(String(32))
    agent_id: Mapped[str] = mapped_column(String(64))
    mark: Mapped[int] = mapped_column(Integer)
    started_ms: Mapped[int] = mapped_column(BigInteger)
    queued_ms: Mapped[int] = mapped_column(BigInteger)
    answered_ms: Mapped[int] = mapped_column(BigInteger)
    ended_ms: Mapped[int] = mapped_column(BigInteger)
    flow_version: Mapped[str] = mapped_column(String(64))
    path: Mapped[str] = mapped_column(Text)  # JSON list
    personal: Mapped[bytes | None] = mapped_column(LargeBinary)  # number, notes; None once forgotten


class CustomerRow(Base):
    """What is remembered of a caller from call to call, under his keyed reference only."""

    __tablename__ = "customers"
    __table_args__ = (Index("ix_customers_seen", "seen_ms"),)

    ref: Mapped[str] = mapped_column(String(32), primary_key=True)
    language: Mapped[str] = mapped_column(String(16))
    seen_ms: Mapped[int] = mapped_column(BigInteger)


class AuditRow(Base):
    """Who looked at or changed what. ``details`` names fields, never personal content."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_subject", "subject", "id"), Index("ix_audit_at", "at_ms"))

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    at_ms: Mapped[int] = mapped_column(BigInteger)
    actor: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    action: Mapped[str] = mapped_column(String(32))
    subject: Mapped[str] = mapped_column(String(160))
    details: Mapped[str] = mapped_column(Text)  # JSON object


class JournalRow(Base):
    """An archived entry of the distributor's journal; see desk.journal."""

    __tablename__ = "journal"
    __table_args__ = (Index("ix_journal_type", "type", "ms", "seq"),)

    ms: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    type: Mapped[str] = mapped_column(String(64))
    record: Mapped[str] = mapped_column(Text)
