"""Prints the DDL that SQLAlchemy makes of the Python side's models, and the table Alembic keeps its revision in.

python.sql is its output: /usr/bin/python3 python.py > python.sql  (SQLAlchemy 1.4)
"""
import uuid
from sqlalchemy import (BigInteger, Boolean, Column, DateTime, ForeignKey, Index, Integer, MetaData, String, Table, Text,
                        UniqueConstraint, create_mock_engine, text)
from sqlalchemy.dialects.postgresql import INET, JSONB, UUID

m = MetaData()
now = text("now()")


def pk():
    return Column("id", UUID(as_uuid=True), primary_key=True, default=uuid.uuid4)


def ref(name, target, ondelete, **kw):
    return Column(name, UUID(as_uuid=True), ForeignKey(target, ondelete=ondelete), **kw)


def stamp(name, **kw):
    return Column(name, DateTime(timezone=True), nullable=False, **(kw or {"server_default": now}))


Table("users", m, pk(),
      Column("handle", String, unique=True, nullable=False), Column("email", String, unique=True, nullable=False),
      Column("password_hash", Text, nullable=False), Column("totp_secret", Text),
      Column("totp_enabled", Boolean, nullable=False, default=False), Column("role", String, nullable=False, default="user"),
      Column("is_active", Boolean, nullable=False, default=True), Column("ai_provider", Text), Column("ai_model", Text),
      Column("default_storage_backend", String, nullable=False, default="minio"), stamp("created_at"))
Table("quotas", m, ref("user_id", "users.id", "CASCADE", primary_key=True),
      Column("limit_bytes", BigInteger, nullable=False, default=104857600),
      Column("used_bytes", BigInteger, nullable=False, default=0))
Table("refresh_tokens", m, pk(), ref("user_id", "users.id", "CASCADE", nullable=False),
      Column("token_hash", Text, unique=True, nullable=False), stamp("expires_at", default=None),
      Column("revoked", Boolean, nullable=False, default=False), stamp("created_at"),
      Index("ix_refresh_tokens_user_revoked", "user_id", "revoked"))
Table("folders", m, pk(), ref("user_id", "users.id", "CASCADE"), ref("parent_id", "folders.id", "CASCADE"),
      Column("name", Text, nullable=False), stamp("created_at"), UniqueConstraint("user_id", "parent_id", "name"))
Table("documents", m, pk(), ref("user_id", "users.id", "CASCADE"), ref("folder_id", "folders.id", "SET NULL"),
      Column("filename", Text, nullable=False), Column("object_key", Text, nullable=False),
      Column("content_type", Text, nullable=False), Column("size_bytes", BigInteger, nullable=False, default=0),
      Column("storage_backend", String, nullable=False, default="minio"), Column("extracted_text", Text),
      Column("status", String, nullable=False, default="pending"), stamp("created_at"), stamp("updated_at"),
      Index("ix_documents_user_folder", "user_id", "folder_id"), Index("ix_documents_user_created", "user_id", "created_at"))
Table("topics", m, pk(), ref("user_id", "users.id", "CASCADE"), Column("name", Text, nullable=False),
      Column("description", Text, nullable=False, default=""), Column("color", String(7), nullable=False, default="#6366f1"),
      UniqueConstraint("user_id", "name"))
Table("document_topics", m, ref("document_id", "documents.id", "CASCADE", primary_key=True),
      ref("topic_id", "topics.id", "CASCADE", primary_key=True))
Table("shares", m, pk(), ref("document_id", "documents.id", "CASCADE", nullable=False),
      ref("owner_id", "users.id", "CASCADE", nullable=False), ref("recipient_id", "users.id", "CASCADE", nullable=False),
      Column("permission", String, nullable=False, default="view"), stamp("created_at"),
      UniqueConstraint("document_id", "recipient_id"), Index("ix_shares_recipient", "recipient_id"))
Table("audit_log", m, Column("id", Integer, primary_key=True, autoincrement=True),
      ref("user_id", "users.id", "SET NULL"), ref("actor_id", "users.id", "SET NULL"),
      Column("event_type", Text, nullable=False), Column("resource_id", UUID(as_uuid=True)), Column("ip_address", INET),
      Column("metadata", JSONB), stamp("created_at"),
      Index("ix_audit_user_created", "user_id", "created_at"), Index("ix_audit_event_created", "event_type", "created_at"))
Table("cloud_connections", m, pk(), ref("user_id", "users.id", "CASCADE", nullable=False),
      Column("provider", String, nullable=False), Column("display_name", Text, nullable=False),
      Column("credentials_enc", Text, nullable=False), Column("status", String, nullable=False, default="ACTIVE"),
      stamp("connected_at"), Index("ix_cloud_connections_user", "user_id"))
Table("groups", m, pk(), Column("name", Text, unique=True, nullable=False), stamp("created_at"))
Table("alembic_version", m, Column("version_num", String(32), primary_key=True))

engine = create_mock_engine("postgresql://", lambda ddl, *a, **k: print(str(ddl.compile(dialect=engine.dialect)).strip() + ";\n"))
m.create_all(engine, checkfirst=False)
