package memory

import (
	"bytes"
	"context"
	"maps"
	"reflect"
	"sync"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Repository is a ports.Repository in maps. It is safe for concurrent use: one call, or one transaction, at a time. Names sort
// by their bytes.
type Repository struct {
	unit
	faultsMu sync.Mutex
	faults   map[string]error
}

var (
	_ ports.Repository = (*Repository)(nil)
	_ ports.Repository = unit{}
)

// NewRepository makes an empty repository.
func NewRepository() *Repository {
	r := &Repository{faults: map[string]error{}}
	r.unit = unit{repo: r, rows: &rows{
		documents: map[domain.DocumentID]storedDocument{},
		topics:    map[domain.TopicID]domain.Topic{},
		folders:   map[domain.FolderID]domain.Folder{},
	}, mu: &sync.Mutex{}}
	return r
}

// Commit names the end of a transaction, for Fail.
const Commit = "Commit"

// Fail makes every call of a method, named as in ports.Repository, return err before it does anything, until Fail(method, nil).
// With Commit a transaction fails when it would end well, and nothing of it is kept.
func (r *Repository) Fail(method string, err error) {
	if _, ok := reflect.TypeFor[ports.Repository]().MethodByName(method); !ok && method != Commit {
		panic("memory: ports.Repository has no method " + method) // a mistake in a test, which would otherwise test nothing
	}
	r.faultsMu.Lock()
	defer r.faultsMu.Unlock()
	r.faults[method] = err
}

// Down makes every method and every commit return Unavailable until Up.
func (r *Repository) Down() {
	down := domain.Errorf(domain.Unavailable, "the database is not available at the moment")
	methods := reflect.TypeFor[ports.Repository]()
	for i := range methods.NumMethod() {
		r.Fail(methods.Method(i).Name, down)
	}
	r.Fail(Commit, down)
}

// Up takes back every Fail and Down.
func (r *Repository) Up() {
	r.faultsMu.Lock()
	defer r.faultsMu.Unlock()
	clear(r.faults)
}

func (r *Repository) fault(method string) error {
	r.faultsMu.Lock()
	defer r.faultsMu.Unlock()
	return r.faults[method]
}

// rows is everything there is. Values in the maps are never changed in place, so a copy of the maps is a snapshot.
type rows struct {
	documents map[domain.DocumentID]storedDocument
	topics    map[domain.TopicID]domain.Topic
	folders   map[domain.FolderID]domain.Folder
}

type storedDocument struct {
	domain.Document // its filings without the topics' names and colours
	text            string
	pageStarts      []int
}

// unit is the repository as one call or one transaction sees it.
type unit struct {
	repo *Repository
	rows *rows
	mu   *sync.Mutex // nil inside a transaction, which holds it
}

// enter begins a method; leave ends it.
func (u unit) enter(ctx context.Context, method string) (leave func(), err error) {
	if err := canceled(ctx); err != nil {
		return nil, err
	}
	if err := u.repo.fault(method); err != nil {
		return nil, err
	}
	if u.mu == nil {
		return func() {}, nil
	}
	u.mu.Lock()
	return u.mu.Unlock, nil
}

func canceled(ctx context.Context) error {
	return domain.ContextError(ctx, "the database is not available at the moment")
}

// Tx implements ports.Repository.
func (u unit) Tx(ctx context.Context, fn func(ports.Repository) error) error {
	leave, err := u.enter(ctx, "Tx")
	if err != nil {
		return err
	}
	defer leave()
	if u.mu == nil {
		return fn(u)
	}
	before := rows{maps.Clone(u.rows.documents), maps.Clone(u.rows.topics), maps.Clone(u.rows.folders)}
	committed := false
	defer func() { // also on a panic, which goes on
		if !committed {
			*u.rows = before
		}
	}()
	if err := fn(unit{repo: u.repo, rows: u.rows}); err != nil {
		return err
	}
	if err := canceled(ctx); err != nil {
		return err
	}
	if err := u.repo.fault(Commit); err != nil {
		return err
	}
	committed = true
	return nil
}

// Health implements ports.Repository.
func (u unit) Health(ctx context.Context) error {
	leave, err := u.enter(ctx, "Health")
	if err != nil {
		return err
	}
	leave()
	return nil
}

func notFound(what string) error { return domain.Errorf(domain.NotFound, "there is no such %s", what) }

func compareIDs(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) }
