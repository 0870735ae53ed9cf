package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/docuvault/docuvault/internal/testenv"
)

func TestUsage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env    []string
		args   []string
		code   int
		stdout string // a part of it
		stderr string // a part of it
	}{
		"no command shows help":      {nil, nil, 0, "docuvault up", ""},
		"unknown command":            {nil, []string{"serve"}, 2, "", `there is no command "serve"`},
		"unknown command below":      {nil, []string{"schema", "migrate"}, 2, "", `there is no command "docuvault schema migrate"`},
		"unknown flag":               {nil, []string{"api", "--colour"}, 2, "", "unknown flag: --colour"},
		"unknown flag of another":    {nil, []string{"worker", "--listen", ":1"}, 2, "", "unknown flag: --listen"},
		"secrets are no flags":       {nil, []string{"api", "--secret-key", "x"}, 2, "", "unknown flag: --secret-key"},
		"argument":                   {nil, []string{"up", "now"}, 2, "", "takes no argument"},
		"api without settings":       {nil, []string{"api"}, 2, "", "SECRET_KEY is not set"},
		"api with the placeholder":   {[]string{"SECRET_KEY=CHANGEME"}, []string{"api"}, 2, "", "SECRET_KEY is still the placeholder"},
		"worker without settings":    {nil, []string{"worker"}, 2, "", "DATABASE_URL is not set"},
		"schema without settings":    {[]string{"DATABASE_URL=postgres://x/y"}, []string{"schema", "plan"}, 2, "", "DATABASE_MIGRATE_URL is not set"},
		"init-roles without":         {nil, []string{"schema", "init-roles"}, 2, "", "DATABASE_SUPERUSER_URL is not set"},
		"init-roles prints without":  {nil, []string{"schema", "init-roles", "--print"}, 0, "docuvault_migrate", ""},
		"sweep too soon":             {nil, []string{"sweep", "--grace", "1m"}, 2, "", "at least 1h"},
		"version":                    {nil, []string{"version"}, 0, "docuvault ", ""},
		"config with a bad value":    {[]string{"MAX_UPLOAD_BYTES=lots"}, []string{"config"}, 2, "MAX_UPLOAD_BYTES", `MAX_UPLOAD_BYTES is "lots"`},
		"config for api":             {nil, []string{"config", "--for", "api"}, 2, "SECRET_KEY", "SECRET_KEY is not set"},
		"config for nobody":          {nil, []string{"config", "--for", "cook"}, 2, "", "no such command"},
		"env file that is not there": {nil, []string{"config", "--env-file", "/nonexistent/env"}, 2, "", "does not exist"},
		"filesystem by accident":     {[]string{"STORAGE_BACKEND=filesystem"}, []string{"worker"}, 2, "", "STORAGE_DIR is not set"},
		"health of nobody":           {nil, []string{"health", "--url", "http://127.0.0.1:1"}, 1, "", "nobody answers"},
		"health of no address":       {nil, []string{"health", "--url", "localhost"}, 2, "", "is no address"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := once(t, c.env, c.args...)
			if code != c.code || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.stderr) {
				t.Errorf("code %d, want %d\nstdout: %s\nstderr: %s", code, c.code, stdout, stderr)
			}
			if c.stderr == "" && stderr != "" {
				t.Errorf("stderr: %s", stderr)
			}
		})
	}
}

// Every command teaches: it says what it does and shows an example.
func TestHelp(t *testing.T) {
	t.Parallel()
	root := newRoot(nil)
	for _, cmd := range slices.Concat(root.Commands(), command(t, "schema").Commands(), command(t, "queue", "quarantine").Commands()) {
		if cmd.Short == "" || cmd.Example == "" {
			t.Errorf("%s has no description or no example", cmd.CommandPath())
		}
	}
	_, stdout, _ := once(t, nil, "api", "--help")
	for _, part := range []string{"--listen", "[LISTEN_ADDR]", "default 127.0.0.1:8000", "docuvault api --listen :8000"} {
		if !strings.Contains(stdout, part) {
			t.Errorf("the help of api lacks %q:\n%s", part, stdout)
		}
	}
}

// The README and everybody's fingers rely on these names.
func TestCommandsAreThere(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"up", "api", "worker", "schema plan", "schema apply", "schema drift", "schema init-roles", "sweep", "health", "config", "version",
		"queue", "queue quarantine list", "queue quarantine show", "queue quarantine requeue", "queue quarantine purge"} {
		command(t, strings.Fields(path)...)
	}
}

func TestConfigCommandShowsNoSecret(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(file, []byte("REDIS_URL=redis://:canary@h/0\nLOG_LEVEL=warn\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"SECRET_KEY=canary", "DATABASE_URL=postgres://docuvault_app:canary@h/d", "MAX_UPLOAD_BYTES=1GiB"}
	for _, args := range [][]string{nil, {"--json"}} {
		code, stdout, stderr := once(t, env, append([]string{"config", "--env-file", file, "--listen", ":9"}, args...)...)
		if code != 0 || strings.Contains(stdout+stderr, "canary") {
			t.Errorf("code %d\n%s%s", code, stdout, stderr)
		}
		for _, want := range []string{`SECRET_KEY\W+(environment|value)\W.*\*\*\*`, `LOG_LEVEL\W`, `1GiB`} {
			if !regexp.MustCompile(want).MatchString(strings.ReplaceAll(stdout, "\n", " ")) {
				t.Errorf("%s is not in:\n%s", want, stdout)
			}
		}
		for _, want := range []string{"default", ".env", "environment", "flag"} {
			if !strings.Contains(stdout, want) {
				t.Errorf("no value comes from %s:\n%s", want, stdout)
			}
		}
	}
}

func TestVersionAsJSON(t *testing.T) {
	t.Parallel()
	code, stdout, _ := once(t, nil, "version", "--json")
	var b build
	if err := json.Unmarshal([]byte(stdout), &b); code != 0 || err != nil || b.Version == "" || b.Go == "" {
		t.Errorf("code %d, %v: %s", code, err, stdout)
	}
}

func TestSchemaCommands(t *testing.T) {
	t.Parallel()
	db := testenv.Postgres(t)
	env := []string{"DATABASE_MIGRATE_URL=" + db.MigrateDSN, "LOG_LEVEL=error"}
	expect := func(want int, part string, args ...string) {
		t.Helper()
		code, stdout, stderr := once(t, env, append([]string{"schema"}, args...)...)
		if code != want || !strings.Contains(stdout+stderr, part) {
			t.Errorf("%v: code %d, want %d\n%s%s", args, code, want, stdout, stderr)
		}
	}
	expect(3, "CREATE TABLE", "plan")
	expect(3, "", "plan", "--json")
	expect(0, "applied", "apply")
	expect(0, "up to date", "apply")
	expect(0, "nothing to do", "plan")
	expect(0, "no differences", "drift")

	execute(t, db.MigrateDSN, "CREATE TABLE recipes AS SELECT 1 AS id")
	expect(0, "left alone: table recipes", "plan")
	expect(0, "recipes", "drift")
	execute(t, db.MigrateDSN, "ALTER TABLE users ADD COLUMN shoe_size int")
	expect(3, "shoe_size", "drift")
	expect(3, "shoe_size", "plan")
	expect(3, "nothing was applied", "apply")
	expect(0, "applied", "apply", "--allow-destructive")
	expect(0, "no differences", "drift")
	execute(t, db.MigrateDSN, "UPDATE recipes SET id = 2") // it fails where the table is gone

	env[0] = "DATABASE_MIGRATE_URL=postgres://docuvault_migrate@127.0.0.1:1/none?connect_timeout=1"
	for _, command := range []string{"plan", "apply", "drift"} {
		expect(1, "127.0.0.1", command)
	}
}

func TestInitRolesCommand(t *testing.T) {
	t.Parallel()
	server := testenv.PostgresServer(t, testenv.PostgresOptions{})
	env := []string{"DATABASE_SUPERUSER_URL=" + server.SuperDSN(), "DOCUVAULT_APP_PASSWORD=canary-app", "DOCUVAULT_MIGRATE_PASSWORD=canary-migrate"}
	for range 2 {
		code, stdout, stderr := once(t, env, "schema", "init-roles")
		if code != 0 || strings.Contains(stdout+stderr, "canary") {
			t.Fatalf("code %d\n%s%s", code, stdout, stderr)
		}
	}
}
