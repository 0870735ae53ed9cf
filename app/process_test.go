package app_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/adapters/memory"
	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

func TestProcessOfAnUnknownDocument(t *testing.T) {
	t.Parallel()
	id := domain.DocumentID(uuid.New())
	got, err := newHouse(t).processor.Process(t.Context(), id)
	if err != nil || got.Status != app.StatusMissing || got.DocumentID != id.String() || got.Topics == nil {
		t.Errorf("result %+v, error %v", got, err)
	}
}

func TestProcessAgainAnswersWithTheState(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	doc := h.upload(t, "x", "text")
	h.work(t)
	calls := 0
	h.extract = func(context.Context, ports.Source) (ports.Extraction, error) {
		calls++
		return ports.Extraction{}, nil
	}
	got, err := h.processor.Process(t.Context(), doc.ID)
	if err != nil || got.Status != "ready" || calls != 0 || h.document(t, doc.ID).Attempts != 1 {
		t.Errorf("result %+v, error %v, read %d times", got, err, calls)
	}
}

func TestWhatIsWrongWithTheDocumentFailsIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(h *house, doc domain.Document)
		code  string
	}{
		"unreadable": {func(h *house, _ domain.Document) {
			h.extract = func(context.Context, ports.Source) (ports.Extraction, error) {
				return ports.Extraction{}, domain.Errorf(domain.Unreadable, "the file needs a password").Because(ports.ReasonEncrypted)
			}
		}, "encrypted"},
		"bytes are gone": {func(h *house, doc domain.Document) { _ = h.storage.Delete(context.Background(), doc.Object) }, "content_missing"},
		"a fault that no retry mends": {func(h *house, _ domain.Document) {
			h.classify = func(string, []domain.Topic) ([]domain.Suggestion, error) {
				return nil, domain.Errorf(domain.Invalid, "too many topics")
			}
		}, "invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			if _, err := h.AddTopic(t.Context(), domain.Nobody, "Any", "", ""); err != nil {
				t.Fatal(err)
			}
			doc := h.upload(t, "x", "text")
			c.spoil(h, doc)
			if h.work(t) != 1 {
				t.Error("it was tried more than once")
			}
			got := h.document(t, doc.ID)
			if got.Status != domain.Failed || got.Failure == nil || got.Failure.Code != c.code || got.Failure.Message == "" {
				t.Errorf("document is %s, failure %+v", got.Status, got.Failure)
			}
		})
	}
}

// TestWhatIsWrongWithUsIsTriedAgain has each dependency fail for a while, and then for good.
func TestWhatIsWrongWithUsIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ down, up func(h *house) }{
		"storage": {func(h *house) { h.storage.Fail(memory.GetOp, errDown) }, func(h *house) { h.storage.Fail(memory.GetOp, nil) }},
		"extractor": {func(h *house) {
			h.extract = func(context.Context, ports.Source) (ports.Extraction, error) { return ports.Extraction{}, errDown }
		}, func(h *house) { h.extract = plain }},
		"classifier": {func(h *house) {
			h.classify = func(string, []domain.Topic) ([]domain.Suggestion, error) { return nil, errDown }
		}, func(h *house) { h.classify = byName }},
		"topics":  {func(h *house) { h.repo.Fail("TopicsOf", errDown) }, func(h *house) { h.repo.Fail("TopicsOf", nil) }},
		"outcome": {func(h *house) { h.repo.Fail("Complete", errDown) }, func(h *house) { h.repo.Fail("Complete", nil) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			if _, err := h.AddTopic(t.Context(), domain.Nobody, "text", "", ""); err != nil {
				t.Fatal(err)
			}
			doc := h.upload(t, "x", "text")
			c.down(h)
			last := time.Duration(0)
			for range 3 {
				_, err := h.processor.Process(t.Context(), doc.ID)
				var retry *app.RetryError
				if !errors.As(err, &retry) || retry.Held || retry.After < last || domain.ErrorCode(err) != domain.Unavailable {
					t.Fatalf("got %v", err)
				}
				last = retry.After
				if got := h.document(t, doc.ID); got.Status != domain.Pending {
					t.Fatalf("document is %s between tries", got.Status)
				}
			}
			c.up(h)
			if got, err := h.processor.Process(t.Context(), doc.ID); err != nil || got.Status != "ready" || len(got.Topics) != 1 {
				t.Errorf("result %+v, error %v", got, err)
			}
			if got := h.document(t, doc.ID); got.Requeues != 0 {
				t.Errorf("%d requeues are remembered", got.Requeues)
			}
		})
	}
}

func TestTriesAreBounded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	doc := h.upload(t, "x", "text")
	h.storage.Fail(memory.GetOp, errDown)
	if tries := h.work(t); tries != recovery.MaxRequeues+1 {
		t.Errorf("tried %d times", tries)
	}
	got := h.document(t, doc.ID)
	if got.Status != domain.Failed || got.Failure.Code != "unavailable" || !strings.Contains(got.Failure.Message, "it is down") {
		t.Errorf("document is %s, failure %+v", got.Status, got.Failure)
	}
	// Asked for again, it has all its tries once more.
	h.storage.Fail(memory.GetOp, nil)
	task, err := h.Reprocess(t.Context(), domain.Nobody, doc.ID)
	if err != nil || task == doc.Task {
		t.Fatalf("task %s, error %v", task, err)
	}
	if h.work(t) != 1 || h.document(t, doc.ID).Status != domain.Ready {
		t.Errorf("document is %+v", h.document(t, doc.ID).Progress)
	}
}

func TestOneOfManyDeliveriesDoesTheWork(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	doc := h.upload(t, "x", "text")
	reading, read := make(chan struct{}), make(chan struct{})
	var reads sync.Map
	h.extract = func(ctx context.Context, s ports.Source) (ports.Extraction, error) {
		if _, again := reads.LoadOrStore(s.Name, true); again {
			t.Error("two read the document at once")
		}
		close(reading)
		<-read
		return plain(ctx, s)
	}
	var first sync.WaitGroup
	first.Go(func() {
		if got, err := h.processor.Process(t.Context(), doc.ID); err != nil || got.Status != "ready" {
			t.Errorf("the first: %+v, error %v", got, err)
		}
	})
	<-reading
	for range 8 {
		_, err := h.processor.Process(t.Context(), doc.ID)
		var retry *app.RetryError
		if !errors.As(err, &retry) || !retry.Held || retry.After <= 0 || retry.After > recovery.Lease {
			t.Errorf("another: %v", err)
		}
	}
	close(read)
	first.Wait()
	if got := h.document(t, doc.ID); got.Requeues != 0 || got.Attempts != 1 {
		t.Errorf("document is %+v", got.Progress)
	}
}

func TestALostHoldRecordsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	doc := h.upload(t, "x", "text")
	slow := true
	h.extract = func(ctx context.Context, s ports.Source) (ports.Extraction, error) {
		if !slow {
			return plain(ctx, s)
		}
		slow = false
		h.clock.advance(recovery.Lease) // long enough for another to take over
		if got, err := h.processor.Process(ctx, doc.ID); err != nil || got.Status != "ready" {
			t.Errorf("the one that took over: %+v, error %v", got, err)
		}
		return ports.Extraction{Text: "an outcome that came too late"}, nil
	}
	if got, err := h.processor.Process(t.Context(), doc.ID); err != nil || got.Status != "ready" {
		t.Errorf("the one that lost: %+v, error %v", got, err)
	}
	if _, text, err := h.Text(t.Context(), domain.Nobody, doc.ID); err != nil || text != "text" {
		t.Errorf("text is %q, error %v", text, err)
	}
}

func TestADocumentDeletedMeanwhileIsMissing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	doc := h.upload(t, "x", "text")
	h.extract = func(ctx context.Context, s ports.Source) (ports.Extraction, error) {
		if err := h.DeleteDocument(ctx, domain.Nobody, doc.ID); err != nil {
			t.Error(err)
		}
		return plain(ctx, s)
	}
	if got, err := h.processor.Process(t.Context(), doc.ID); err != nil || got.Status != app.StatusMissing {
		t.Errorf("result %+v, error %v", got, err)
	}
}

func TestShutdownGivesTheDocumentBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	doc := h.upload(t, "x", "text")
	ctx, cancel := context.WithCancel(t.Context())
	h.extract = func(ctx context.Context, _ ports.Source) (ports.Extraction, error) {
		cancel()
		return ports.Extraction{}, ctx.Err()
	}
	_, err := h.processor.Process(ctx, doc.ID)
	var retry *app.RetryError
	if !errors.As(err, &retry) || !retry.Held || retry.After != 0 {
		t.Errorf("got %v", err)
	}
	if got := h.document(t, doc.ID); got.Status != domain.Pending || got.Requeues != 0 {
		t.Errorf("document is %+v", got.Progress)
	}
}

func TestACrashingDocumentIsGivenUp(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	doc := h.upload(t, "x", "text")
	h.extract = func(context.Context, ports.Source) (ports.Extraction, error) { panic("the worker dies") }
	crash := func() {
		defer func() { _ = recover() }()
		_, _ = h.processor.Process(context.Background(), doc.ID)
	}
	for tries := 0; h.document(t, doc.ID).Status != domain.Failed; tries++ {
		if tries > recovery.MaxRequeues+2 {
			t.Fatal("it is tried for ever")
		}
		crash()
		h.clock.advance(recovery.Lease)
	}
	if got := h.document(t, doc.ID); got.Failure.Code != "gave_up" {
		t.Errorf("failure is %+v", got.Failure)
	}
}

func TestConfirmedTopicsSurviveProcessing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	chosen, err := h.AddTopic(t.Context(), domain.Nobody, "Chosen", "", "")
	if err != nil {
		t.Fatal(err)
	}
	suggested, err := h.AddTopic(t.Context(), domain.Nobody, "text", "", "")
	if err != nil {
		t.Fatal(err)
	}
	doc := h.upload(t, "x", "text")
	if _, err := h.EditDocument(t.Context(), domain.Nobody, doc.ID, app.DocumentChange{Topics: &[]domain.TopicID{chosen.ID}}); err != nil {
		t.Fatal(err)
	}
	h.work(t)
	got := h.document(t, doc.ID).Topics
	if len(got) != 2 || got[0].Topic != chosen.ID || !got[0].Confirmed || got[1].Topic != suggested.ID || got[1].Confirmed || got[1].Confidence == nil || *got[1].Confidence != 0.5 {
		t.Errorf("topics are %+v", got)
	}
	h.classify = func(string, []domain.Topic) ([]domain.Suggestion, error) { return nil, nil }
	if _, err := h.Reprocess(t.Context(), domain.Nobody, doc.ID); err != nil {
		t.Fatal(err)
	}
	h.work(t)
	if got := h.document(t, doc.ID).Topics; len(got) != 1 || got[0].Topic != chosen.ID {
		t.Errorf("after another round topics are %+v", got)
	}
}

func TestReprocessOfADocumentOnItsWay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	doc := h.upload(t, "x", "text")
	if task, err := h.Reprocess(t.Context(), domain.Nobody, doc.ID); err != nil || task != doc.Task {
		t.Errorf("task %s, error %v; want the task there is", task, err)
	}
	if h.work(t) != 1 {
		t.Error("it was enqueued twice")
	}
	_, err := h.Reprocess(t.Context(), domain.Owner(uuid.New()), doc.ID)
	mustCode(t, err, domain.NotFound)
}
