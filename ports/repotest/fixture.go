package repotest

import (
	"context"
	"crypto/sha256"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
)

// epoch is when the suite's rows begin, with more digits than a database keeps.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 123_456_789, time.FixedZone("somewhere", 3*3600))

var recovery = domain.Recovery{}.WithDefaults()

// fixture is one test's repository, with shorthands that fail the test.
type fixture struct {
	*testing.T
	context.Context
	Harness
	owner, other domain.Owner

	mu    sync.Mutex
	clock time.Time
}

// Deadline is both the test's and the context's; the context's is meant.
func (f *fixture) Deadline() (time.Time, bool) { return f.Context.Deadline() }

// now is a second later each time.
func (f *fixture) now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clock = f.clock.Add(time.Second)
	return f.clock
}

func (f *fixture) ok(err error) {
	f.Helper()
	if err != nil {
		f.Fatalf("unexpected error: %v", err)
	}
}

// code fails the test unless err has the code and the reason.
func (f *fixture) code(err error, code domain.Code, reason string) {
	f.Helper()
	if domain.ErrorCode(err) != code || domain.ErrorReason(err) != reason {
		f.Fatalf("got %v (code %q, reason %q), want code %q, reason %q", err, domain.ErrorCode(err), domain.ErrorReason(err), code, reason)
	}
}

// invalid fails the test unless err is Invalid and names the field.
func (f *fixture) invalid(err error, field string) {
	f.Helper()
	f.code(err, domain.Invalid, "")
	var e *domain.Error
	if !errors.As(err, &e) || len(e.Fields) != 1 || e.Fields[0].Field != field {
		f.Fatalf("got %v, which does not name the field %s alone", err, field)
	}
}

func (f *fixture) equal(what string, got, want any) {
	f.Helper()
	if !reflect.DeepEqual(got, want) {
		f.Fatalf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// upload makes a document that is not in the repository yet.
func (f *fixture) upload(owner domain.Owner, name string, change ...func(*domain.Upload)) domain.Document {
	id := domain.DocumentID(uuid.Must(uuid.NewV7()))
	up := domain.Upload{
		ID: id, Owner: owner, Name: domain.FileName(name), Object: domain.NewObjectKey(owner, id, uuid.New(), domain.FileName(name)),
		ContentType: "application/pdf", Size: 4096, SHA256: sha256.Sum256(id[:]), Backend: "minio", Task: domain.TaskID(uuid.NewString()),
	}
	for _, c := range change {
		c(&up)
	}
	return domain.NewDocument(up, f.now(), recovery)
}

// add adds one of the owner's documents and returns it as it reads back.
func (f *fixture) add(name string, change ...func(*domain.Upload)) domain.Document {
	f.Helper()
	return f.addFor(f.owner, name, change...)
}

func (f *fixture) addFor(owner domain.Owner, name string, change ...func(*domain.Upload)) domain.Document {
	f.Helper()
	doc := f.upload(owner, name, change...)
	f.ok(f.Repo.AddDocument(f, doc))
	return f.read(doc)
}

// read returns a document as it is now.
func (f *fixture) read(doc domain.Document) domain.Document {
	f.Helper()
	now, err := f.Repo.Document(f, doc.Owner, doc.ID)
	f.ok(err)
	return now
}

func (f *fixture) gone(id domain.DocumentID) {
	f.Helper()
	_, err := f.Repo.Document(f, f.owner, id)
	f.code(err, domain.NotFound, "")
}

func (f *fixture) topic(owner domain.Owner, name string) domain.Topic {
	f.Helper()
	topic, err := domain.NewTopic(domain.TopicID(uuid.New()), owner, name, "about "+name, "")
	f.ok(err)
	f.ok(f.Repo.AddTopic(f, topic))
	return topic
}

func newFolder(owner domain.Owner, parent domain.FolderID, name string) domain.Folder {
	return domain.Folder{ID: domain.FolderID(uuid.New()), Owner: owner, Parent: parent, Name: domain.FolderName(name)}
}

func (f *fixture) folder(owner domain.Owner, parent domain.FolderID, name string) domain.Folder {
	f.Helper()
	folder := newFolder(owner, parent, name)
	f.ok(f.Repo.AddFolder(f, folder))
	return folder
}

// claim takes a document and returns it as its holder has it.
func (f *fixture) claim(id domain.DocumentID, now time.Time) (domain.Attempt, domain.Document) {
	f.Helper()
	var held domain.Attempt
	doc, err := f.Repo.Advance(f, id, func(d *domain.Document) (err error) {
		held, err = d.Claim(now, recovery)
		return err
	})
	f.ok(err)
	return held, doc
}

// setStatus puts a document into any status, as Python may.
func (f *fixture) setStatus(id domain.DocumentID, status domain.Status) {
	f.Helper()
	_, err := f.Repo.Advance(f, id, func(d *domain.Document) error {
		d.Status = status
		return nil
	})
	f.ok(err)
}

func inFolder(id domain.FolderID) func(*domain.Upload) {
	return func(up *domain.Upload) { up.Folder = id }
}

func under(topics ...domain.Topic) func(*domain.Upload) {
	return func(up *domain.Upload) {
		for _, topic := range topics {
			up.Topics = append(up.Topics, topic.ID)
		}
	}
}

func filed(topic domain.Topic, confidence *float64) domain.Filing {
	return domain.Filing{Topic: topic.ID, Name: topic.Name, Color: topic.Color, Confirmed: confidence == nil, Confidence: confidence}
}

func byID(a, b domain.Document) int { return slices.Compare(a.ID[:], b.ID[:]) }

func idsOf(docs []domain.Document) []domain.DocumentID {
	ids := make([]domain.DocumentID, len(docs))
	for i, doc := range docs {
		ids[i] = doc.ID
	}
	return ids
}

// atOnce runs n calls that start together and returns their errors.
func atOnce(n int, call func(i int) error) []error {
	errs, start := make([]error, n), make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = call(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// splitByCode counts errors by code; nil counts under "".
func splitByCode(errs []error) map[domain.Code]int {
	counts := map[domain.Code]int{}
	for _, err := range errs {
		counts[domain.ErrorCode(err)]++
	}
	return counts
}

var errOwn = errors.New("the test's own error")
