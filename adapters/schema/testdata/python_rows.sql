INSERT INTO users (id, handle, email, password_hash, totp_enabled, role, is_active, default_storage_backend) VALUES
	('00000000-0000-4000-8000-000000000001', 'ann', 'ann@example.org', 'x', false, 'user', true, 'minio'),
	('00000000-0000-4000-8000-000000000002', 'bob', 'bob@example.org', 'x', true, 'admin', true, 'minio');
INSERT INTO quotas VALUES ('00000000-0000-4000-8000-000000000001', 5, 4);
INSERT INTO refresh_tokens (id, user_id, token_hash, expires_at, revoked) VALUES
	('00000000-0000-4000-8000-000000000011', '00000000-0000-4000-8000-000000000001', 'hash', '2030-01-01', false);
INSERT INTO folders (id, user_id, parent_id, name) VALUES
	('00000000-0000-4000-8000-000000000021', NULL, NULL, 'root'),
	('00000000-0000-4000-8000-000000000022', NULL, '00000000-0000-4000-8000-000000000021', 'leaf'),
	('00000000-0000-4000-8000-000000000023', '00000000-0000-4000-8000-000000000001', NULL, 'root');
INSERT INTO documents (id, user_id, folder_id, filename, object_key, content_type, size_bytes, storage_backend, extracted_text, status, created_at, updated_at) VALUES
	('00000000-0000-4000-8000-000000000031', NULL, '00000000-0000-4000-8000-000000000022', 'a.txt', 'k1', 'text/plain', 1, 'minio', 'text', 'ready', '2026-01-02 03:04:05.678901+02', '2026-01-02 03:04:05.678901+02'),
	('00000000-0000-4000-8000-000000000032', NULL, NULL, 'ü "odd" \ name.pdf', 'k2', 'application/pdf', 2147483647, 'minio', NULL, 'archived', now(), now());
INSERT INTO topics (id, user_id, name, description, color) VALUES
	('00000000-0000-4000-8000-000000000041', NULL, 'Taxes', 'all of them', '#112233'),
	('00000000-0000-4000-8000-000000000042', '00000000-0000-4000-8000-000000000001', 'Taxes', '', '#6366f1');
INSERT INTO document_topics VALUES ('00000000-0000-4000-8000-000000000031', '00000000-0000-4000-8000-000000000041');
INSERT INTO shares (id, document_id, owner_id, recipient_id, permission) VALUES
	('00000000-0000-4000-8000-000000000051', '00000000-0000-4000-8000-000000000031', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002', 'edit');
INSERT INTO audit_log (user_id, event_type, ip_address, metadata) VALUES
	(NULL, 'one', '2001:db8::1/64', '{"a": [1, null]}'), ('00000000-0000-4000-8000-000000000001', 'two', NULL, NULL),
	(NULL, 'three', NULL, NULL), (NULL, 'four', NULL, NULL), (NULL, 'five', NULL, NULL), (NULL, 'six', NULL, NULL), (NULL, 'seven', NULL, NULL);
DELETE FROM audit_log WHERE event_type = 'seven';
INSERT INTO cloud_connections (id, user_id, provider, display_name, credentials_enc, status) VALUES
	('00000000-0000-4000-8000-000000000061', '00000000-0000-4000-8000-000000000001', 'dropbox', 'mine', 'secret', 'ACTIVE');
INSERT INTO alembic_version VALUES ('4f2a');
