package intake_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/docuvault/docuvault/adapters/intake"
)

// TestLostAnswer: an upload whose answer was lost on the way is sent again, and is one document all the same.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	h, dir := open(t), t.TempDir()
	write(t, dir, map[string]string{"a.txt": "a"})
	var lost atomic.Bool
	front := func(inner http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPost || !lost.CompareAndSwap(false, true) {
				inner.ServeHTTP(w, r)
				return
			}
			answer := httptest.NewRecorder()
			inner.ServeHTTP(answer, r)
			if answer.Code != http.StatusCreated {
				t.Errorf("the answer that is lost has status %d: %s", answer.Code, answer.Body)
			}
			panic(http.ErrAbortHandler)
		})
	}
	h.front.Store(&front)
	got := h.run(dir, func(cfg *intake.Config) { cfg.OnDuplicate = intake.Keep })["a.txt"]
	if docs := h.documents(); got.Outcome != intake.Imported || len(docs) != 1 || docs["a.txt"].ID.String() != got.Document || h.uploads.Load() != 2 {
		t.Errorf("%+v, %d documents, %d uploads", got, len(docs), h.uploads.Load())
	}
}
