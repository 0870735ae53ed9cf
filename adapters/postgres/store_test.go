package postgres

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/internal/testenv"
	"github.com/docuvault/docuvault/ports"
)

func wantCode(t *testing.T, err error, code domain.Code) {
	t.Helper()
	if domain.ErrorCode(err) != code {
		t.Fatalf("got %v (code %q), want code %q", err, domain.ErrorCode(err), code)
	}
}

// newDoc makes a document of nobody's.
func newDoc(name string) domain.Document {
	id := domain.DocumentID(uuid.Must(uuid.NewV7()))
	return domain.NewDocument(domain.Upload{
		ID: id, Name: domain.FileName(name), Object: domain.NewObjectKey(domain.Nobody, id, uuid.New(), domain.FileName(name)),
		ContentType: "text/plain", Size: 1, SHA256: domain.Digest{1}, Backend: "minio", Task: domain.TaskID(uuid.NewString()),
	}, time.Now(), domain.Recovery{}.WithDefaults())
}

func added(t *testing.T, store *Store, name string) domain.Document {
	t.Helper()
	doc := newDoc(name)
	if err := store.AddDocument(t.Context(), doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func exec(t *testing.T, store *Store, statement string, args ...any) {
	t.Helper()
	if _, err := store.DB().ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// TestStaleConnections ends every pooled connection on the server's side: the next queries do not notice.
func TestStaleConnections(t *testing.T) {
	t.Parallel()
	db := testenv.Schema(t)
	store, super := open(t, Config{DSN: db.AppDSN, MaxConns: 4}), open(t, Config{DSN: db.SuperDSN})
	for range 3 {
		atTheSameTime(t, store, 4)
		exec(t, super, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'docuvault_app' AND datname = current_database()")
		err := waitUntil(t.Context(), func() (bool, error) {
			var left int
			err := super.DB().QueryRowContext(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE usename = 'docuvault_app' AND datname = current_database()").Scan(&left)
			return left == 0, err
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 8 {
			if err := store.Health(t.Context()); err != nil {
				t.Fatal("a dead connection was used:", err)
			}
		}
		added(t, store, "after")
	}
}

// atTheSameTime opens n connections of the pool.
func atTheSameTime(t *testing.T, store *Store, n int) {
	t.Helper()
	var inside, done sync.WaitGroup
	inside.Add(n)
	for range n {
		done.Go(func() {
			var arrived sync.Once
			err := store.Tx(t.Context(), func(tx ports.Repository) error {
				arrived.Do(inside.Done)
				inside.Wait()
				return tx.Health(t.Context())
			})
			arrived.Do(inside.Done) // one that never began keeps nobody waiting
			if err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
}

// TestServerGoesAway: Unavailable while it is gone, well again when it is back.
func TestServerGoesAway(t *testing.T) {
	t.Parallel()
	server := testenv.OwnPostgres(t)
	db := server.Schema(t)
	store := open(t, Config{DSN: db.AppDSN})
	doc := added(t, store, "a")
	server.Kill(t)
	wantCode(t, store.Health(t.Context()), domain.Unavailable)
	_, err := store.Document(t.Context(), domain.Nobody, doc.ID)
	wantCode(t, err, domain.Unavailable)
	wantCode(t, store.Tx(t.Context(), func(ports.Repository) error { return nil }), domain.Unavailable)
	_, err = Open(t.Context(), Config{DSN: db.AppDSN}, nil)
	wantCode(t, err, domain.Unavailable)
	server.Start(t)
	if _, err := store.Document(t.Context(), domain.Nobody, doc.ID); err != nil {
		t.Fatal("after the server came back:", err)
	}
	err = store.Tx(t.Context(), func(tx ports.Repository) error {
		if err := tx.AddDocument(t.Context(), newDoc("lost")); err != nil {
			return err
		}
		server.Kill(t)
		return nil
	})
	wantCode(t, err, domain.Unavailable)
	server.Start(t)
	page, err := store.ListDocuments(t.Context(), domain.Nobody, ports.DocumentQuery{Limit: 10})
	if err != nil || len(page) != 1 || page[0].ID != doc.ID {
		t.Fatalf("after a crash before the commit: %v %v", page, err)
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	db := testenv.Schema(t)
	python := strings.Replace(db.AppDSN, "postgres://", "postgresql+psycopg://", 1)
	if python == db.AppDSN {
		t.Fatal("the address is not of the form this test knows")
	}
	if err := open(t, Config{DSN: python}).Health(t.Context()); err != nil {
		t.Fatal(err)
	}
	const secret = "hunter2"
	for dsn, code := range map[string]domain.Code{
		"postgres://app:" + secret + "@localhost:99999/x": domain.Invalid,
		"mysql://app:" + secret + "@localhost/x":          domain.Invalid,
		"":                                                domain.Invalid,
		"postgres://app:" + secret + "@127.0.0.1:1/x":                                  domain.Unavailable,
		strings.Replace(db.AppDSN, "docuvault_app:", "docuvault_app:"+secret, 1):       domain.Unavailable,
		strings.Replace(db.AppDSN, "/"+db.Name, "/no_such_database", 1):                domain.Unavailable,
		"host=127.0.0.1 port=1 user=app dbname=x connect_timeout=1 password=" + secret: domain.Unavailable,
	} {
		_, err := Open(t.Context(), Config{DSN: dsn}, nil)
		if domain.ErrorCode(err) != code {
			t.Errorf("%s: got %v, want %s", dsn, err, code)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

func TestSessionSettings(t *testing.T) {
	t.Parallel()
	db := testenv.Schema(t)
	separator := "?"
	if strings.Contains(db.AppDSN, "?") {
		separator = "&"
	}
	store := open(t, Config{DSN: db.AppDSN + separator + "lock_timeout=1234", StatementTimeout: 5 * time.Second})
	for name, want := range map[string]string{
		"statement_timeout": "5s", "lock_timeout": "1234ms", "idle_in_transaction_session_timeout": "30s", "TimeZone": "UTC",
		"application_name": "docuvault", "transaction_isolation": "read committed",
	} {
		var got string
		if err := store.DB().QueryRowContext(t.Context(), "SELECT current_setting($1)", name).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	db := testenv.Schema(t)
	t.Run("a statement takes too long", func(t *testing.T) {
		t.Parallel()
		store := open(t, Config{DSN: db.AppDSN, StatementTimeout: 50 * time.Millisecond})
		wantCode(t, translate(t.Context(), store.on(t.Context()).Exec("SELECT pg_sleep(30)").Error), domain.Unavailable)
	})
	t.Run("the caller goes away meanwhile", func(t *testing.T) {
		t.Parallel()
		store := open(t, Config{DSN: db.AppDSN})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { // ends with the cancel at the latest
			_ = waitUntil(ctx, func() (bool, error) {
				var sleeping bool
				err := store.DB().QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(29)')").Scan(&sleeping)
				return sleeping, err
			})
			cancel()
		}()
		wantCode(t, translate(ctx, store.on(ctx).Exec("SELECT pg_sleep(29)").Error), domain.Canceled)
	})
	t.Run("a lock is held too long", func(t *testing.T) {
		t.Parallel()
		store := open(t, Config{DSN: db.AppDSN, LockTimeout: 50 * time.Millisecond})
		doc := added(t, store, "a")
		err := store.Tx(t.Context(), func(tx ports.Repository) error {
			rename := func(d *domain.Document) error { d.Name = "b"; return nil }
			if _, err := tx.EditDocument(t.Context(), domain.Nobody, doc.ID, time.Now(), rename); err != nil {
				return err
			}
			_, err := store.EditDocument(t.Context(), domain.Nobody, doc.ID, time.Now(), rename)
			wantCode(t, err, domain.Unavailable)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	t.Run("a transaction that is forgotten", func(t *testing.T) {
		t.Parallel()
		store, other := open(t, Config{DSN: db.AppDSN, IdleInTransactionTimeout: 50 * time.Millisecond}), open(t, Config{DSN: db.AppDSN})
		doc := newDoc("a")
		err := store.Tx(t.Context(), func(tx ports.Repository) error {
			if err := tx.AddDocument(t.Context(), doc); err != nil {
				return err
			}
			pid := backendOf(t.Context(), t, tx)
			return waitUntil(t.Context(), func() (bool, error) {
				var there bool
				err := other.DB().QueryRowContext(t.Context(), "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)", pid).Scan(&there)
				return !there, err
			})
		})
		wantCode(t, err, domain.Unavailable)
		_, err = other.Document(t.Context(), domain.Nobody, doc.ID)
		wantCode(t, err, domain.NotFound)
	})
	t.Run("no connection is free", func(t *testing.T) {
		t.Parallel()
		store := open(t, Config{DSN: db.AppDSN, MaxConns: 1})
		err := store.Tx(t.Context(), func(ports.Repository) error {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			wantCode(t, store.Health(ctx), domain.Unavailable)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestTooManyConnections(t *testing.T) {
	t.Parallel()
	db := testenv.Schema(t)
	super := open(t, Config{DSN: db.SuperDSN, MaxConns: 1})
	exec(t, super, "ALTER DATABASE "+db.Name+" CONNECTION LIMIT 2") // super itself is one
	store := open(t, Config{DSN: db.AppDSN})
	err := store.Tx(t.Context(), func(ports.Repository) error {
		wantCode(t, store.Health(t.Context()), domain.Unavailable)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Health(t.Context()); err != nil {
		t.Fatal("after the connection was given back:", err)
	}
}

// TestLocksOfDifferentContent: only the same content of the same owner waits.
func TestLocksOfDifferentContent(t *testing.T) {
	t.Parallel()
	store := open(t, Config{DSN: testenv.Schema(t).AppDSN, LockTimeout: 2 * time.Second})
	owner, other := domain.Owner(uuid.New()), domain.Owner(uuid.New())
	err := store.Tx(t.Context(), func(tx ports.Repository) error {
		if err := tx.LockContent(t.Context(), owner, domain.Digest{1}); err != nil {
			return err
		}
		return errors.Join(
			store.Tx(t.Context(), func(tx ports.Repository) error { return tx.LockContent(t.Context(), owner, domain.Digest{2}) }),
			store.Tx(t.Context(), func(tx ports.Repository) error { return tx.LockContent(t.Context(), other, domain.Digest{1}) }),
		)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestRecoverPassesOver: a row that another transaction is at is not waited for.
func TestRecoverPassesOver(t *testing.T) {
	t.Parallel()
	store := open(t, Config{DSN: testenv.Schema(t).AppDSN, LockTimeout: time.Second})
	a, b := added(t, store, "a"), added(t, store, "b")
	leave := func(*domain.Document) domain.Verdict { return domain.LeaveIt }
	later := time.Now().Add(time.Hour)
	err := store.Tx(t.Context(), func(tx ports.Repository) error {
		mine, err := tx.RecoverOverdue(t.Context(), ports.Overdue{By: later, Limit: 1}, leave)
		if err != nil || len(mine) != 1 || mine[0].Document.ID != a.ID {
			t.Errorf("first caller: %v %v", mine, err)
		}
		theirs, err := store.RecoverOverdue(t.Context(), ports.Overdue{By: later, Limit: 10}, leave)
		if err != nil || len(theirs) != 1 || theirs[0].Document.ID != b.ID {
			t.Errorf("second caller: %v %v", theirs, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestSlowStatements are logged without what people store.
func TestSlowStatements(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	store, err := Open(t.Context(), Config{DSN: testenv.Schema(t).AppDSN, SlowStatement: 1}, log)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.AddDocument(t.Context(), newDoc("private name")); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); !strings.Contains(text, "slow statement") || !strings.Contains(text, "INSERT INTO") || strings.Contains(text, "private name") {
		t.Errorf("logged %s", text)
	}
}

// TestEditDuringAMove: a move that leaves updated_at alone does not take an edit's back.
func TestEditDuringAMove(t *testing.T) {
	t.Parallel()
	store := open(t, Config{DSN: testenv.Schema(t).AppDSN})
	doc, edited := added(t, store, "a"), domain.Moment(time.Now().Add(time.Minute))
	calls := 0
	_, err := store.Advance(t.Context(), doc.ID, func(d *domain.Document) error {
		d.Requeues++
		if calls++; calls > 1 {
			return nil
		}
		_, err := store.EditDocument(t.Context(), domain.Nobody, doc.ID, edited, func(d *domain.Document) error { d.Name = "b"; return nil })
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	now, err := store.Document(t.Context(), domain.Nobody, doc.ID)
	if err != nil || now.Name != "b" || !now.UpdatedAt.Equal(edited) || now.Requeues != 1 {
		t.Errorf("read as %+v, %v", now, err)
	}
}
