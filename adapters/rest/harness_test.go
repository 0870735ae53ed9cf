package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/docuvault/docuvault/adapters/filetype"
	"github.com/docuvault/docuvault/adapters/memory"
	"github.com/docuvault/docuvault/adapters/rest"
	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a whole vault on adapters in memory, behind a real HTTP server.
type house struct {
	t       *testing.T
	api     *rest.API
	url     string
	client  *http.Client
	storage *memory.Storage
	repo    *memory.Repository
	queue   *memory.Queue
	vault   *app.Vault
	clock   *clock
	logs    *logBook
}

type plan struct {
	rest  rest.Config
	vault app.VaultConfig
}

func open(t *testing.T, plans ...func(*plan)) *house {
	t.Helper()
	h := &house{t: t, clock: &clock{at: time.Date(2026, 5, 1, 12, 0, 0, 123456000, time.UTC)}, logs: &logBook{}}
	var p plan
	for _, change := range plans {
		change(&p)
	}
	links, err := app.NewLinkSigner("a secret for tests")
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(rest.RequestIDHandler(slog.NewJSONHandler(h.logs, &slog.HandlerOptions{Level: slog.LevelDebug})))
	h.storage, h.repo, h.queue = memory.NewStorage(h.clock.now), memory.NewRepository(), &memory.Queue{}
	h.vault = app.NewVault(p.vault, app.VaultDeps{
		Storage: h.storage, Repo: h.repo, Queue: h.queue, Types: filetype.New(), Links: links, Grouper: memory.Learner{}, Trains: h.queue, Now: h.clock.now, Log: log,
	})
	if h.api, err = rest.New(p.rest, h.vault, log); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(nil)
	server.Config = h.api.Server()
	server.Start()
	t.Cleanup(server.Close)
	h.url = server.URL
	h.client = server.Client()
	h.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return h
}

// clock moves only when told, so that the API's times can be predicted.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// logBook keeps what was logged.
type logBook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBook) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// lines returns the records with this message.
func (l *logBook) lines(t *testing.T, message string) []map[string]any {
	t.Helper()
	var found []map[string]any
	for line := range strings.SplitSeq(strings.TrimSpace(l.text()), "\n") {
		if line == "" {
			continue
		}
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatalf("log line %q: %v", line, err)
		}
		if record["msg"] == message {
			found = append(found, record)
		}
	}
	return found
}

// answer is a response that was read to its end and found to be as docs/openapi.yaml says.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   []byte
}

// send sends a request and holds the answer against the API's description.
func (h *house) send(method, path string, body io.Reader, headers ...string) *answer {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, body)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.sendRequest(req, headers...)
}

func (h *house) sendRequest(req *http.Request, headers ...string) *answer {
	h.t.Helper()
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	response, err := h.client.Do(req)
	if err != nil {
		h.t.Fatalf("%s %s: %v", req.Method, req.URL.Path, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		h.t.Fatalf("%s %s: read the answer: %v", req.Method, req.URL.Path, err)
	}
	a := &answer{t: h.t, status: response.StatusCode, header: response.Header, body: body}
	description(h.t).check(h.t, req.Method, req.URL.Path, a)
	h.checkSecrets(req.URL.Path, a)
	return a
}

// checkSecrets fails if an answer, other than a document's own bytes or link, gives an object's key away.
func (h *house) checkSecrets(path string, a *answer) {
	h.t.Helper()
	if strings.HasSuffix(path, "/content") || strings.HasSuffix(path, "/url") || strings.HasPrefix(path, "/api/links/") {
		return
	}
	if bytes.Contains(a.body, []byte(`"object_key":`)) {
		h.t.Errorf("%s: the answer has an object_key: %s", path, a.body)
	}
	for _, name := range h.storage.Names() {
		if bytes.Contains(a.body, []byte(name)) {
			h.t.Errorf("%s: the answer has the key %s", path, name)
		}
	}
}

func (h *house) get(path string, headers ...string) *answer {
	h.t.Helper()
	return h.send(http.MethodGet, path, nil, headers...)
}

func (h *house) json(method, path, body string, headers ...string) *answer {
	h.t.Helper()
	return h.send(method, path, strings.NewReader(body), append([]string{"Content-Type", "application/json"}, headers...)...)
}

// part is one part of a form; a part with a name but no file is a field.
type part struct {
	field, file, value string
	header             textproto.MIMEHeader
}

func file(name, content string) part { return part{field: "file", file: name, value: content} }
func field(name, value string) part  { return part{field: name, value: value} }

// form encodes parts in their order.
func form(t *testing.T, parts ...part) (contentType string, body []byte) {
	t.Helper()
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	for _, p := range parts {
		header := p.header
		if header == nil {
			header = textproto.MIMEHeader{}
			disposition := `form-data; name="` + p.field + `"`
			if p.file != "" {
				disposition += `; filename="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(p.file) + `"`
				header.Set("Content-Type", "application/octet-stream")
			}
			header.Set("Content-Disposition", disposition)
		}
		out, err := w.CreatePart(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(out, p.value); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), buf.Bytes()
}

func (h *house) uploadTo(path string, parts ...part) *answer {
	h.t.Helper()
	contentType, body := form(h.t, parts...)
	return h.send(http.MethodPost, path, bytes.NewReader(body), "Content-Type", contentType)
}

func (h *house) upload(parts ...part) *answer {
	h.t.Helper()
	return h.uploadTo("/api/documents/upload", parts...)
}

// keep uploads a document and returns its id. Documents get different times.
func (h *house) keep(name, content string, fields ...part) string {
	h.t.Helper()
	h.clock.advance(time.Second)
	return h.upload(append(fields, file(name, content))...).is(http.StatusCreated).text("id")
}

// finish plays the worker for a document: text is what it found.
func (h *house) finish(id, text string, topics ...domain.TopicID) {
	h.t.Helper()
	outcome := ports.Outcome{Text: text}
	for _, topic := range topics {
		outcome.Suggestions = append(outcome.Suggestions, domain.Suggestion{Topic: topic, Confidence: 0.5})
	}
	h.complete(id, outcome)
}

// complete plays the worker whose outcome this is.
func (h *house) complete(id string, outcome ports.Outcome) {
	h.t.Helper()
	ctx := h.t.Context()
	docID, err := domain.ParseDocumentID(id)
	if err != nil {
		h.t.Fatal(err)
	}
	recovery := domain.Recovery{}.WithDefaults()
	var held domain.Attempt
	doc, err := h.repo.Advance(ctx, docID, func(doc *domain.Document) (err error) {
		held, err = doc.Claim(h.clock.now(), recovery)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	if err := doc.Finish(held, h.clock.now()); err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.repo.Complete(ctx, held, doc, outcome); err != nil {
		h.t.Fatal(err)
	}
}

// is fails the test unless the answer has this status.
func (a *answer) is(status int) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d, want %d; body %s", a.status, status, clip(a.body))
	}
	return a
}

func clip(b []byte) []byte { return b[:min(len(b), 600)] }

// object reads the answer as a JSON object.
func (a *answer) object() map[string]any {
	a.t.Helper()
	var out map[string]any
	if err := json.Unmarshal(a.body, &out); err != nil {
		a.t.Fatalf("body %s: %v", clip(a.body), err)
	}
	return out
}

// list reads the answer as a JSON array of objects.
func (a *answer) list() []map[string]any {
	a.t.Helper()
	var out []map[string]any
	if err := json.Unmarshal(a.body, &out); err != nil {
		a.t.Fatalf("body %s: %v", clip(a.body), err)
	}
	return out
}

// text returns a string of the answer's object.
func (a *answer) text(field string) string {
	a.t.Helper()
	s, ok := a.object()[field].(string)
	if !ok {
		a.t.Fatalf("no text %q in %s", field, clip(a.body))
	}
	return s
}

// names fails the test unless the problem names the field, and returns what it says of it.
func (a *answer) names(field string) string {
	a.t.Helper()
	errs, _ := a.object()["errors"].([]any)
	for _, e := range errs {
		if entry, _ := e.(map[string]any); entry["field"] == field {
			message, _ := entry["message"].(string)
			return message
		}
	}
	a.t.Fatalf("the problem does not name %q: %s", field, clip(a.body))
	return ""
}

// hasReason fails the test unless the problem has this reason.
func (a *answer) hasReason(reason string) *answer {
	a.t.Helper()
	if got := a.object()["reason"]; got != reason {
		a.t.Fatalf("reason %v, want %q: %s", got, reason, clip(a.body))
	}
	return a
}

// eventually waits for a condition that other goroutines bring about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("not in time: %s", what)
		}
	}
}
