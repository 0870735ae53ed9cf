package repotest

import (
	"fmt"
	"sync"
	"time"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func recoverTests() map[string]func(*fixture) {
	return map[string]func(*fixture){
		"recover/the longest overdue first":          recoverOrder,
		"recover/stores what was decided":            recoverStores,
		"recover/each row goes to one of 8 callers":  recoverOnce,
		"recover/a caller that decides is no wait":   recoverBeside,
		"recover/a panic stores nothing":             recoverPanic,
		"recover/final and unknown statuses are not": recoverFinal,
		"recover/what waits in the queue is not":     recoverQueued,
		"recover/what a wrong clock put far ahead":   recoverBeyond,
	}
}

// waiting adds documents that are due one second after the other, and returns them in that order.
func (f *fixture) waiting(n int) []domain.Document {
	f.Helper()
	docs := make([]domain.Document, n)
	for i := range docs {
		owner := f.owner
		if i%2 == 1 {
			owner = f.other
		}
		doc := f.upload(owner, fmt.Sprint(i))
		doc.ReconcileAt = domain.Moment(epoch.Add(time.Duration((i*7)%n) * time.Second))
		if i%3 == 0 {
			doc.Status, doc.Attempts = domain.Processing, 1
		}
		f.ok(f.Repo.AddDocument(f, doc))
		docs[(i*7)%n] = doc
	}
	return docs
}

func (f *fixture) recover(now time.Time, limit int, decide func(*domain.Document) domain.Verdict) []ports.Recovered {
	f.Helper()
	recovered, err := f.Repo.RecoverOverdue(f, ports.Overdue{By: now, Limit: limit}, decide)
	f.ok(err)
	return recovered
}

func recoverOrder(f *fixture) {
	docs := f.waiting(10)
	leave := func(*domain.Document) domain.Verdict { return domain.LeaveIt }
	for _, c := range []struct{ after, limit, want int }{{-1, 5, 0}, {0, 5, 1}, {3, 5, 4}, {9, 5, 5}, {9, 100, 10}} {
		recovered := f.recover(docs[0].ReconcileAt.Add(time.Duration(c.after)*time.Second), c.limit, leave)
		var got []domain.Document
		for _, r := range recovered {
			got = append(got, r.Document)
		}
		f.equal(fmt.Sprintf("%d s on, limit %d", c.after, c.limit), idsOf(got), idsOf(docs[:c.want]))
	}
	for _, doc := range docs {
		f.equal("a document left as it is", f.read(doc), doc)
	}
}

func recoverStores(f *fixture) {
	docs := f.waiting(10)
	now := f.now()
	verdicts := []domain.Verdict{domain.LeaveIt, domain.EnqueueIt, domain.GaveItUp}
	n := 0
	recovered := f.recover(now, 9, func(d *domain.Document) domain.Verdict {
		n++
		d.Name = "not for decide to change"
		switch n % 3 {
		case 1:
			return d.Recover(false, "", now, recovery)
		case 2:
			d.Requeues = recovery.MaxRequeues
			return d.Recover(false, "", now, recovery)
		default:
			return domain.LeaveIt
		}
	})
	f.equal("recovered", len(recovered), 9)
	for i, r := range recovered {
		want := docs[i]
		switch i % 3 {
		case 0:
			want.Recover(false, "", now, recovery)
		case 1:
			want.Requeues = recovery.MaxRequeues
			want.Recover(false, "", now, recovery)
		}
		f.equal("verdict", r.Verdict, verdicts[(i+1)%3])
		f.equal("returned", r.Document.Progress, want.Progress)
		f.equal("stored", f.read(docs[i]), want)
	}
	f.equal("one beyond the limit", f.read(docs[9]), docs[9])
}

func recoverOnce(f *fixture) {
	docs := f.waiting(40)
	now := f.now().Add(time.Hour)
	var mu sync.Mutex
	taken := map[domain.DocumentID]int{}
	errs := atOnce(8, func(int) error {
		for {
			recovered, err := f.Repo.RecoverOverdue(f, ports.Overdue{By: now, Limit: 3}, func(d *domain.Document) domain.Verdict {
				return d.Recover(false, "", now, recovery)
			})
			if err != nil || len(recovered) == 0 {
				return err
			}
			mu.Lock()
			for _, r := range recovered {
				taken[r.Document.ID]++
			}
			mu.Unlock()
		}
	})
	f.equal("results", splitByCode(errs), map[domain.Code]int{"": 8})
	for _, doc := range docs {
		if taken[doc.ID] != 1 {
			f.Errorf("document %s was taken %d times", doc.Name, taken[doc.ID])
		}
		f.equal("requeues", f.read(doc).Requeues, 1)
	}
}

// recoverBeside has a second caller come while the first is still deciding: it gets the rows that are left, at once.
func recoverBeside(f *fixture) {
	if f.Serial {
		return
	}
	docs := f.waiting(4)
	leave := func(*domain.Document) domain.Verdict { return domain.LeaveIt }
	var beside []ports.Recovered
	first := f.recover(f.now(), 2, func(*domain.Document) domain.Verdict {
		if beside == nil {
			beside = f.recover(f.now(), 10, leave)
		}
		return domain.LeaveIt
	})
	f.equal("taken by the first", len(first), 2)
	var got []domain.Document
	for _, r := range beside {
		got = append(got, r.Document)
	}
	f.equal("taken beside it", idsOf(got), idsOf(docs[2:]))
}

func recoverPanic(f *fixture) {
	docs := f.waiting(4)
	n := 0
	value := f.panics(func() {
		_, _ = f.Repo.RecoverOverdue(f, ports.Overdue{By: f.now(), Limit: 4}, func(d *domain.Document) domain.Verdict { // it does not return
			if n++; n == 3 {
				panic("the test's own")
			}
			d.Requeues = 99
			return domain.EnqueueIt
		})
	})
	f.equal("panic", value, any("the test's own"))
	for _, doc := range docs {
		f.equal("after a panic", f.read(doc), doc)
	}
}

func recoverFinal(f *fixture) {
	for _, status := range []domain.Status{domain.Ready, domain.Failed, "odd"} {
		doc := f.upload(f.owner, "a")
		doc.Status, doc.ReconcileAt = status, domain.Moment(epoch)
		f.ok(f.Repo.AddDocument(f, doc))
	}
	f.equal("recovered", f.recover(f.now().Add(time.Hour), 10, func(*domain.Document) domain.Verdict { return domain.LeaveIt }), []ports.Recovered(nil))
}

func recoverBeyond(f *fixture) {
	limit := domain.Moment(f.now().Add(time.Hour))
	add := func(status domain.Status, at time.Time) domain.Document {
		doc := f.upload(f.owner, "a")
		doc.Status, doc.ReconcileAt = status, domain.Moment(at)
		f.ok(f.Repo.AddDocument(f, doc))
		return doc
	}
	add(domain.Pending, epoch)
	add(domain.Pending, limit)
	add(domain.Ready, limit.Add(time.Hour))
	last := add(domain.Pending, limit.Add(time.Hour))
	first := add(domain.Processing, limit.Add(time.Microsecond))
	recovered, err := f.Repo.RecoverOverdue(f, ports.Overdue{By: f.now(), Beyond: limit, Limit: 10}, func(d *domain.Document) domain.Verdict {
		d.ReconcileAt = limit
		return domain.LeaveIt
	})
	f.ok(err)
	var got []domain.Document
	for _, r := range recovered {
		got = append(got, r.Document)
	}
	f.equal("beyond", idsOf(got), idsOf([]domain.Document{first, last}))
	recovered, err = f.Repo.RecoverOverdue(f, ports.Overdue{Beyond: limit, Limit: 10}, func(*domain.Document) domain.Verdict { return domain.LeaveIt })
	f.ok(err)
	f.equal("beyond once more", len(recovered), 0)
}

func recoverQueued(f *fixture) {
	since := domain.Moment(epoch.Add(time.Minute))
	add := func(status domain.Status, enqueued time.Time) domain.Document {
		doc := f.upload(f.owner, "a")
		doc.Status, doc.EnqueuedAt, doc.ReconcileAt = status, enqueued, domain.Moment(f.now())
		if status == domain.Processing {
			doc.Attempts = 1
		}
		f.ok(f.Repo.AddDocument(f, doc))
		return doc
	}
	lost := add(domain.Pending, since.Add(-time.Microsecond))
	add(domain.Pending, since)
	add(domain.Pending, since.Add(time.Hour))
	unknown := add(domain.Pending, time.Time{})
	held := add(domain.Processing, since.Add(time.Hour))
	for want, query := range map[int]ports.Overdue{3: {QueuedSince: &since}, 2: {QueuedSince: &time.Time{}}, 5: {}} {
		query.By, query.Limit = f.now().Add(time.Hour), 10
		recovered, err := f.Repo.RecoverOverdue(f, query, func(*domain.Document) domain.Verdict { return domain.LeaveIt })
		f.ok(err)
		var got []domain.Document
		for _, r := range recovered {
			got = append(got, r.Document)
		}
		switch want {
		case 3:
			f.equal("queued since", idsOf(got), idsOf([]domain.Document{lost, unknown, held}))
		case 2:
			f.equal("queued since ever", idsOf(got), idsOf([]domain.Document{unknown, held}))
		default:
			f.equal("nothing queued", len(got), want)
		}
	}
}

// panics runs what has to panic and returns with what.
func (f *fixture) panics(run func()) (value any) {
	f.Helper()
	defer func() {
		if value = recover(); value == nil {
			f.Fatal("no panic came through")
		}
	}()
	run()
	return nil
}
