# The one source of every DocuVault table.
#
# `docuvault schema apply` (package adapters/schema) and the stock Atlas command line (atlas.hcl) both read this file. The
# extension pg_trgm has to exist first: apply creates it, the Atlas command line expects it. Grants for the role
# docuvault_app are no part of this file, apply gives them.
#
# Rules (docs/adr says why):
#   - Names, types and defaults are shared with the Python models. Constraints carry PostgreSQL's automatic names, so that a
#     database made by Alembic is the same database.
#   - Every column has a database default or is nullable unless the Python models set it themselves: they write rows too.
#   - Strings stay free strings: no CHECK and no enum on status, permission, provider or role.

schema "public" {
  comment = "standard public schema"
}

# ---------------------------------------------------------------------------------------------------------------- people

table "users" {
  schema = schema.public

  column "id" {
    null    = false
    type    = uuid
    default = sql("gen_random_uuid()")
  }
  column "handle" {
    null = false
    type = character_varying
  }
  column "email" {
    null = false
    type = character_varying
  }
  column "password_hash" {
    null = false
    type = text
  }
  column "totp_secret" {
    null = true
    type = text
  }
  column "totp_enabled" {
    null    = false
    type    = boolean
    default = false
  }
  column "role" {
    null    = false
    type    = character_varying
    default = "user"
  }
  column "is_active" {
    null    = false
    type    = boolean
    default = true
  }
  column "ai_provider" {
    null = true
    type = text
  }
  column "ai_model" {
    null = true
    type = text
  }
  column "default_storage_backend" {
    null    = false
    type    = character_varying
    default = "minio"
  }
  column "created_at" {
    null    = false
    type    = timestamptz
    default = sql("now()")
  }

  primary_key {
    columns = [column.id]
  }
  unique "users_handle_key" {
    columns = [column.handle]
  }
  unique "users_email_key" {
    columns = [column.email]
  }
}

table "quotas" {
  schema = schema.public

  column "user_id" {
    null = false
    type = uuid
  }
  column "limit_bytes" {
    null    = false
    type    = bigint
    default = 104857600
  }
  column "used_bytes" {
    null    = false
    type    = bigint
    default = 0
  }

  primary_key {
    columns = [column.user_id]
  }
  foreign_key "quotas_user_id_fkey" {
    columns     = [column.user_id]
    ref_columns = [table.users.column.id]
    on_update   = NO_ACTION
    on_delete   = CASCADE
  }
}

table "refresh_tokens" {
  schema = schema.public

  column "id" {
    null    = false
    type    = uuid
    default = sql("gen_random_uuid()")
  }
  column "user_id" {
    null = false
    type = uuid
  }
  column "token_hash" {
    null = false
    type = text
  }
  column "expires_at" {
    null = false
    type = timestamptz
  }
  column "revoked" {
    null    = false
    type    = boolean
    default = false
  }
  column "created_at" {
    null    = false
    type    = timestamptz
    default = sql("now()")
  }

  primary_key {
    columns = [column.id]
  }
  foreign_key "refresh_tokens_user_id_fkey" {
    columns     = [column.user_id]
    ref_columns = [table.users.column.id]
    on_update   = NO_ACTION
    on_delete   = CASCADE
  }
  unique "refresh_tokens_token_hash_key" {
    columns = [column.token_hash]
  }
  index "ix_refresh_tokens_user_revoked" {
    columns = [column.user_id, column.revoked]
  }
}

# ------------------------------------------------------------------------------------------------------------- documents

table "folders" {
  schema = schema.public

  column "id" {
    null    = false
    type    = uuid
    default = sql("gen_random_uuid()")
  }
  # NULL until authentication is live (D-03).
  column "user_id" {
    null = true
    type = uuid
  }
  column "parent_id" {
    null = true
    type = uuid
  }
  column "name" {
    null = false
    type = text
  }
  column "created_at" {
    null    = false
    type    = timestamptz
    default = sql("now()")
  }

  primary_key {
    columns = [column.id]
  }
  foreign_key "folders_user_id_fkey" {
    columns     = [column.user_id]
    ref_columns = [table.users.column.id]
    on_update   = NO_ACTION
    on_delete   = CASCADE
  }
  foreign_key "folders_parent_id_fkey" {
    columns     = [column.parent_id]
    ref_columns = [column.id]
    on_update   = NO_ACTION
    on_delete   = CASCADE
  }
  # Root folders have no parent and, until authentication, no owner: two NULLs are one name space.
  unique "folders_user_id_parent_id_name_key" {
    columns        = [column.user_id, column.parent_id, column.name]
    nulls_distinct = false
  }
  index "ix_folders_parent" {
    columns = [column.parent_id]
  }
}

table "documents" {
  schema = schema.public

  column "id" {
    null    = false
    type    = uuid
    default = sql("gen_random_uuid()")
  }
  # NULL until authentication is live (D-03).
  column "user_id" {
    null = true
    type = uuid
  }
  column "folder_id" {
    null = true
    type = uuid
  }
  column "filename" {
    null = false
    type = text
  }
  column "object_key" {
    null = false
    type = text
  }
  column "content_type" {
    null = false
    type = text
  }
  column "size_bytes" {
    null    = false
    type    = bigint
    default = 0
  }
  column "storage_backend" {
    null    = false
    type    = character_varying
    default = "minio"
  }
  column "extracted_text" {
    null = true
    type = text
  }
  column "status" {
    null    = false
    type    = character_varying
    default = "pending"
  }
  column "created_at" {
    null    = false
    type    = timestamptz
    default = sql("now()")
  }
  column "updated_at" {
    null    = false
    type    = timestamptz
    default = sql("now()")
  }

  # From here on the columns are ours: the Python models do not know them.
  column "sha256" {
    null = true
    type = bytea
  }
  column "failure_code" {
    null = true
    type = character_varying
  }
  column "failure_message" {
    null = true
    type = text
  }
  # How many times a worker claimed the document.
  column "attempts" {
    null    = false
    type    = integer
    default = 0
  }
  # How many times the reconciler put the document's task on the queue again.
  column "requeues" {
    null    = false
    type    = integer
    default = 0
  }
  column "task_id" {
    null = true
    type = character_varying
  }
  # When the task was last put on the queue.
  column "enqueued_at" {
    null = true
    type = timestamptz
  }
  # When the document should have moved on by; the reconciler looks after it then.
  column "reconcile_at" {
    null    = false
    type    = timestamptz
    default = sql("(now() + '00:01:00'::interval)")
  }
  column "page_count" {
    null = true
    type = integer
  }
  column "text_truncated" {
    null    = false
    type    = boolean
    default = false
  }
  # What names are sorted by: those of Python's may be longer than an index entry can be. It is a column, and not an expression in
  # the indexes, because PostgreSQL looks for a part of a name within an index only if the index has a column to look into.
  column "filename_sort" {
    null = true
    type = text
    as {
      expr = "\"left\"(filename, 255)"
      type = STORED
    }
  }
  # What the file says about itself; it may be wrong.
  column "title" {
    null = true
    type = text
  }
  column "author" {
    null = true
    type = text
  }
  column "language" {
    null = true
    type = text
  }
  column "authored_at" {
    null = true
    type = timestamptz
  }
  column "modified_at" {
    null = true
    type = timestamptz
  }
  # What the owner should know before opening the file.
  column "warning" {
    null = true
    type = text
  }
  # Where in extracted_text each page begins, in characters.
  column "page_starts" {
    null = true
    type = sql("integer[]")
  }
  # A derived object (D-06): a picture of the first page.
  column "thumbnail_key" {
    null = true
    type = text
  }

  primary_key {
    columns = [column.id]
  }
  foreign_key "documents_user_id_fkey" {
    columns     = [column.user_id]
    ref_columns = [table.users.column.id]
    on_update   = NO_ACTION
    on_delete   = CASCADE
  }
  foreign_key "documents_folder_id_fkey" {
    columns     = [column.folder_id]
    ref_columns = [table.folders.column.id]
    on_update   = NO_ACTION
    on_delete   = SET_NULL
  }
  index "ix_documents_user_folder" {
    columns = [column.user_id, column.folder_id]
  }
  index "ix_documents_user_created" {
    columns = [column.user_id, column.created_at]
  }
  # One index per order and filter of the document list: keyset pages read them in either direction.
  index "ix_documents_user_created_id" {
    columns = [column.user_id, column.created_at, column.id]
  }
  index "ix_documents_user_filename_id" {
    columns = [column.user_id, column.filename_sort, column.id]
  }
  index "ix_documents_user_size_id" {
    columns = [column.user_id, column.size_bytes, column.id]
  }
  index "ix_documents_user_status_created_id" {
    columns = [column.user_id, column.status, column.created_at, column.id]
  }
  index "ix_documents_user_status_filename_id" {
    columns = [column.user_id, column.status, column.filename_sort, column.id]
  }
  index "ix_documents_user_status_size_id" {
    columns = [column.user_id, column.status, column.size_bytes, column.id]
  }
  index "ix_documents_user_folder_created_id" {
    columns = [column.user_id, column.folder_id, column.created_at, column.id]
  }
  index "ix_documents_user_folder_filename_id" {
    columns = [column.user_id, column.folder_id, column.filename_sort, column.id]
  }
  index "ix_documents_user_folder_size_id" {
    columns = [column.user_id, column.folder_id, column.size_bytes, column.id]
  }
  # Same owner, same content: duplicates at upload.
  index "ix_documents_user_sha256" {
    columns = [column.user_id, column.sha256]
  }
  index "ix_documents_task_id" {
    columns = [column.task_id]
  }
  # The sweeper asks for each object whether a row names it.
  index "ix_documents_object_key" {
    columns = [column.object_key]
  }
  index "ix_documents_thumbnail_key" {
    columns = [column.thumbnail_key]
    where   = "(thumbnail_key IS NOT NULL)"
  }
  # Deleting a folder sets folder_id to NULL whoever the owner is.
  index "ix_documents_folder" {
    columns = [column.folder_id]
  }
  index "ix_documents_reconcile" {
    columns = [column.reconcile_at]
    where   = "((status)::text = ANY (ARRAY[('pending'::character varying)::text, ('processing'::character varying)::text]))"
  }
  index "ix_documents_filename_trgm" {
    type = GIN
    on {
      column = column.filename
      ops    = gin_trgm_ops
    }
  }
}

table "topics" {
  schema = schema.public

  column "id" {
    null    = false
    type    = uuid
    default = sql("gen_random_uuid()")
  }
  # NULL: no owner yet.
  column "user_id" {
    null = true
    type = uuid
  }
  column "name" {
    null = false
    type = text
  }
  column "description" {
    null    = false
    type    = text
    default = ""
  }
  column "color" {
    null    = false
    type    = character_varying(7)
    default = "#6366f1"
  }

  primary_key {
    columns = [column.id]
  }
  foreign_key "topics_user_id_fkey" {
    columns     = [column.user_id]
    ref_columns = [table.users.column.id]
    on_update   = NO_ACTION
    on_delete   = CASCADE
  }
  unique "topics_user_id_name_key" {
    columns        = [column.user_id, column.name]
    nulls_distinct = false
  }
}

table "document_topics" {
  schema = schema.public

  column "document_id" {
    null = false
    type = uuid
  }
  column "topic_id" {
    null = false
    type = uuid
  }

  # Ours: a person confirmed the classifier's choice; how sure the classifier was, 0 to 1.
  column "confirmed" {
    null    = false
    type    = boolean
    default = false
  }
  column "confidence" {
    null = true
    type = double_precision
  }

  # Ours: a person said that the document does not belong there. Such a row is no filing: it keeps classifiers, ours and Python's,
  # from suggesting the topic again.
  column "rejected" {
    null    = false
    type    = boolean
    default = false
  }

  # Ours: which classifier suggested it, for people.
  column "suggested_by" {
    null = true
    type = text
  }

  primary_key {
    columns = [column.document_id, column.topic_id]
  }
  foreign_key "document_topics_document_id_fkey" {
    columns     = [column.document_id]
    ref_columns = [table.documents.column.id]
    on_update   = NO_ACTION
    on_delete   = CASCADE
  }
  foreign_key "document_topics_topic_id_fkey" {
    columns     = [column.topic_id]
    ref_columns = [table.topics.column.id]
    on_update   = NO_ACTION
    on_delete   = CASCADE
  }
  # Counts and lists of a topic's documents leave out rejected rows without looking at the table.
  index "ix_document_topics_topic_document" {
    columns = [column.topic_id, column.document_id]
    include = [column.rejected]
  }
}

# --------------------------------------------------------------------------------------------------- sharing and the rest

table "shares" {
  schema = schema.public

  column "id" {
    null    = false
    type    = uuid
    default = sql("gen_random_uuid()")
  }
  column "document_id" {
    null = false
    type = uuid
  }
  column "owner_id" {
    null = false
    type = uuid
  }
  column "recipient_id" {
    null = false
    type = uuid
  }
  column "permission" {
    null    = false
    type    = character_varying
    default = "view"
  }
  column "created_at" {
    null    = false
    type    = timestamptz
    default = sql("now()")
  }

  primary_key {
    columns = [column.id]
  }
  foreign_key "shares_document_id_fkey" {
    columns     = [column.document_id]
    ref_columns = [table.documents.column.id]
    on_update   = NO_ACTION
    on_delete   = CASCADE
  }
  foreign_key "shares_owner_id_fkey" {
    columns     = [column.owner_id]
    ref_columns = [table.users.column.id]
    on_update   = NO_ACTION
    on_delete   = CASCADE
  }
  foreign_key "shares_recipient_id_fkey" {
    columns     = [column.recipient_id]
    ref_columns = [table.users.column.id]
    on_update   = NO_ACTION
    on_delete   = CASCADE
  }
  unique "shares_document_id_recipient_id_key" {
    columns = [column.document_id, column.recipient_id]
  }
  index "ix_shares_recipient" {
    columns = [column.recipient_id]
  }
}

table "audit_log" {
  schema = schema.public

  # integer in the original; apply widens it when it adopts a database.
  column "id" {
    null = false
    type = bigint
    identity {
      generated = BY_DEFAULT
    }
  }
  column "user_id" {
    null = true
    type = uuid
  }
  column "actor_id" {
    null = true
    type = uuid
  }
  column "event_type" {
    null = false
    type = text
  }
  column "resource_id" {
    null = true
    type = uuid
  }
  column "ip_address" {
    null = true
    type = inet
  }
  column "metadata" {
    null = true
    type = jsonb
  }
  column "created_at" {
    null    = false
    type    = timestamptz
    default = sql("now()")
  }

  primary_key {
    columns = [column.id]
  }
  foreign_key "audit_log_user_id_fkey" {
    columns     = [column.user_id]
    ref_columns = [table.users.column.id]
    on_update   = NO_ACTION
    on_delete   = SET_NULL
  }
  foreign_key "audit_log_actor_id_fkey" {
    columns     = [column.actor_id]
    ref_columns = [table.users.column.id]
    on_update   = NO_ACTION
    on_delete   = SET_NULL
  }
  index "ix_audit_user_created" {
    columns = [column.user_id, column.created_at]
  }
  index "ix_audit_event_created" {
    columns = [column.event_type, column.created_at]
  }
}

table "cloud_connections" {
  schema = schema.public

  column "id" {
    null    = false
    type    = uuid
    default = sql("gen_random_uuid()")
  }
  column "user_id" {
    null = false
    type = uuid
  }
  column "provider" {
    null = false
    type = character_varying
  }
  column "display_name" {
    null = false
    type = text
  }
  column "credentials_enc" {
    null = false
    type = text
  }
  column "status" {
    null    = false
    type    = character_varying
    default = "ACTIVE"
  }
  column "connected_at" {
    null    = false
    type    = timestamptz
    default = sql("now()")
  }

  primary_key {
    columns = [column.id]
  }
  foreign_key "cloud_connections_user_id_fkey" {
    columns     = [column.user_id]
    ref_columns = [table.users.column.id]
    on_update   = NO_ACTION
    on_delete   = CASCADE
  }
  index "ix_cloud_connections_user" {
    columns = [column.user_id]
  }
}

# An empty stub for version 2 (D-02): no foreign key leads here or from here.
table "groups" {
  schema = schema.public

  column "id" {
    null    = false
    type    = uuid
    default = sql("gen_random_uuid()")
  }
  column "name" {
    null = false
    type = text
  }
  column "created_at" {
    null    = false
    type    = timestamptz
    default = sql("now()")
  }

  primary_key {
    columns = [column.id]
  }
  unique "groups_name_key" {
    columns = [column.name]
  }
}
