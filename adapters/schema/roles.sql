-- The two roles of a DocuVault database (D-13, D-14), for a superuser connected to that database.
--
--   docuvault_migrate  owns the database: DDL, trusted extensions, scratch schemas. `docuvault schema` uses it.
--   docuvault_app      reads and writes rows, nothing else. API and workers use it.
--
-- The one source of the set-up: `docuvault schema init-roles` runs this file, `--print` prints it, and the PostgreSQL
-- container runs it from initdb.d on its first start. It may run again at any time, it then sets the passwords anew.
-- Passwords come from the environment; the server is told not to log what carries them.
\set ON_ERROR_STOP on
\getenv app_password DOCUVAULT_APP_PASSWORD
\getenv migrate_password DOCUVAULT_MIGRATE_PASSWORD

BEGIN;
SET LOCAL log_statement = 'none';
SET LOCAL log_min_duration_statement = -1;
SET LOCAL log_min_error_statement = 'panic';

SELECT length(set_config('docuvault.app_password', :'app_password', true)) > 0 AS app_password,
       length(set_config('docuvault.migrate_password', :'migrate_password', true)) > 0 AS migrate_password;

DO $roles$
DECLARE
	app CONSTANT name := 'docuvault_app';
	migrate CONSTANT name := 'docuvault_migrate';
	db CONSTANT name := current_database();
	login record;
	held record;
	foreign_thing record;
BEGIN
	IF current_setting('server_version_num')::int < 150000 THEN
		RAISE EXCEPTION 'PostgreSQL 15 or newer is needed';
	END IF;
	-- Roles belong to the whole cluster: one set-up at a time, whatever database it is for.
	LOCK TABLE pg_catalog.pg_authid IN SHARE ROW EXCLUSIVE MODE;

	FOR login IN VALUES (app, 'docuvault.app_password', 'DOCUVAULT_APP_PASSWORD'),
	                    (migrate, 'docuvault.migrate_password', 'DOCUVAULT_MIGRATE_PASSWORD')
	LOOP
		IF coalesce(current_setting(login.column2, true), '') = '' THEN
			RAISE EXCEPTION '% is not set', login.column3;
		END IF;
		IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = login.column1) THEN
			EXECUTE format('CREATE ROLE %I', login.column1);
		END IF;
		EXECUTE format('ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT VALID UNTIL %L PASSWORD %L',
			login.column1, 'infinity', current_setting(login.column2));
		FOR held IN
			SELECT r.rolname FROM pg_catalog.pg_auth_members m
			JOIN pg_catalog.pg_roles r ON r.oid = m.roleid JOIN pg_catalog.pg_roles u ON u.oid = m.member
			WHERE u.rolname = login.column1
		LOOP
			EXECUTE format('REVOKE %I FROM %I', held.rolname, login.column1);
		END LOOP;
	END LOOP;

	-- The database: its owner may create schemas and trusted extensions, and PostgreSQL 15 gives the schema public to it.
	EXECUTE format('ALTER DATABASE %I OWNER TO %I', db, migrate);
	EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC, %I', db, app);
	EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', db, app);
	EXECUTE 'ALTER SCHEMA public OWNER TO pg_database_owner';
	EXECUTE format('REVOKE ALL ON SCHEMA public FROM PUBLIC, %I', app);
	EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', app);

	-- What stands in the schema already (made by Alembic as some other role) goes to the one who has to change it.
	FOR foreign_thing IN
		SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END AS kind,
		       c.oid::regclass::text AS what
		FROM pg_catalog.pg_class c
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
		  AND pg_catalog.pg_get_userbyid(c.relowner) <> migrate
		  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
		                  AND (d.deptype = 'e' OR c.relkind = 'S' AND d.deptype IN ('a', 'i')))
		UNION ALL
		SELECT 'ROUTINE', p.oid::regprocedure::text
		FROM pg_catalog.pg_proc p
		WHERE p.pronamespace = 'public'::regnamespace AND pg_catalog.pg_get_userbyid(p.proowner) <> migrate
		  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
	LOOP
		EXECUTE format('ALTER %s %s OWNER TO %I', foreign_thing.kind, foreign_thing.what, migrate);
	END LOOP;

	-- A cluster of our own: nobody but superusers has business in its maintenance databases.
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolcanlogin AND NOT rolsuper AND rolname NOT IN (app, migrate)) THEN
		FOR held IN
			SELECT d.datname FROM pg_catalog.pg_database d
			WHERE d.datname IN ('postgres', 'template1') AND d.datname <> db
			  AND has_database_privilege(app, d.oid, 'CONNECT')
		LOOP
			EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', held.datname);
		END LOOP;
	END IF;
END
$roles$;

COMMIT;
