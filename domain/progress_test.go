package domain_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
)

var (
	noon     = time.Date(2026, 11, 23, 12, 0, 0, 123456789, time.UTC)
	recovery = domain.Recovery{}.WithDefaults()
	reason   = domain.Failure{Code: "corrupt", Message: "cannot be read"}
)

// inStatus makes a document as it stands in a status; a processing one is held by attempt 1 until its lease ends.
func inStatus(t *testing.T, status domain.Status) domain.Document {
	t.Helper()
	doc := domain.NewDocument(domain.Upload{ID: domain.DocumentID(uuid.New()), Task: "task"}, noon, recovery)
	switch status {
	case domain.Pending:
		return doc
	case domain.Processing, domain.Ready, domain.Failed:
		held, err := doc.Claim(noon, recovery)
		if err == nil && status == domain.Ready {
			err = doc.Finish(held, noon)
		}
		if err == nil && status == domain.Failed {
			err = doc.Fail(held, reason, noon)
		}
		if err != nil {
			t.Fatal(err)
		}
	default: // Python's
		doc.Status = status
	}
	return doc
}

// TestMoves tries every move from every status, a status of Python's and a lapsed lease included.
func TestMoves(t *testing.T) {
	t.Parallel()
	const lapsed, archived = "lapsed", "archived"
	later := noon.Add(2 * recovery.Lease)
	claim := func(d *domain.Document, now time.Time) error { _, err := d.Claim(now, recovery); return err }
	moves := map[string]struct {
		move func(d *domain.Document, now time.Time) error
		to   map[domain.Status]domain.Status // where it leads; absent: illegal
	}{
		"claim": {claim, map[domain.Status]domain.Status{domain.Pending: domain.Processing, lapsed: domain.Processing}},
		"finish": {func(d *domain.Document, now time.Time) error { return d.Finish(1, now) },
			map[domain.Status]domain.Status{domain.Processing: domain.Ready, lapsed: domain.Ready}},
		"fail": {func(d *domain.Document, now time.Time) error { return d.Fail(1, reason, now) },
			map[domain.Status]domain.Status{domain.Processing: domain.Failed, lapsed: domain.Failed}},
		"give back": {func(d *domain.Document, now time.Time) error { return d.GiveBack(1, time.Minute, now, recovery) },
			map[domain.Status]domain.Status{domain.Processing: domain.Pending, lapsed: domain.Pending}},
		"release": {func(d *domain.Document, now time.Time) error { return d.Release(1, now, recovery) },
			map[domain.Status]domain.Status{domain.Processing: domain.Pending, lapsed: domain.Pending}},
		"extend": {func(d *domain.Document, now time.Time) error { return d.Extend(1, now, recovery) },
			map[domain.Status]domain.Status{domain.Processing: domain.Processing, lapsed: domain.Processing}},
		"give up": {func(d *domain.Document, now time.Time) error { return d.GiveUp(reason, now) },
			map[domain.Status]domain.Status{domain.Pending: domain.Failed, domain.Processing: domain.Failed, lapsed: domain.Failed}},
		"reprocess": {func(d *domain.Document, now time.Time) error { return d.Reprocess("next", now, recovery) },
			map[domain.Status]domain.Status{domain.Ready: domain.Pending, domain.Failed: domain.Pending, archived: domain.Pending}},
	}
	for name, m := range moves {
		for _, from := range []domain.Status{domain.Pending, domain.Processing, lapsed, domain.Ready, domain.Failed, archived} {
			now, start := noon, from
			if from == lapsed {
				now, start = later, domain.Processing
			}
			doc := inStatus(t, start)
			before := doc
			err := m.move(&doc, now)
			to, legal := m.to[from]
			switch {
			case legal && (err != nil || doc.Status != to):
				t.Errorf("%s from %s: %s, error %v; want %s", name, from, doc.Status, err, to)
			case legal && (doc.Failure != nil) != (to == domain.Failed):
				t.Errorf("%s from %s: failure is %v", name, from, doc.Failure)
			case !legal && err == nil:
				t.Errorf("%s from %s was allowed", name, from)
			case !legal && doc.Progress != before.Progress:
				t.Errorf("%s from %s was refused and changed the document all the same", name, from)
			}
		}
	}
}

func TestOnlyTheHolderRecordsAnOutcome(t *testing.T) {
	t.Parallel()
	doc := inStatus(t, domain.Pending)
	first, err := doc.Claim(noon, recovery)
	if err != nil {
		t.Fatal(err)
	}
	var held *domain.HeldError
	if _, err := doc.Claim(noon.Add(recovery.Lease-time.Second), recovery); !errors.As(err, &held) || !held.Until.Equal(domain.Moment(noon).Add(recovery.Lease)) {
		t.Errorf("a held document was claimed: %v", err)
	}
	late := noon.Add(recovery.Lease)
	second, err := doc.Claim(late, recovery)
	if err != nil || second == first || doc.Requeues != 1 {
		t.Fatalf("takeover: attempt %d, requeues %d, error %v", second, doc.Requeues, err)
	}
	for name, err := range map[string]error{
		"finish": doc.Finish(first, late), "fail": doc.Fail(first, reason, late), "extend": doc.Extend(first, late, recovery),
		"give back": doc.GiveBack(first, 0, late, recovery), "release": doc.Release(first, late, recovery),
	} {
		if domain.ErrorReason(err) != "lost_hold" {
			t.Errorf("%s by the attempt that lost its hold: %v", name, err)
		}
	}
	if err := doc.Finish(second, late); err != nil || doc.Requeues != 0 {
		t.Errorf("finish by the holder: %v", err)
	}
	// Attempts go on counting, or an attempt of the first round could be taken for one of the second.
	if err := doc.Reprocess("again", late, recovery); err != nil {
		t.Fatal(err)
	}
	if third, err := doc.Claim(late, recovery); err != nil || third <= second {
		t.Errorf("attempt %d after %d, error %v", third, second, err)
	}
}

func TestRecover(t *testing.T) {
	t.Parallel()
	patience := recovery.Patience
	for name, c := range map[string]struct {
		status   domain.Status
		after    time.Duration
		requeues int
		queued   bool
		verdict  domain.Verdict
		want     domain.Status
	}{
		"not overdue":                    {domain.Pending, patience - time.Second, 0, false, domain.LeaveIt, domain.Pending},
		"overdue and lost":               {domain.Pending, patience, 0, false, domain.EnqueueIt, domain.Pending},
		"overdue in a long queue":        {domain.Pending, patience, 0, true, domain.LeaveIt, domain.Pending},
		"a long queue is never given up": {domain.Pending, patience, 99, true, domain.LeaveIt, domain.Pending},
		"holder alive":                   {domain.Processing, patience - time.Second, 0, false, domain.LeaveIt, domain.Processing},
		"holder dead, message lost":      {domain.Processing, patience, 0, false, domain.EnqueueIt, domain.Pending},
		"holder dead, message restored":  {domain.Processing, patience, 0, true, domain.LeaveIt, domain.Pending},
		"too many tries":                 {domain.Pending, patience, recovery.MaxRequeues, false, domain.GaveItUp, domain.Failed},
		"ready":                          {domain.Ready, time.Hour, 0, false, domain.LeaveIt, domain.Ready},
		"of Python's":                    {"archived", time.Hour, 0, false, domain.LeaveIt, "archived"},
	} {
		doc := inStatus(t, c.status)
		doc.Requeues = c.requeues
		now := noon.Add(c.after)
		verdict := doc.Recover(c.queued, "new", now, recovery)
		if verdict != c.verdict || doc.Status != c.want || doc.Task != "task" {
			t.Errorf("%s: verdict %d, status %s, task %s", name, verdict, doc.Status, doc.Task)
		}
		if overdue := !doc.Status.Final() && !doc.ReconcileAt.After(domain.Moment(now)); overdue {
			t.Errorf("%s: still overdue after it was recovered", name)
		}
	}
}

// No document waits for the time of a clock that was wrong: what is told to move on later than anybody is ever told may be claimed
// and recovered like what is overdue.
func TestBeyondTheHorizonIsOverdue(t *testing.T) {
	t.Parallel()
	for ahead, overdue := range map[time.Duration]bool{recovery.Horizon(): false, recovery.Horizon() + time.Microsecond: true, 365 * 24 * time.Hour: true} {
		for _, status := range []domain.Status{domain.Pending, domain.Processing} {
			doc := inStatus(t, status)
			doc.ReconcileAt = domain.Moment(noon).Add(ahead)
			if got := doc.Recover(false, "", noon, recovery) == domain.EnqueueIt; got != overdue {
				t.Errorf("%s, %s ahead: recovered %v", status, ahead, got)
			}
		}
		doc := inStatus(t, domain.Processing)
		doc.ReconcileAt = domain.Moment(noon).Add(ahead)
		if _, err := doc.Claim(noon, recovery); (err == nil) != overdue {
			t.Errorf("%s ahead: claimed with %v", ahead, err)
		}
	}
	for _, wait := range []time.Duration{recovery.Lease, recovery.MaxBackoff} {
		doc := inStatus(t, domain.Processing)
		if err := doc.GiveBack(1, wait, noon, recovery); err != nil || doc.ReconcileAt.Sub(noon) > recovery.Horizon() {
			t.Errorf("given back for %s it is beyond the horizon (%v)", wait, err)
		}
	}
}

func TestRecoverGivesPythonsRowsATask(t *testing.T) {
	t.Parallel()
	doc := inStatus(t, domain.Pending)
	doc.Task = ""
	if doc.Recover(false, "new", noon.Add(time.Hour), recovery) != domain.EnqueueIt || doc.Task != "new" {
		t.Errorf("task is %q", doc.Task)
	}
}

// Python enqueues without writing down what: whoever knows the task gives it to a document on its way that has none.
func TestAdopt(t *testing.T) {
	t.Parallel()
	for status, legal := range map[domain.Status]bool{domain.Pending: true, domain.Processing: true, domain.Ready: false, domain.Failed: false, "archived": false} {
		doc := inStatus(t, status)
		if err := doc.Adopt("another", noon, recovery); domain.ErrorReason(err) != "wrong_status" || doc.Task != "task" {
			t.Errorf("%s, with a task of its own: task %s, error %v", status, doc.Task, err)
		}
		doc.Task = ""
		due, later := doc.ReconcileAt, noon.Add(time.Minute)
		err := doc.Adopt("theirs", later, recovery)
		if (err == nil) != legal || (doc.Task == "theirs") != legal || doc.Status != status {
			t.Errorf("%s: task %q, status %s, error %v", status, doc.Task, doc.Status, err)
		}
		// The lease of a holder is its own; a document that waits has all of its patience again.
		want := due
		if status == domain.Pending {
			want = domain.Moment(later).Add(recovery.Patience)
		}
		if !doc.ReconcileAt.Equal(want) {
			t.Errorf("%s: due at %s, want %s", status, doc.ReconcileAt, want)
		}
	}
}

func TestRestoredIsDueAtOnce(t *testing.T) {
	t.Parallel()
	for _, status := range []domain.Status{domain.Pending, domain.Processing, domain.Ready, domain.Failed, "archived"} {
		doc := inStatus(t, status)
		doc.Requeues = recovery.MaxRequeues
		before := doc.Progress
		doc.Restored(noon)
		if status.Final() {
			if doc.Progress != before {
				t.Errorf("%s: became %+v", status, doc.Progress)
			}
			continue
		}
		if doc.Status != domain.Pending || doc.Requeues != 0 || doc.Recover(false, "new", noon, recovery) != domain.EnqueueIt || doc.Task != "new" {
			t.Errorf("%s: became %+v", status, doc.Progress)
		}
	}
}

func TestNotQueuedIsDueAtOnce(t *testing.T) {
	t.Parallel()
	doc := inStatus(t, domain.Pending)
	doc.NotQueued("another task")
	if doc.EnqueuedAt.IsZero() {
		t.Error("a note on an older task was heeded")
	}
	doc.NotQueued("task")
	if !doc.EnqueuedAt.IsZero() || doc.Recover(false, "", noon, recovery) != domain.EnqueueIt {
		t.Errorf("document is %+v", doc.Progress)
	}
}

func TestPausesGrowToABound(t *testing.T) {
	t.Parallel()
	last := time.Duration(0)
	for n := range 1000 {
		pause := recovery.Backoff(n)
		if pause < last || pause > recovery.MaxBackoff || pause < recovery.Patience {
			t.Fatalf("pause %d is %s after %s", n, pause, last)
		}
		last = pause
	}
	if last != recovery.MaxBackoff {
		t.Errorf("the longest pause is %s", last)
	}
}

func TestMomentsAreWhatADatabaseKeeps(t *testing.T) {
	t.Parallel()
	doc := inStatus(t, domain.Pending)
	if !doc.CreatedAt.Equal(time.Date(2026, 11, 23, 12, 0, 0, 123456000, time.UTC)) || doc.CreatedAt.Location() != time.UTC {
		t.Errorf("created at %s", doc.CreatedAt)
	}
}

func TestFilingByAPersonIsConfirmedAndOnce(t *testing.T) {
	t.Parallel()
	a, b := domain.TopicID(uuid.New()), domain.TopicID(uuid.New())
	doc := inStatus(t, domain.Ready)
	doc.Topics = []domain.Filing{{Topic: domain.TopicID(uuid.New())}}
	doc.FileUnder([]domain.TopicID{a, b, a})
	if len(doc.Topics) != 2 || doc.Topics[0].Topic != a || doc.Topics[1].Topic != b || !doc.Topics[0].Confirmed {
		t.Errorf("topics are %+v", doc.Topics)
	}
}
