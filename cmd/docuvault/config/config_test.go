package config

import (
	"encoding/json"
	"errors"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"go.uber.org/goleak"

	"github.com/docuvault/docuvault/adapters/filetype"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// good is an environment that api accepts.
func good() []string {
	return []string{
		"DATABASE_URL=postgresql+psycopg://docuvault_app:canary-db@postgres:5432/docuvault", "REDIS_URL=redis://:canary-redis@redis:6379/0",
		"MINIO_ENDPOINT=minio:9000", "MINIO_ACCESS_KEY=canary-access", "MINIO_SECRET_KEY=canary-minio", "SECRET_KEY=canary-secret-0123456789abcdef0123",
	}
}

func load(t *testing.T, use Use, env []string, dotenv string, args ...string) (*Config, error) {
	t.Helper()
	in := Input{Use: use, Need: use, Env: env, Flags: pflag.NewFlagSet("test", pflag.ContinueOnError)}
	AddFlags(in.Flags, use)
	if err := in.Flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	if dotenv != "" {
		in.EnvFile = filepath.Join(t.TempDir(), ".env")
		if err := os.WriteFile(in.EnvFile, []byte(dotenv), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Load(in)
}

func value(t *testing.T, cfg *Config, name string) Value {
	t.Helper()
	i := slices.IndexFunc(cfg.Values(), func(v Value) bool { return v.Name == name })
	if i < 0 {
		t.Fatalf("%s is not among the values", name)
	}
	return cfg.Values()[i]
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, API, good(), "")
	if err != nil {
		t.Fatal(err)
	}
	if cfg.MaxUpload != 100<<20 || cfg.ListenAddr != "127.0.0.1:8000" || cfg.Storage.Backend != "minio" || cfg.Storage.Bucket != "docuvault" ||
		cfg.Storage.Secure || cfg.LogLevel != slog.LevelInfo || cfg.ShutdownTimeout != 20*time.Second || !slices.Equal(cfg.AllowedTypes, filetype.DefaultTypes()) {
		t.Errorf("defaults: %+v", cfg)
	}
	if got := value(t, cfg, "MAX_UPLOAD_BYTES"); got.Source != FromDefault || got.Value != "100MiB" {
		t.Errorf("value: %+v", got)
	}
}

func TestLaterWins(t *testing.T) {
	t.Parallel()
	const dotenv = "LOG_LEVEL=error\nMAX_UPLOAD_BYTES=1\nLISTEN_ADDR=127.0.0.1:1\nUNKNOWN_TO_US=1\nexport MINIO_BUCKET='from-file'\n"
	env := append(good(), "MAX_UPLOAD_BYTES=2", "LISTEN_ADDR=127.0.0.1:2", "MINIO_BUCKET=", "ALSO_UNKNOWN=x")
	cfg, err := load(t, API, env, dotenv, "--listen", "127.0.0.1:3")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]Value{
		"LOG_FORMAT":       {Value: "text", Source: FromDefault},
		"LOG_LEVEL":        {Value: "error", Source: FromFile},
		"MINIO_BUCKET":     {Value: "from-file", Source: FromFile}, // an empty variable is not set
		"MAX_UPLOAD_BYTES": {Value: "2", Source: FromEnvironment},
		"LISTEN_ADDR":      {Value: "127.0.0.1:3", Source: FromFlag},
	} {
		want.Name = name
		if got := value(t, cfg, name); got != want {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
	if cfg.LogLevel != slog.LevelError || cfg.Storage.Bucket != "from-file" || cfg.MaxUpload != 2 || cfg.ListenAddr != "127.0.0.1:3" {
		t.Errorf("not in force: %+v", cfg)
	}
}

func TestAllProblemsInOneMessage(t *testing.T) {
	t.Parallel()
	env := []string{
		"DATABASE_URL=mysql://root:canary-db@host/db", "SECRET_KEY=CHANGEME", "MAX_UPLOAD_BYTES=huge", "LISTEN_ADDR=nowhere", "REDIS_URL=canary-redis",
		"STORAGE_BACKEND=minio", "MINIO_ENDPOINT=http://minio:9000", "MINIO_SECURE=perhaps", "LOG_LEVEL=loud", "STATEMENT_TIMEOUT=30", "DATABASE_MAX_CONNS=0",
		"MINIO_BUCKET=Not_A_Bucket", "ALLOWED_MIME_TYPES=pdf", "TRUSTED_PROXIES=proxy", "PUBLIC_URL=vault", "SHUTDOWN_TIMEOUT=-1s", "LOG_FORMAT=xml", "MINIO_PUBLIC_ENDPOINT=https://a/b",
	}
	_, err := load(t, API, env, "")
	var problems Problems
	if !errors.As(err, &problems) {
		t.Fatalf("got %v", err)
	}
	message := err.Error()
	for _, pair := range append(env, "MINIO_ACCESS_KEY=", "MINIO_SECRET_KEY=") {
		name, _, _ := strings.Cut(pair, "=")
		if name == "STORAGE_BACKEND" {
			continue
		}
		if n := len(regexp.MustCompile(`(?m)^  `+name+` `).FindAllString(message, -1)); n != 1 {
			t.Errorf("%s is named %d times", name, n)
		}
	}
	for _, p := range problems {
		if p.Wrong == "" || !strings.HasPrefix(p.Do, "set it to ") {
			t.Errorf("problem does not help: %+v", p)
		}
	}
	if strings.Contains(message, "canary") {
		t.Errorf("the message shows a secret:\n%s", message)
	}
}

func TestWhatIsMissing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		use  Use
		env  []string
		want []string
	}{
		"api":            {API, nil, []string{"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "MINIO_ENDPOINT", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"}},
		"worker":         {Worker, nil, []string{"DATABASE_URL", "REDIS_URL", "MINIO_ENDPOINT", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"}},
		"sweep":          {Sweep, nil, []string{"DATABASE_URL", "MINIO_ENDPOINT", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"}},
		"schema":         {Schema, nil, []string{"DATABASE_MIGRATE_URL"}},
		"init-roles":     {InitRoles, nil, []string{"DATABASE_SUPERUSER_URL", "DOCUVAULT_APP_PASSWORD", "DOCUVAULT_MIGRATE_PASSWORD"}},
		"up":             {Up, nil, nil},
		"filesystem":     {Worker, append(good(), "STORAGE_BACKEND=filesystem"), []string{"STORAGE_DIR"}},
		"filesystem, ok": {Worker, append(good()[:2], "STORAGE_BACKEND=filesystem", "STORAGE_DIR=/srv/x"), nil},
		"secret":         {API, append(good(), "SECRET_KEY=CHANGEME"), []string{"SECRET_KEY"}},
		"empty secret":   {API, append(good(), "SECRET_KEY="), []string{"SECRET_KEY"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, c.use, c.env, "")
			var problems Problems
			errors.As(err, &problems)
			var got []string
			for _, p := range problems {
				got = append(got, p.Variable)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// A worker is not given the address of the role that may change tables (D-13), and needs no secret for links.
func TestWorkerReadsNeitherMigrateURLNorSecret(t *testing.T) {
	t.Parallel()
	cfg, err := load(t, Worker, append(good(), "DATABASE_MIGRATE_URL=postgres://canary-migrate@h/d"), "SECRET_KEY=x")
	if err != nil {
		t.Fatal(err)
	}
	if cfg.MigrateURL != "" || cfg.SecretKey != "" {
		t.Errorf("the worker has them: %q %q", cfg.MigrateURL, cfg.SecretKey)
	}
	if !slices.ContainsFunc(cfg.Notes(), func(n string) bool { return strings.Contains(n, "DATABASE_MIGRATE_URL") }) {
		t.Errorf("nobody is told: %q", cfg.Notes())
	}
	if strings.Contains(strings.Join(cfg.Notes(), ""), "canary") {
		t.Errorf("notes show a secret: %q", cfg.Notes())
	}
}

func TestSecretsAreMasked(t *testing.T) {
	t.Parallel()
	env := append(good(), "DATABASE_MIGRATE_URL=postgres://m:canary-m@h/d", "DATABASE_SUPERUSER_URL=postgres://s:canary-s@h/d",
		"DOCUVAULT_APP_PASSWORD=canary-a", "DOCUVAULT_MIGRATE_PASSWORD=canary-b")
	cfg, err := load(t, Everything, env, "")
	if err != nil {
		t.Fatal(err)
	}
	shown, err := json.Marshal(cfg.Values())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(shown), "canary") {
		t.Errorf("a secret is shown: %s", shown)
	}
	if value(t, cfg, "SECRET_KEY").Value != "***" || value(t, cfg, "REDIS_URL").Value != "***" {
		t.Error("secrets are not marked as set")
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pair string
		got  func(*Config) any
		want any // nil: refused
	}{
		{"MAX_UPLOAD_BYTES=100MiB", func(c *Config) any { return c.MaxUpload }, int64(100 << 20)},
		{"MAX_UPLOAD_BYTES=104857600", func(c *Config) any { return c.MaxUpload }, int64(104857600)},
		{"MAX_UPLOAD_BYTES=1.5 gb", func(c *Config) any { return c.MaxUpload }, int64(1.5e9)},
		{"MAX_UPLOAD_BYTES=0", nil, nil},
		{"MAX_UPLOAD_BYTES=-1", nil, nil},
		{"MAX_UPLOAD_BYTES=1e9", nil, nil},
		{"MAX_UPLOAD_BYTES=9999999999999999999TB", nil, nil},
		{"ALLOWED_MIME_TYPES=*", func(c *Config) any { return len(c.AllowedTypes) }, 0},
		{"ALLOWED_MIME_TYPES=Text/Plain, application/pdf,", func(c *Config) any { return strings.Join(c.AllowedTypes, " ") }, "text/plain application/pdf"},
		{"ALLOWED_MIME_TYPES=text/plain; charset=utf-8", nil, nil},
		{"ALLOWED_MIME_TYPES=image/*", nil, nil},
		{"LISTEN_ADDR=:8000", func(c *Config) any { return c.ListenAddr }, ":8000"},
		{"LISTEN_ADDR=[::1]:0", func(c *Config) any { return c.ListenAddr }, "[::1]:0"},
		{"LISTEN_ADDR=127.0.0.1:65536", nil, nil},
		{"LISTEN_ADDR=8000", nil, nil},
		{"WORKER_QUEUES=documents, other ,documents", func(c *Config) any { return strings.Join(c.Queues, " ") }, "documents other"},
		{"WORKER_QUEUES=,", nil, nil},
		{"WORKER_CONCURRENCY=-1", nil, nil},
		{"MINIO_SECURE=TRUE", func(c *Config) any { return c.Storage.Secure }, true},
		{"MINIO_PUBLIC_ENDPOINT=https://files.example.org/", func(c *Config) any { return c.Storage.PublicEndpoint }, "https://files.example.org"},
		{"MINIO_PUBLIC_ENDPOINT=localhost:9000", func(c *Config) any { return c.Storage.PublicEndpoint }, "localhost:9000"},
		{"TRUSTED_PROXIES=10.0.0.0/8, ::1", func(c *Config) any { return strings.Join(c.TrustedProxies, " ") }, "10.0.0.0/8 ::1"},
		{"PUBLIC_URL=https://vault.example.org/", func(c *Config) any { return c.PublicURL }, "https://vault.example.org"},
		{"EXTRACT_TIMEOUT=2m", func(c *Config) any { return c.ExtractTimeout }, 2 * time.Minute},
		{"EXTRACT_SANDBOX=Require", func(c *Config) any { return c.ExtractSandbox }, "require"},
		{"EXTRACT_SANDBOX=yes", nil, nil},
		{"OCR_ENGINE=OFF", func(c *Config) any { return c.OCREngine }, "off"},
		{"OCR_ENGINE=Native", func(c *Config) any { return c.OCREngine }, "native"},
		{"OCR_ENGINE=paper", nil, nil},
		{"TESSERACT_PATH=/opt/tesseract", func(c *Config) any { return c.TesseractPath }, "/opt/tesseract"},
		{"OCR_MAX_PAGES=0", nil, nil},
		{"LOG_LEVEL=DEBUG", func(c *Config) any { return c.LogLevel }, slog.LevelDebug},
		{"DATABASE_URL=host=/run/pg dbname=x", func(c *Config) any { return c.DatabaseURL }, "host=/run/pg dbname=x"},
		{"REDIS_URL=rediss://h", func(c *Config) any { return c.RedisURL }, "rediss://h"},
		{"REDIS_URL=http://h", nil, nil},
	} {
		t.Run(c.pair, func(t *testing.T) {
			t.Parallel()
			cfg, err := load(t, API|Worker, append(good(), c.pair), "")
			if c.want == nil {
				name, _, _ := strings.Cut(c.pair, "=")
				if err == nil || !strings.Contains(err.Error(), name+" ") {
					t.Fatalf("accepted, or not named: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := c.got(cfg); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestEnvFile(t *testing.T) {
	t.Parallel()
	t.Run("a bad line is named by number, never by its text", func(t *testing.T) {
		t.Parallel()
		_, err := load(t, API, good(), "LOG_LEVEL=info\n# fine\nSECRET KEY canary\nLOG_FORMAT=json\n")
		if err == nil || !strings.Contains(err.Error(), "line 3") || strings.Contains(err.Error(), "canary") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("quotes keep dollars and hashes", func(t *testing.T) {
		t.Parallel()
		cfg, err := load(t, API, good()[:5], "SECRET_KEY='pa$$w0rd #1'\n")
		if err != nil || cfg.SecretKey != "pa$$w0rd #1" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a file that was asked for has to be there", func(t *testing.T) {
		t.Parallel()
		in := Input{Use: Up, Need: Up, EnvFile: filepath.Join(t.TempDir(), "none")}
		if _, err := Load(in); err != nil {
			t.Errorf("absent .env: %v", err)
		}
		in.EnvFileRequired = true
		if _, err := Load(in); err == nil {
			t.Error("absent --env-file accepted")
		}
	})
}

// Every setting is in .env.example, under a comment, with nothing in it that looks like a real secret (D-11).
func TestEnvExample(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../.env.example")
	if err != nil {
		t.Fatal(err)
	}
	assignment := regexp.MustCompile(`^#?([A-Z][A-Z0-9_]*)=(.*)$`)
	values := make(map[string]string)
	before := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if m := assignment.FindStringSubmatch(line); m != nil {
			if !strings.HasPrefix(before, "# ") {
				t.Errorf("%s has no comment above it", m[1])
			}
			values[m[1]] = m[2]
		}
		before = line
	}
	for _, s := range Settings() {
		got, ok := values[s.Name]
		switch {
		case !ok:
			t.Errorf("%s is missing", s.Name)
		case s.Secret && s.Name != "MINIO_ACCESS_KEY" && !strings.Contains(got, Placeholder):
			t.Errorf("%s is no placeholder", s.Name)
		}
	}
	// Filled in, it is a configuration that works.
	if _, err := load(t, API|Worker|Schema|InitRoles, nil, strings.ReplaceAll(string(text), Placeholder, "0123456789abcdef0123456789abcdef")); err != nil {
		if !strings.Contains(err.Error(), "DATABASE_SUPERUSER_URL") || strings.Count(err.Error(), "\n") != 1 {
			t.Error(err)
		}
	}
	// As it is, it starts a trial; the placeholder alone is no secret.
	if _, err := load(t, API|Worker|Schema, nil, string(text)); err != nil {
		t.Errorf("as it is: %v", err)
	}
	_, err = load(t, API, []string{"SECRET_KEY=" + Placeholder}, string(text))
	var problems Problems
	if !errors.As(err, &problems) || len(problems) != 1 || problems[0].Variable != "SECRET_KEY" {
		t.Errorf("got %v", err)
	}
}

func TestReference(t *testing.T) {
	t.Parallel()
	const path = "../../../docs/configuration.md"
	if *update {
		if err := os.WriteFile(path, []byte(Reference()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != Reference() {
		t.Error("docs/configuration.md is not what the table says; run: go test ./cmd/docuvault/config -update")
	}
}

// The table itself: names once, defaults that parse, an example for everything, and no secret that a command line would show.
func TestTable(t *testing.T) {
	t.Parallel()
	names, flags := map[string]bool{}, map[string]bool{}
	for _, s := range Settings() {
		if names[s.Name] || s.Flag != "" && flags[s.Flag] {
			t.Errorf("%s is there twice", s.Name)
		}
		names[s.Name], flags[s.Flag] = true, true
		if s.Secret && s.Flag != "" {
			t.Errorf("%s is a secret and a flag", s.Name)
		}
		if !s.Secret && s.Flag == "" {
			t.Errorf("%s has no flag", s.Name)
		}
		if s.Help == "" || s.Example == "" || s.Group == "" || s.Use == 0 || s.Required&^s.Use != 0 {
			t.Errorf("%s is incomplete", s.Name)
		}
		if s.Default != "" {
			if wrong := s.parse(&Config{}, s.Default); wrong != "" {
				t.Errorf("the default of %s %s", s.Name, wrong)
			}
		}
	}
}
