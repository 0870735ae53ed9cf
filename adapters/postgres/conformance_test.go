package postgres

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/internal/testenv"
	"github.com/docuvault/docuvault/ports"
	"github.com/docuvault/docuvault/ports/repotest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	conformance(t, testenv.Schema)
}

// TestConformanceInContainer runs the suite on a PostgreSQL from a container. A machine without a container daemon cannot.
func TestConformanceInContainer(t *testing.T) {
	t.Parallel()
	if testenv.Containers() {
		t.Skip("TESTENV=containers: TestConformance does that already")
	}
	if ok, why := testenv.DockerAvailable(); !ok {
		t.Skip("no container daemon answers: " + why)
	}
	conformance(t, testenv.SchemaContainer)
}

func conformance(t *testing.T, database func(testing.TB) testenv.Database) {
	t.Helper()
	stores := &emptyStores{t: t, database: database}
	repotest.Run(t, func(t *testing.T) repotest.Harness {
		store := stores.take(t)
		return repotest.Harness{
			Repo:   store,
			People: [2]domain.Owner{addUser(t, store.Store), addUser(t, store.Store)},
			BreakCommit: func(ctx context.Context, tx ports.Repository) error {
				return endBackend(ctx, store.DB(), backendOf(ctx, t, tx))
			},
			Break: store.way.cut,
		}
	})
}

// emptyStores lends out databases and empties them when they come back: quicker than a new one for every test.
type emptyStores struct {
	t        *testing.T // lives longer than those who borrow
	database func(testing.TB) testenv.Database
	mu       sync.Mutex
	free     []reachedStore
}

// reachedStore is a store with the way to its server.
type reachedStore struct {
	*Store
	way *relay
}

func (e *emptyStores) take(t *testing.T) reachedStore {
	t.Helper()
	e.mu.Lock()
	var store reachedStore
	if last := len(e.free) - 1; last >= 0 {
		store, e.free = e.free[last], e.free[:last]
	}
	e.mu.Unlock()
	if store.Store == nil {
		store = openByRelay(e.t, Config{DSN: e.database(e.t).AppDSN})
	}
	t.Cleanup(func() {
		for _, table := range []string{"documents", "topics", "folders", "users"} {
			if _, err := store.DB().ExecContext(context.Background(), "DELETE FROM "+table); err != nil {
				t.Error(err) // and the store is not lent again
				return
			}
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		e.free = append(e.free, store)
	})
	return store
}

func open(t testing.TB, cfg Config) *Store {
	t.Helper()
	store, err := Open(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

func addUser(t testing.TB, store *Store) domain.Owner {
	t.Helper()
	row := userRow{ID: uuid.New(), Handle: uuid.NewString(), Email: uuid.NewString(), PasswordHash: "x"}
	if err := store.db.WithContext(t.Context()).Create(&row).Error; err != nil {
		t.Fatal(err)
	}
	return domain.Owner(row.ID)
}

// backendOf returns the process that serves a transaction.
func backendOf(ctx context.Context, t testing.TB, tx ports.Repository) int {
	t.Helper()
	var pid int
	if err := tx.(session).on(ctx).Raw("SELECT pg_backend_pid()").Scan(&pid).Error; err != nil {
		t.Fatal(err)
	}
	return pid
}

// endBackend ends a server process and waits until it is gone.
func endBackend(ctx context.Context, db *sql.DB, pid int) error {
	if _, err := db.ExecContext(ctx, "SELECT pg_terminate_backend($1)", pid); err != nil {
		return err
	}
	return waitUntil(ctx, func() (bool, error) {
		var there bool
		err := db.QueryRowContext(ctx, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)", pid).Scan(&there)
		return !there, err
	})
}

// waitUntil asks until the answer is yes, for as long as ctx lives and ten seconds at most.
func waitUntil(ctx context.Context, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		yes, err := done()
		if yes || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.New("it did not happen in time")
		}
	}
}
