package domain

import (
	"fmt"
	"time"
)

// Status says where a document stands. Python may write a status we do not know: it is kept and shown as it is.
type Status string

// The statuses and their moves:
//
//	pending    → processing  Claim
//	pending    → failed      GiveUp
//	processing → processing  Claim, once its holder's lease ran out
//	processing → pending     GiveBack, Release, or Recover once the lease ran out
//	processing → ready       Finish
//	processing → failed      Fail, GiveUp
//	anything   → pending     Reprocess, unless it is pending or processing already
//	processing → pending     Restored, in another vault than the one that held it
//
// Adopt gives a document that is pending or processing its task, and NotQueued takes note that the task is not queued; neither
// changes the status.
//
// Python may also go from pending straight to ready or failed; we only read that.
const (
	Pending    Status = "pending"
	Processing Status = "processing"
	Ready      Status = "ready"
	Failed     Status = "failed"
)

// Final reports whether nothing more will happen by itself. A status we do not know counts as final: it is Python's to move.
func (s Status) Final() bool { return s != Pending && s != Processing }

// Failure says why a document failed. Message is for the person who uploaded it.
type Failure struct {
	Code    string
	Message string
}

// Attempt numbers one worker's hold on a document. Numbers only grow, so a worker that lost its hold can never record an
// outcome over a newer one.
type Attempt int

// Progress is a document's way through processing.
type Progress struct {
	Status      Status
	Failure     *Failure  // set when failed
	Attempts    Attempt   // claims so far, over the document's whole life
	Requeues    int       // times this round that it had to go back for another try
	Task        TaskID    // the task that processes it; "" for a row of Python's
	EnqueuedAt  time.Time // when Task was last put on the queue; zero when it is known not to be there
	ReconcileAt time.Time // by when the document should have moved on; a holder's lease ends here
}

// Recovery bounds how long a document may stand still and how often it is tried again.
type Recovery struct {
	Patience    time.Duration // how long a queued document may wait before the queue is asked after it; default 30 s
	Lease       time.Duration // how long a silent holder keeps a document; default 30 s
	MaxBackoff  time.Duration // the longest pause between two tries; default 10 min
	MaxRequeues int           // tries before giving up; default 10
}

// WithDefaults fills in what is zero.
func (r Recovery) WithDefaults() Recovery {
	if r.Patience <= 0 {
		r.Patience = 30 * time.Second
	}
	if r.Lease <= 0 {
		r.Lease = 30 * time.Second
	}
	if r.MaxBackoff <= 0 {
		r.MaxBackoff = 10 * time.Minute
	}
	if r.MaxRequeues <= 0 {
		r.MaxRequeues = 10
	}
	return r
}

// Backoff is how long to wait after so many requeues: Patience, doubled each time, at most MaxBackoff.
func (r Recovery) Backoff(requeues int) time.Duration {
	wait := r.Patience
	for range requeues {
		if wait >= r.MaxBackoff/2 {
			return r.MaxBackoff
		}
		wait *= 2
	}
	return min(wait, r.MaxBackoff)
}

// Horizon is how far ahead a document is ever told to move on, with room to spare: whoever wrote a later ReconcileAt did it by a
// clock that was wrong, and such a document would stand still until that clock's time has come.
func (r Recovery) Horizon() time.Duration { return 2 * (r.Lease + r.Patience + r.MaxBackoff) }

// HeldError says that another worker holds the document until then.
type HeldError struct{ Until time.Time }

// Error implements error.
func (e *HeldError) Error() string {
	return "another worker holds the document until " + e.Until.Format(time.RFC3339)
}

// overdue tells whether the document should have moved on by now.
func (d *Document) overdue(now time.Time, recovery Recovery) bool {
	left := d.ReconcileAt.Sub(now)
	return left <= 0 || left > recovery.Horizon()
}

// Claim moves a pending document, or one whose holder's lease has run out, to processing. Only the attempt it returns may
// record an outcome. A document that another worker holds gives a HeldError, one in a final status a Conflict.
func (d *Document) Claim(now time.Time, recovery Recovery) (Attempt, error) {
	now = Moment(now)
	switch {
	case d.Status == Pending:
	case d.Status == Processing && d.overdue(now, recovery):
		d.Requeues++
	case d.Status == Processing:
		return 0, &HeldError{Until: d.ReconcileAt}
	default:
		return 0, d.illegal("be claimed")
	}
	d.Status, d.Failure = Processing, nil
	d.Attempts++
	d.ReconcileAt, d.UpdatedAt = now.Add(recovery.Lease), now
	return d.Attempts, nil
}

// Extend renews the lease of the attempt that holds the document.
func (d *Document) Extend(held Attempt, now time.Time, recovery Recovery) error {
	if err := d.mustHold(held); err != nil {
		return err
	}
	d.ReconcileAt = Moment(now).Add(recovery.Lease)
	return nil
}

// Finish records that the holding attempt read the document.
func (d *Document) Finish(held Attempt, now time.Time) error {
	if err := d.mustHold(held); err != nil {
		return err
	}
	d.Status, d.Failure, d.Requeues, d.UpdatedAt = Ready, nil, 0, Moment(now)
	return nil
}

// Fail records that the holding attempt found the document to be beyond reading.
func (d *Document) Fail(held Attempt, why Failure, now time.Time) error {
	if err := d.mustHold(held); err != nil {
		return err
	}
	d.fail(why, now)
	return nil
}

// GiveBack returns the document to pending for another try, which is due after wait: its task waits that long in the queue.
func (d *Document) GiveBack(held Attempt, wait time.Duration, now time.Time, recovery Recovery) error {
	if err := d.mustHold(held); err != nil {
		return err
	}
	now = Moment(now)
	d.Status, d.UpdatedAt = Pending, now
	d.Requeues++
	d.EnqueuedAt, d.ReconcileAt = now, now.Add(wait+recovery.Patience)
	return nil
}

// GiveUp fails a document that nobody managed to read, without holding it.
func (d *Document) GiveUp(why Failure, now time.Time) error {
	if d.Status.Final() {
		return d.illegal("be given up")
	}
	d.fail(why, now)
	return nil
}

// Reprocess sends a document in a final status round again, under a new task.
func (d *Document) Reprocess(task TaskID, now time.Time, recovery Recovery) error {
	if !d.Status.Final() {
		return d.illegal("be sent round again")
	}
	now = Moment(now)
	d.Status, d.Failure, d.Requeues, d.Task = Pending, nil, 0, task
	d.EnqueuedAt, d.ReconcileAt, d.UpdatedAt = now, now.Add(recovery.Patience), now
	return nil
}

// Verdict is what Recover decided.
type Verdict int

// The verdicts of Recover.
const (
	LeaveIt   Verdict = iota // nothing to do, or not yet
	EnqueueIt                // put its task on the queue again
	GaveItUp                 // failed: it had all the tries it gets
)

// Recover decides what becomes of a document that did not move on in time. Queued says that its task is known to wait in the
// queue or to be held from it: then it only waits longer, for a long queue is no loss. Otherwise its task is lost and it goes
// round again, with growing pauses and a bounded number of times. A holder whose lease ran out loses the document either way.
// A row of Python's without a task is given task. What lies beyond the horizon is overdue too.
func (d *Document) Recover(queued bool, task TaskID, now time.Time, recovery Recovery) Verdict {
	now = Moment(now)
	if d.Status.Final() || !d.overdue(now, recovery) {
		return LeaveIt
	}
	if !queued && d.Requeues >= recovery.MaxRequeues {
		d.fail(Failure{Code: "gave_up", Message: fmt.Sprintf(
			"processing was tried %d times and never came to an end; ask for it again when the cause is mended", d.Requeues+1)}, now)
		return GaveItUp
	}
	if d.Status != Pending {
		d.Status, d.UpdatedAt = Pending, now
	}
	if queued {
		d.ReconcileAt = now.Add(recovery.Patience)
		return LeaveIt
	}
	if d.Task == "" {
		d.Task = task
	}
	d.Requeues++
	d.EnqueuedAt, d.ReconcileAt = now, now.Add(recovery.Backoff(d.Requeues))
	return EnqueueIt
}

func (d *Document) fail(why Failure, now time.Time) {
	d.Status, d.Failure, d.UpdatedAt = Failed, &why, Moment(now)
}

func (d *Document) mustHold(held Attempt) error {
	if d.Status != Processing || d.Attempts != held {
		return Errorf(Conflict, "attempt %d no longer holds the document", held).Because("lost_hold")
	}
	return nil
}

func (d *Document) illegal(move string) error {
	return Errorf(Conflict, "a document that is %s cannot %s", d.Status, move).Because("wrong_status")
}

// NotQueued notes that the document's task did not get into the queue, so that Recover need not look for it there. The try that
// it was to be does not count: a queue that refuses tasks is no fault of the document's. It does nothing once the document has
// moved on.
func (d *Document) NotQueued(task TaskID) {
	if d.Status == Pending && d.Task == task {
		d.Requeues = max(0, d.Requeues-1)
		d.EnqueuedAt, d.ReconcileAt = time.Time{}, d.UpdatedAt
	}
}

// Adopt gives a document on its way a task that somebody knows of: Python enqueues without writing down what.
func (d *Document) Adopt(task TaskID, now time.Time, recovery Recovery) error {
	if d.Status.Final() || d.Task != "" {
		return d.illegal("be given a task")
	}
	now = Moment(now)
	d.Task, d.EnqueuedAt, d.UpdatedAt = task, now, now
	if d.Status == Pending {
		d.ReconcileAt = now.Add(recovery.Patience)
	}
	return nil
}

// Release returns the document to pending because its holder has to go, as at shutdown. It is nobody's fault and does not count
// as a try; the task is back in the queue.
func (d *Document) Release(held Attempt, now time.Time, recovery Recovery) error {
	if err := d.mustHold(held); err != nil {
		return err
	}
	now = Moment(now)
	d.Status, d.EnqueuedAt, d.ReconcileAt, d.UpdatedAt = Pending, now, now.Add(recovery.Patience), now
	return nil
}

// Restored makes a document that comes back from a backup one whose task is lost, unless it is finished: whoever held it and the
// queue that held its task are those of another time. Recover gives it a task as soon as it is asked. Tries begin anew.
func (d *Document) Restored(now time.Time) {
	if d.Status.Final() {
		return
	}
	d.Status, d.Task, d.Requeues = Pending, "", 0
	d.EnqueuedAt, d.ReconcileAt = time.Time{}, Moment(now)
}
