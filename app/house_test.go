package app_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/docuvault/docuvault/adapters/memory"
	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

type extractorFunc func(ctx context.Context, source ports.Source) (ports.Extraction, error)

func (f extractorFunc) Extract(ctx context.Context, source ports.Source) (ports.Extraction, error) {
	return f(ctx, source)
}

// plain reads the bytes as text.
func plain(_ context.Context, source ports.Source) (ports.Extraction, error) {
	b, err := io.ReadAll(source.Content)
	return ports.Extraction{Text: string(b)}, err
}

type classifierFunc func(text string, topics []domain.Topic) ([]domain.Suggestion, error)

func (classifierFunc) Name() string { return "test" }

func (f classifierFunc) Classify(_ context.Context, text string, topics []domain.Topic) ([]domain.Suggestion, error) {
	return f(text, topics)
}

// byName suggests the topics whose names stand in the text.
func byName(text string, topics []domain.Topic) (suggestions []domain.Suggestion, err error) {
	for _, topic := range topics {
		if strings.Contains(text, string(topic.Name)) {
			suggestions = append(suggestions, domain.Suggestion{Topic: topic.ID, Confidence: 0.5})
		}
	}
	return suggestions, nil
}

// house is a vault in memory.
type house struct {
	*app.Vault
	processor  *app.Processor
	reconciler *app.Reconciler
	sweeper    *app.Sweeper
	storage    *memory.Storage
	repo       *memory.Repository
	queue      *memory.Queue
	clock      *clock
	extract    extractorFunc
	classify   classifierFunc
}

var recovery = domain.Recovery{}.WithDefaults()

func newHouse(t *testing.T, change ...func(*app.VaultConfig)) *house {
	t.Helper()
	h := &house{clock: &clock{now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}, repo: memory.NewRepository(), queue: &memory.Queue{}, extract: plain, classify: byName}
	h.storage = memory.NewStorage(h.clock.Now)
	links, err := app.NewLinkSigner("a secret for tests")
	if err != nil {
		t.Fatal(err)
	}
	cfg := app.VaultConfig{MaxUpload: 1 << 20, AllowedTypes: []string{"text/plain"}}
	for _, f := range change {
		f(&cfg)
	}
	h.Vault = app.NewVault(cfg, app.VaultDeps{Storage: h.storage, Repo: h.repo, Queue: h.queue, Types: memory.Types{}, Links: links, Trains: h.queue, Now: h.clock.Now})
	h.processor = app.NewProcessor(domain.Recovery{}, app.ProcessorDeps{Storage: h.storage, Repo: h.repo, Now: h.clock.Now,
		Extractor:  extractorFunc(func(ctx context.Context, s ports.Source) (ports.Extraction, error) { return h.extract(ctx, s) }),
		Classifier: classifierFunc(func(text string, topics []domain.Topic) ([]domain.Suggestion, error) { return h.classify(text, topics) })})
	h.reconciler = app.NewReconciler(domain.Recovery{}, app.ReconcilerDeps{Repo: h.repo, Queue: h.queue, Now: h.clock.Now})
	h.sweeper = app.NewSweeper(app.SweeperDeps{Storage: h.storage, Repo: h.repo, Now: h.clock.Now})
	return h
}

func (h *house) upload(t *testing.T, name, content string) domain.Document {
	t.Helper()
	doc, existing, err := h.Upload(t.Context(), domain.Nobody, app.NewUpload{Name: name, Content: strings.NewReader(content), Size: -1})
	if err != nil || existing {
		t.Fatalf("upload %s: existing %t, error %v", name, existing, err)
	}
	return doc
}

func (h *house) document(t *testing.T, id domain.DocumentID) domain.Document {
	t.Helper()
	doc, err := h.Document(t.Context(), domain.Nobody, id)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// work runs what is queued, as a worker does, and returns how many tasks ran.
func (h *house) work(t *testing.T) (ran int) {
	t.Helper()
	for ran < 1000 && h.queue.Work(t.Context(), h.clock.Now(), h.processor.Process) {
		ran++
	}
	return ran
}

func (h *house) objects(t *testing.T) (keys []string) {
	t.Helper()
	err := h.storage.List(t.Context(), "", func(object ports.Object) error {
		keys = append(keys, object.Name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func (h *house) rows(t *testing.T) []domain.Document {
	t.Helper()
	docs, _, err := h.Documents(t.Context(), domain.Nobody, ports.DocumentQuery{Limit: 200})
	if err != nil {
		t.Fatal(err)
	}
	return docs
}

func mustCode(t *testing.T, err error, want domain.Code) {
	t.Helper()
	if got := domain.ErrorCode(err); got != want {
		t.Errorf("got code %q of %v, want %q", got, err, want)
	}
}

var (
	errDown = domain.Errorf(domain.Unavailable, "it is down")
	errRead = errors.New("the connection broke")
)
