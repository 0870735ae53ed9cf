// Package testenv gives tests the real thing: PostgreSQL, Redis, S3 and Celery, and child processes to kill.
//
// A test package hands its TestMain over,
//
//	func TestMain(m *testing.M) { testenv.Main(m) }
//
// and its tests ask for what they need:
//
//	db := testenv.Schema(t)         // a fresh database with the vault's schema; db.AppDSN, db.MigrateDSN, db.SuperDSN
//	db := testenv.Postgres(t)       // the same without any table
//	r := testenv.Redis(t)           // a fresh redis-server; r.URL
//	s3 := testenv.S3(t)             // MinIO; testenv.Bucket(t, s3) is a fresh bucket
//	w := testenv.Celery(t, testenv.CeleryOptions{…})
//	out := testenv.Python(t, script, args…)
//	c := testenv.Child(t, "worker", env) // this test binary again, in a role registered with Main
//
// Servers start when first asked for. PostgreSQL and MinIO are shared by all tests of a test binary, which get databases
// and buckets of their own; a redis-server starts in 10 ms, so every call has its own. Tests that stop, pause or kill a
// server ask for one of their own: [OwnPostgres], [OwnS3], [Redis]. Everything is gone when its test ends, shared servers
// when Main returns, and on Linux all of it when the test binary is killed.
//
// It runs on unix systems; elsewhere the package is empty.
//
// A tool that is missing fails the test with the command that installs it; nothing is skipped.
//
// # Speed and durability
//
// A database costs about 40 ms: it is a copy of a template made once. The shared server of tests does not sync to disk. A
// benchmark gets a server that does (a second one, also shared), so that its figures mean something, and so does whoever
// asks [PostgresServer] for Durable.
//
// # Files
//
// Servers' data lie in a folder of this test binary in /tmp, or in the folder that TESTENV_DIR names; as root, PostgreSQL runs
// as user postgres, who must be able to enter it. Folders that killed test binaries left are removed by the next.
//
// # Containers
//
// TESTENV=containers takes the servers from containers in place of local programs, through testcontainers-go:
// POSTGRES_IMAGE, REDIS_IMAGE and MINIO_IMAGE name the images. Without an answering Docker daemon tests then fail.
// [PostgresContainer] does so whatever TESTENV says; ask [DockerAvailable] first.
package testenv
