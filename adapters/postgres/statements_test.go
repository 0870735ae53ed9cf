package postgres

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/internal/testenv"
	"github.com/docuvault/docuvault/ports"
)

// recorder is a pgx.QueryTracer that keeps what goes to the server, BEGIN and COMMIT included.
type recorder struct {
	mu         sync.Mutex
	statements []string
}

func (r *recorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.statements = append(r.statements, data.SQL)
	return ctx
}

func (r *recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// take returns the statements since the last time, by their first words.
func (r *recorder) take() (verbs, texts []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	texts, r.statements = r.statements, nil
	for _, text := range texts {
		verb, _, _ := strings.Cut(strings.TrimSpace(text), " ")
		verbs = append(verbs, strings.ToUpper(strings.Trim(verb, ";")))
	}
	return verbs, texts
}

// TestStatements counts what each step of an upload's way costs, and sees that none but DocumentText reads a text.
func TestStatements(t *testing.T) {
	t.Parallel()
	cfg := Config{DSN: testenv.Schema(t).AppDSN}.withDefaults()
	conn, err := cfg.connConfig()
	if err != nil {
		t.Fatal(err)
	}
	var rec recorder
	conn.Tracer = &rec
	store, err := openConn(t.Context(), cfg, conn, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close() // the test is over
	ctx, recovery := t.Context(), domain.Recovery{}.WithDefaults()
	topic, err := domain.NewTopic(domain.TopicID{1}, domain.Nobody, "topic", "", "")
	if err != nil {
		t.Fatal(err)
	}
	doc := newDoc("a")
	filed := newDoc("b")
	filed.Topics = []domain.Filing{{Topic: topic.ID, Confirmed: true}}
	var held domain.Attempt
	var mine domain.Document
	claim := func(d *domain.Document) (err error) { held, err = d.Claim(time.Now(), recovery); return err }
	steps := []struct {
		name string
		want string
		do   func() error
	}{
		{"AddTopic", "INSERT", func() error { return store.AddTopic(ctx, topic) }},
		{"AddDocument", "INSERT", func() error { return store.AddDocument(ctx, doc) }},
		{"AddDocument under a topic", "BEGIN SELECT INSERT INSERT COMMIT", func() error { return store.AddDocument(ctx, filed) }},
		{"Advance", "SELECT UPDATE", func() (err error) { mine, err = store.Advance(ctx, doc.ID, claim); return err }},
		{"Advance that does nothing", "SELECT", func() error {
			_, err := store.Advance(ctx, doc.ID, func(*domain.Document) error { return nil })
			return err
		}},
		{"Complete", "WITH", func() error {
			if err := mine.Finish(held, time.Now()); err != nil {
				return err
			}
			_, err := store.Complete(ctx, held, mine, ports.Outcome{Text: "t", Suggestions: []domain.Suggestion{{Topic: topic.ID, Confidence: 1}}})
			return err
		}},
		{"Complete of a failure", "SELECT UPDATE UPDATE SELECT", func() (err error) {
			if mine, err = store.Advance(ctx, filed.ID, claim); err != nil {
				return err
			}
			if err := mine.Fail(held, domain.Failure{Code: "c"}, time.Now()); err != nil {
				return err
			}
			_, err = store.Complete(ctx, held, mine, ports.Outcome{})
			return err
		}},
		{"Document", "SELECT SELECT", func() error { _, err := store.Document(ctx, domain.Nobody, doc.ID); return err }},
		{"ListDocuments", "SELECT SELECT", func() error {
			_, err := store.ListDocuments(ctx, domain.Nobody, ports.DocumentQuery{Limit: 10})
			return err
		}},
		{"DocumentByContent", "SELECT SELECT", func() error { _, err := store.DocumentByContent(ctx, domain.Nobody, doc.SHA256); return err }},
		{"DocumentByTask", "SELECT SELECT", func() error { _, err := store.DocumentByTask(ctx, domain.Nobody, doc.Task); return err }},
		{"DocumentsAfter", "SELECT", func() error { _, err := store.DocumentsAfter(ctx, nil, 10); return err }},
		{"RecoverOverdue", "BEGIN SELECT COMMIT", func() error {
			_, err := store.RecoverOverdue(ctx, ports.Overdue{By: time.Now(), Limit: 10}, func(*domain.Document) domain.Verdict { return domain.LeaveIt })
			return err
		}},
		{"EditDocument", "BEGIN SELECT SELECT UPDATE SELECT COMMIT", func() error {
			_, err := store.EditDocument(ctx, domain.Nobody, doc.ID, time.Now(), func(d *domain.Document) error { d.Name = "c"; return nil })
			return err
		}},
		{"ListTopics", "SELECT", func() error { _, err := store.ListTopics(ctx, domain.Nobody); return err }},
		{"ListFolders", "WITH", func() error { _, err := store.ListFolders(ctx, domain.Nobody); return err }},
		{"DeleteDocument", "DELETE", func() error { _, err := store.DeleteDocument(ctx, domain.Nobody, doc.ID); return err }},
		{"Health", "SELECT", func() error { return store.Health(ctx) }},
	}
	rec.take()
	for _, step := range steps {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		verbs, texts := rec.take()
		if got := strings.Join(verbs, " "); got != step.want {
			t.Errorf("%s: %s, want %s\n%s", step.name, got, step.want, strings.Join(texts, "\n"))
		}
		for _, text := range texts {
			reads := !strings.HasPrefix(text, "INSERT") && strings.Contains(text, "documents")
			if reads && (strings.Contains(text, "documents.*") || strings.Contains(text, `SELECT * FROM "documents"`) ||
				step.name != "Complete" && strings.Contains(text, "extracted_text")) {
				t.Errorf("%s reads texts: %s", step.name, text)
			}
		}
	}
}
