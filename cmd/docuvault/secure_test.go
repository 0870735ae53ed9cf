package main

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docuvault/docuvault/cmd/docuvault/config"
	"github.com/docuvault/docuvault/internal/testenv"
)

// TestUploadRateIsSharedByReplicas sends uploads to two APIs: together they take as many as the limit says. While Redis is down they
// take all (D-07).
func TestUploadRateIsSharedByReplicas(t *testing.T) {
	t.Parallel()
	s := services(t)
	s.env = append(s.env, "UPLOAD_RATE_LIMIT=3/h")
	one, two := listening(t, process(t, s.env, "api")), listening(t, process(t, s.env, "api"))
	for _, v := range []vault{one, two, one} {
		v.mustUpload(t, "a.txt", "text")
	}
	for _, v := range []vault{one, two} {
		status, after := v.uploadAnswer(t)
		if seconds, err := strconv.Atoi(after); status != http.StatusTooManyRequests || err != nil || seconds < 1 || seconds > 1200 {
			t.Errorf("one too many: status %d, Retry-After %q", status, after)
		}
	}
	if status, err := one.call(http.MethodGet, "/api/documents", "", nil, nil); status != http.StatusOK || err != nil {
		t.Errorf("reading is limited too: %d, %v", status, err)
	}
	s.redis.Kill(t)
	for range 5 {
		one.mustUpload(t, "b.txt", "text")
	}
}

// uploadAnswer uploads a document and returns the status and Retry-After.
func (v vault) uploadAnswer(t *testing.T) (status int, retryAfter string) {
	t.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", "a.txt")
	if err == nil {
		_, err = io.WriteString(part, "text")
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	answer, err := v.client.Post(v.url+"/api/documents/upload", w.FormDataContentType(), &form)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode, answer.Header.Get("Retry-After")
}

// canaries gives every secret setting, and those of the services beside us, a value that can be used but leads nowhere.
func canaries(t *testing.T) []string {
	t.Helper()
	values := map[string]string{
		"DATABASE_URL":               "postgresql://docuvault_app:canary-app-0123456789@127.0.0.1:1/docuvault",
		"DATABASE_MIGRATE_URL":       "postgresql+psycopg://docuvault_migrate:canary-migrate-0123456789@127.0.0.1:1/docuvault",
		"DATABASE_SUPERUSER_URL":     "postgresql://postgres:canary-super-0123456789@127.0.0.1:1/docuvault",
		"DOCUVAULT_APP_PASSWORD":     "canary-app-0123456789",
		"DOCUVAULT_MIGRATE_PASSWORD": "canary-migrate-0123456789",
		"REDIS_URL":                  "redis://:canary-redis-0123456789@127.0.0.1:1/0",
		"MINIO_ACCESS_KEY":           "canary-access-0123456789",
		"MINIO_SECRET_KEY":           "canary-secret-0123456789",
		"SECRET_KEY":                 "canary-key-0123456789abcdef0123456789abcdef",
		"OTEL_EXPORTER_OTLP_HEADERS": "Authorization=canary-token-0123456789",
		"AI_API_KEY":                 "canary-model-0123456789",
	}
	for _, s := range config.Settings() {
		if s.Secret && values[s.Name] == "" {
			t.Errorf("there is no canary for %s", s.Name)
		}
	}
	env := []string{"MINIO_ENDPOINT=127.0.0.1:1", "POSTGRES_PASSWORD=canary-postgres-0123456789", "MINIO_ROOT_PASSWORD=canary-root-0123456789",
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "LISTEN_ADDR=127.0.0.1:0", "LOG_LEVEL=debug",
		"AI_PROVIDER=openai", "AI_BASE_URL=http://127.0.0.1:1/v1", "AI_MODEL=model"}
	for name, value := range values {
		env = append(env, name+"="+value)
	}
	return env
}

// TestSecretsStayOutOfWhatIsSaid runs every command that is given a secret, with secrets that lead nowhere and with ones that cannot
// even be read: nothing of them shows in what the command prints or logs.
func TestSecretsStayOutOfWhatIsSaid(t *testing.T) {
	t.Parallel()
	good := canaries(t)
	broken := slices.Clone(good)
	for i, pair := range broken {
		if name, _, _ := strings.Cut(pair, "="); strings.Contains(pair, "canary") {
			broken[i] = name + "=http://canary:canary-broken@[canary%zz\x01"
		}
	}
	for how, env := range map[string][]string{"lead nowhere": good, "cannot be read": broken} {
		for _, command := range []string{"config", "config --json", "config --for api", "api", "worker", "sweep", "schema plan", "schema apply", "schema drift",
			"schema init-roles", "queue", "queue quarantine", "health --worker", "version"} {
			t.Run(how+"/"+command, func(t *testing.T) {
				t.Parallel()
				code, stdout, stderr := once(t, env, strings.Fields(command)...)
				if said := stdout + stderr; strings.Contains(said, "canary") {
					t.Errorf("%s", said)
				}
				if fine := strings.HasPrefix(command, "config") && how == "lead nowhere" || command == "version"; fine != (code == 0) {
					t.Errorf("exit code %d:\n%s%s", code, stdout, stderr)
				}
			})
		}
	}
}

// TestSecretsStayOutOfLogs has an API and a worker do their work, and lose Redis, while they log all they can.
func TestSecretsStayOutOfLogs(t *testing.T) {
	t.Parallel()
	s := services(t)
	const key, token = "canary-key-0123456789abcdef0123456789abcdef", "canary-token-0123456789"
	s.env = append(s.env, "SECRET_KEY="+key, "LOG_LEVEL=debug", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_HEADERS=Authorization="+token, "UPLOAD_RATE_LIMIT=100/s")
	secrets := map[string]string{"SECRET_KEY": key, "OTEL_EXPORTER_OTLP_HEADERS": token, "MINIO_SECRET_KEY": s.s3.SecretKey}
	for name, address := range map[string]string{"DATABASE_URL": s.db.AppDSN, "REDIS_URL": s.redis.URL} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		secrets[name], _ = u.User.Password()
	}
	api, worker := process(t, s.env, "api"), process(t, s.env, "worker")
	v := listening(t, api)
	doc := v.ready(t, v.mustUpload(t, "canary-name.txt", "canary-text").ID, time.Minute)
	var link struct {
		URL string `json:"url"`
	}
	if status, err := v.call(http.MethodGet, "/api/documents/"+doc.ID+"/url", "", nil, &link); status != http.StatusOK || err != nil {
		t.Fatalf("link: %d, %v", status, err)
	}
	token2 := link.URL[strings.LastIndex(link.URL, "/")+1:]
	if status, err := v.call(http.MethodGet, "/api/links/"+token2, "", nil, nil); status != http.StatusOK || err != nil {
		t.Fatalf("follow the link: %d, %v", status, err)
	}
	secrets["a link's token"], secrets["a document's text"], secrets["a document's name"] = token2, "canary-text", "canary-name"
	s.redis.Kill(t)
	v.mustUpload(t, "b.txt", "text")
	v.health(t)
	stop(t, api)
	stop(t, worker)
	for who, c := range map[string]*testenv.ChildProcess{"api": api, "worker": worker} {
		if !strings.Contains(c.Output(), `"level":"DEBUG"`) {
			t.Errorf("%s does not log all it can:\n%s", who, c.Output())
		}
		for name, secret := range secrets {
			if len(secret) < 8 {
				t.Fatalf("%s is too short to be looked for: %q", name, secret)
			}
			if strings.Contains(c.Output(), secret) {
				t.Errorf("%s logs %s:\n%s", who, name, c.Output())
			}
		}
	}
}
