package observed_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/docuvault/docuvault/adapters/memory"
	"github.com/docuvault/docuvault/adapters/observed"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type markKey struct{}

// book notes what an observer is told, and whether the operation ran in the context it gave.
type book struct{ lines []string }

func (b *book) observe(ctx context.Context, kind, name string, attrs ...slog.Attr) (context.Context, func(string, error)) {
	for _, a := range attrs {
		if strings.Contains(a.Value.String(), "canary") {
			b.lines = append(b.lines, "TOLD TOO MUCH: "+a.String())
		}
	}
	return context.WithValue(ctx, markKey{}, b), func(outcome string, err error) {
		line := kind + " " + name + " " + outcome
		if err != nil {
			line += " !"
		}
		b.lines = append(b.lines, line)
	}
}

func (b *book) is(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(b.lines, want) {
		t.Errorf("told:\n  %s\nwant:\n  %s", strings.Join(b.lines, "\n  "), strings.Join(want, "\n  "))
	}
}

func TestStorage(t *testing.T) {
	t.Parallel()
	inner := memory.NewStorage(time.Now)
	var told book
	store := observed.NewStorage(inner, told.observe)
	inner.Before(func(ctx context.Context, _ memory.StorageOp, _ domain.ObjectKey) error {
		if ctx.Value(markKey{}) != &told {
			return errors.New("the operation has another context")
		}
		return nil
	})
	ctx := t.Context()
	key := domain.NewObjectKey(domain.Nobody, domain.DocumentID(uuid.New()), uuid.New(), "canary.txt")
	if _, err := store.Put(ctx, key, strings.NewReader("canary-text"), -1, "text/plain"); err != nil {
		t.Fatal(err)
	}
	body, _, err := store.Get(ctx, key, ports.Range{})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(body); err != nil || string(text) != "canary-text" || body.Close() != nil {
		t.Errorf("%q, %v", text, err)
	}
	_, _ = store.Put(ctx, key, strings.NewReader("again"), -1, "")
	_ = store.Delete(ctx, key)
	_, _ = store.Stat(ctx, key)
	_ = store.List(ctx, "", func(ports.Object) error { return nil })
	inner.Before(nil)
	inner.Down()
	_ = store.Health(ctx)
	told.is(t, "storage put ok", "storage get ok", "storage put conflict", "storage delete ok", "storage stat not_found", "storage list ok", "storage health unavailable !")
	if store.Name() != inner.Name() {
		t.Errorf("its name is %s", store.Name())
	}
}

type extractor struct{ err error }

func (e extractor) Extract(context.Context, ports.Source) (ports.Extraction, error) {
	return ports.Extraction{}, e.err
}

func TestExtractor(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"ok":            nil,
		"encrypted":     domain.Errorf(domain.Unreadable, "needs a password").Because(ports.ReasonEncrypted),
		"unreadable":    domain.Errorf(domain.Unreadable, "something else").Because("canary"),
		"unavailable !": domain.Errorf(domain.Unavailable, "no reader"),
		"canceled !":    context.Canceled,
		"internal !":    errors.New("a fault"),
	} {
		var told book
		_, _ = observed.NewExtractor(extractor{err}, told.observe).Extract(t.Context(), ports.Source{Name: "canary.pdf", ContentType: "application/pdf", Content: strings.NewReader("canary")})
		told.is(t, "extraction application/pdf "+want)
	}
}

func TestQueueAndClassifier(t *testing.T) {
	t.Parallel()
	var told book
	queue := observed.NewQueue(&memory.Queue{}, told.observe)
	if err := queue.Enqueue(t.Context(), "task", domain.DocumentID(uuid.New()), time.Now()); err != nil {
		t.Fatal(err)
	}
	snapshot, err := queue.Snapshot(t.Context())
	if err != nil || snapshot.Waiting != 1 {
		t.Errorf("%+v, %v", snapshot, err)
	}
	_, _ = queue.Task(t.Context(), "task")
	_ = queue.Health(t.Context())
	classifier := observed.NewClassifier(&memory.Classifier{}, told.observe)
	if _, err := classifier.Classify(t.Context(), "canary-text", nil); err != nil {
		t.Fatal(err)
	}
	told.is(t, "queue enqueue ok", "queue snapshot ok", "queue task ok", "queue health ok", "classification "+classifier.Name()+" ok")
}

// Several are told, the inner one last and first to hear of the end; with nobody to tell there is nothing in between.
func TestAll(t *testing.T) {
	t.Parallel()
	inner := memory.NewStorage(time.Now)
	if observed.All(nil, nil) != nil || observed.NewStorage(inner, observed.All()) != ports.StorageBackend(inner) {
		t.Error("something is put around for nobody")
	}
	var order []string
	note := func(name string) observed.Observer {
		return func(ctx context.Context, _, _ string, _ ...slog.Attr) (context.Context, func(string, error)) {
			order = append(order, "begin "+name)
			return ctx, func(string, error) { order = append(order, "end "+name) }
		}
	}
	_, end := observed.All(note("a"), nil, note("b"))(t.Context(), "kind", "name")
	end("ok", nil)
	if want := []string{"begin a", "begin b", "end b", "end a"}; !slices.Equal(order, want) {
		t.Errorf("order: %v", order)
	}
}
