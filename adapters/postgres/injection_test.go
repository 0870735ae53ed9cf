package postgres

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/internal/testenv"
	"github.com/docuvault/docuvault/ports"
)

// TestValuesAreParameters gives the repository text that would be SQL, wherever a person can give any: it comes back as it was, and
// no statement ever holds it.
func TestValuesAreParameters(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var statements []string
	outcomes := make(map[string]int)
	store, err := Open(t.Context(), Config{DSN: testenv.Schema(t).AppDSN,
		Observe: func(ctx context.Context, kind, name string, attrs ...slog.Attr) (context.Context, func(string, error)) {
			mu.Lock()
			defer mu.Unlock()
			for _, a := range attrs {
				statements = append(statements, a.Value.String())
			}
			return ctx, func(outcome string, _ error) {
				mu.Lock()
				defer mu.Unlock()
				outcomes[kind+" "+name+" "+outcome]++
			}
		}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close() // the test is over
	ctx := t.Context()
	for i, hostile := range []string{
		`canary'; DROP TABLE documents; --`, `canary' OR '1'='1`, `canary"; --`, `canary\'; SELECT 1; --`, `canary$1 $$ canary`, `canary%_\canary`, "canary'||(SELECT version())||'",
	} {
		topic, err := domain.NewTopic(domain.TopicID{byte(i + 1)}, domain.Nobody, hostile, hostile, "")
		if err != nil {
			t.Fatal(err)
		}
		folder, err := domain.NewFolder(domain.FolderID{byte(i + 1)}, domain.Nobody, domain.FolderID{}, strings.ReplaceAll(hostile, `\`, "")) // which a folder may not have
		if err != nil {
			t.Fatal(err)
		}
		doc := newDoc("a")
		doc.Name, doc.Folder, doc.ContentType, doc.Topics = domain.FileName(hostile), folder.ID, hostile, []domain.Filing{{Topic: topic.ID, Confirmed: true}}
		for _, err := range []error{store.AddTopic(ctx, topic), store.AddFolder(ctx, folder), store.AddDocument(ctx, doc)} {
			if err != nil {
				t.Fatalf("%q: %v", hostile, err)
			}
		}
		if err := store.AddTopic(ctx, topic); domain.ErrorCode(err) != domain.Conflict && domain.ErrorCode(err) != domain.Internal {
			t.Errorf("%q twice: %v", hostile, err)
		}
		found, err := store.ListDocuments(ctx, domain.Nobody, ports.DocumentQuery{NameContains: hostile, Sort: ports.ByName, Limit: 10})
		if err != nil || len(found) != 1 || string(found[0].Name) != hostile || found[0].ContentType != hostile || string(found[0].Topics[0].Name) != hostile {
			t.Errorf("%q: found %+v, %v", hostile, found, err)
		}
		if _, err := store.DocumentByTask(ctx, domain.Nobody, domain.TaskID(hostile)); domain.ErrorCode(err) != domain.NotFound {
			t.Errorf("task %q: %v", hostile, err)
		}
	}
	if len(statements) < 20 {
		t.Errorf("only %d statements were seen", len(statements))
	}
	for _, s := range statements {
		if strings.Contains(s, "canary") {
			t.Errorf("a value is in a statement: %s", s)
		}
	}
	if outcomes["sql INSERT ok"] == 0 || outcomes["sql SELECT ok"] == 0 {
		t.Errorf("outcomes: %v", outcomes)
	}
}
