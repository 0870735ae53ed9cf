package testenv

import "testing"

// Schema returns a fresh database on this server with the vault's schema and grants applied: see [Schema].
func (s *DatabaseServer) Schema(t testing.TB) Database {
	t.Helper()
	t.Fatal("testenv: the schema is not wired yet")
	return Database{}
}
