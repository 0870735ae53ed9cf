CREATE TABLE users (
	id UUID NOT NULL, 
	handle VARCHAR NOT NULL, 
	email VARCHAR NOT NULL, 
	password_hash TEXT NOT NULL, 
	totp_secret TEXT, 
	totp_enabled BOOLEAN NOT NULL, 
	role VARCHAR NOT NULL, 
	is_active BOOLEAN NOT NULL, 
	ai_provider TEXT, 
	ai_model TEXT, 
	default_storage_backend VARCHAR NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (handle), 
	UNIQUE (email)
);

CREATE TABLE groups (
	id UUID NOT NULL, 
	name TEXT NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);

CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	PRIMARY KEY (version_num)
);

CREATE TABLE quotas (
	user_id UUID NOT NULL, 
	limit_bytes BIGINT NOT NULL, 
	used_bytes BIGINT NOT NULL, 
	PRIMARY KEY (user_id), 
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE TABLE refresh_tokens (
	id UUID NOT NULL, 
	user_id UUID NOT NULL, 
	token_hash TEXT NOT NULL, 
	expires_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	revoked BOOLEAN NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE, 
	UNIQUE (token_hash)
);

CREATE INDEX ix_refresh_tokens_user_revoked ON refresh_tokens (user_id, revoked);

CREATE TABLE folders (
	id UUID NOT NULL, 
	user_id UUID, 
	parent_id UUID, 
	name TEXT NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (user_id, parent_id, name), 
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE, 
	FOREIGN KEY(parent_id) REFERENCES folders (id) ON DELETE CASCADE
);

CREATE TABLE topics (
	id UUID NOT NULL, 
	user_id UUID, 
	name TEXT NOT NULL, 
	description TEXT NOT NULL, 
	color VARCHAR(7) NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (user_id, name), 
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE TABLE audit_log (
	id SERIAL NOT NULL, 
	user_id UUID, 
	actor_id UUID, 
	event_type TEXT NOT NULL, 
	resource_id UUID, 
	ip_address INET, 
	metadata JSONB, 
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE SET NULL, 
	FOREIGN KEY(actor_id) REFERENCES users (id) ON DELETE SET NULL
);

CREATE INDEX ix_audit_user_created ON audit_log (user_id, created_at);

CREATE INDEX ix_audit_event_created ON audit_log (event_type, created_at);

CREATE TABLE cloud_connections (
	id UUID NOT NULL, 
	user_id UUID NOT NULL, 
	provider VARCHAR NOT NULL, 
	display_name TEXT NOT NULL, 
	credentials_enc TEXT NOT NULL, 
	status VARCHAR NOT NULL, 
	connected_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_cloud_connections_user ON cloud_connections (user_id);

CREATE TABLE documents (
	id UUID NOT NULL, 
	user_id UUID, 
	folder_id UUID, 
	filename TEXT NOT NULL, 
	object_key TEXT NOT NULL, 
	content_type TEXT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	storage_backend VARCHAR NOT NULL, 
	extracted_text TEXT, 
	status VARCHAR NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE, 
	FOREIGN KEY(folder_id) REFERENCES folders (id) ON DELETE SET NULL
);

CREATE INDEX ix_documents_user_folder ON documents (user_id, folder_id);

CREATE INDEX ix_documents_user_created ON documents (user_id, created_at);

CREATE TABLE document_topics (
	document_id UUID NOT NULL, 
	topic_id UUID NOT NULL, 
	PRIMARY KEY (document_id, topic_id), 
	FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE, 
	FOREIGN KEY(topic_id) REFERENCES topics (id) ON DELETE CASCADE
);

CREATE TABLE shares (
	id UUID NOT NULL, 
	document_id UUID NOT NULL, 
	owner_id UUID NOT NULL, 
	recipient_id UUID NOT NULL, 
	permission VARCHAR NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (document_id, recipient_id), 
	FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE, 
	FOREIGN KEY(owner_id) REFERENCES users (id) ON DELETE CASCADE, 
	FOREIGN KEY(recipient_id) REFERENCES users (id) ON DELETE CASCADE
);

CREATE INDEX ix_shares_recipient ON shares (recipient_id);

