package serve

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSecretsAreMadeOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), secretsFile)
	first, err := openSecrets(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := openSecrets(path)
	if err != nil || again != first {
		t.Errorf("not the same again: %v", err)
	}
	if first.SecretKey == "" || first.AppPassword == first.MigratePassword {
		t.Error("secrets are empty or alike")
	}
	if info, err := os.Stat(path); runtime.GOOS != "windows" && (err != nil || info.Mode().Perm() != 0o600) {
		t.Errorf("others can read them: %v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// A damaged file is never overwritten: links that people have would end, and the roles' passwords would be gone.
func TestDamagedSecretsAreRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"empty": "", "no JSON": "canary", "incomplete": `{"secret_key":"canary"}`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), secretsFile)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := openSecrets(path)
			if err == nil || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "canary") {
				t.Errorf("got %v", err)
			}
			if after, err := os.ReadFile(path); err != nil || string(after) != text {
				t.Errorf("the file is changed: %q, %v", after, err)
			}
		})
	}
}

func TestDefaultDataDir(t *testing.T) {
	t.Parallel()
	env := func(vars map[string]string) func(string) string {
		return func(name string) string { return vars[name] }
	}
	dir, err := DefaultDataDir(env(map[string]string{"XDG_DATA_HOME": "/x", "HOME": "/home/u"}))
	want := filepath.Join("/x", "docuvault")
	if os.Geteuid() == 0 {
		want = "/var/lib/docuvault"
	}
	if err != nil || dir != want {
		t.Errorf("got %q, %v, want %q", dir, err, want)
	}
	if _, err := DefaultDataDir(env(nil)); err == nil && os.Geteuid() != 0 {
		t.Error("a data folder without a home")
	}
}

func TestAddressForAnotherRole(t *testing.T) {
	t.Parallel()
	const super = "postgres://postgres:canary@/postgres?host=%2Frun%2Fpg&port=5432"
	got, err := as(super, nil, "docuvault")
	if err != nil || got != "postgres://postgres:canary@/docuvault?host=%2Frun%2Fpg&port=5432" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := as("postgres://u:canary@%zz/", nil, "x"); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("got %v", err)
	}
}
