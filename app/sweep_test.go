package app_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// row adds a document whose bytes were never stored.
func (h *house) row(t *testing.T, change ...func(*domain.Upload)) domain.Document {
	t.Helper()
	id := domain.DocumentID(uuid.New())
	up := domain.Upload{ID: id, Name: "a.txt", Object: domain.NewObjectKey(domain.Nobody, id, uuid.New(), "a.txt"),
		ContentType: "text/plain", Size: 1, Backend: h.storage.Name(), Task: domain.TaskID(uuid.NewString())}
	for _, c := range change {
		c(&up)
	}
	doc := domain.NewDocument(up, h.clock.Now(), recovery)
	if err := h.repo.AddDocument(t.Context(), doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// The nil UUID is an id as good as any; it must not read as "from the beginning".
func TestSweepEndsAtTheNilUUID(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.row(t, func(up *domain.Upload) { up.ID = domain.DocumentID{} })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if report, err := h.sweeper.Sweep(ctx, app.SweepOptions{}); err != nil || report.Documents != 1 {
		t.Errorf("%+v, error %v", report, err)
	}
}

// After a change of backend the old documents are not missing: nothing was asked about them, and nothing of theirs is removed.
func TestSweepSkipsDocumentsStoredElsewhere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.row(t)
	h.row(t, func(up *domain.Upload) { up.Backend = "minio" })
	report, err := h.sweeper.Sweep(t.Context(), app.SweepOptions{Delete: true})
	if err != nil || report.Documents != 2 || report.Missing != 1 || report.Elsewhere != 1 {
		t.Errorf("%+v, error %v", report, err)
	}
}

// A row whose key is not of our shape is damaged, and neither its sweep nor its processing says that bytes are gone.
func TestDamagedObjectKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	doc := h.row(t, func(up *domain.Upload) { up.Object = domain.ObjectKey{} })
	var findings []app.Finding
	report, err := h.sweeper.Sweep(t.Context(), app.SweepOptions{Delete: true, Found: func(f app.Finding) { findings = append(findings, f) }})
	if err != nil || report.Documents != 1 || report.Missing != 0 || report.Damaged != 1 {
		t.Errorf("%+v, error %v", report, err)
	}
	if len(findings) != 1 || findings[0].Kind != app.DamagedKey || findings[0].Document != doc.ID {
		t.Errorf("found %+v", findings)
	}
	if _, err := h.processor.Process(t.Context(), doc.ID); err != nil {
		t.Fatal(err)
	}
	if now := h.document(t, doc.ID); now.Status != domain.Failed || now.Failure.Code != "object_key_damaged" {
		t.Errorf("left as %+v", now.Progress)
	}
}

// orphans stores objects that no row names and lets them grow older than the grace time.
func (h *house) orphans(t *testing.T, n int) {
	t.Helper()
	for range n {
		key := domain.NewObjectKey(domain.Nobody, domain.DocumentID(uuid.New()), uuid.New(), "orphan.txt")
		if _, err := h.storage.Put(t.Context(), key, strings.NewReader("12345"), -1, "text/plain"); err != nil {
			t.Fatal(err)
		}
	}
	h.clock.advance(app.DefaultGrace + time.Second)
}

// What a wrong or an old database would have removed stays until somebody insists.
func TestSweepHasAFuse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		documents, orphans int
		blows              bool
	}{
		"an empty database":             {0, 1, true},
		"nothing but rows":              {3, 0, false},
		"a few orphans":                 {1, 10, false},
		"more than a few, in a small":   {98, 11, true},
		"more than a few, in a large":   {99, 11, false},
		"nothing in either":             {0, 0, false},
		"most of what there is":         {3, 30, true},
		"a database restored too early": {80, 20, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			for range c.documents {
				h.upload(t, "a.txt", "text")
			}
			h.orphans(t, c.orphans)
			found := 0
			options := app.SweepOptions{Delete: true, Found: func(app.Finding) { found++ }}
			report, err := h.sweeper.Sweep(t.Context(), options)
			if !c.blows {
				if err != nil || report.Removed != c.orphans {
					t.Errorf("%+v, error %v", report, err)
				}
				return
			}
			if domain.ErrorCode(err) != domain.Conflict || domain.ErrorReason(err) != "mass_removal" || found != 0 || len(h.objects(t)) != c.documents+c.orphans {
				t.Errorf("%d findings, %d objects left, error %v", found, len(h.objects(t)), err)
			}
			if report, err := h.sweeper.Sweep(t.Context(), app.SweepOptions{}); err != nil || report.Orphans != c.orphans {
				t.Errorf("only looking: %+v, error %v", report, err)
			}
			options.Force = true
			if report, err := h.sweeper.Sweep(t.Context(), options); err != nil || report.Removed != c.orphans || len(h.objects(t)) != c.documents {
				t.Errorf("forced: %+v, error %v", report, err)
			}
		})
	}
}

// slowRow lets a row appear between the first look at its object and the removal, as that of a slow upload does.
type slowRow struct {
	ports.Repository
	looked int
	add    func()
}

func (r *slowRow) NamedObjects(ctx context.Context, keys []domain.ObjectKey) (map[domain.ObjectKey]bool, error) {
	named, err := r.Repository.NamedObjects(ctx, keys)
	if r.looked++; r.looked == 1 {
		r.add()
	}
	return named, err
}

func TestSweepLooksAgainBeforeItRemoves(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.orphans(t, 1)
	key, err := domain.ParseObjectKey(h.objects(t)[0])
	if err != nil {
		t.Fatal(err)
	}
	repo := &slowRow{Repository: h.repo, add: func() { h.row(t, func(up *domain.Upload) { up.Object = key }) }}
	sweeper := app.NewSweeper(app.SweeperDeps{Storage: h.storage, Repo: repo, Now: h.clock.Now})
	report, err := sweeper.Sweep(t.Context(), app.SweepOptions{Delete: true, Force: true})
	if err != nil || report.Orphans != 0 || report.Removed != 0 || len(h.objects(t)) != 1 {
		t.Errorf("%+v, error %v, %d objects left", report, err, len(h.objects(t)))
	}
}
