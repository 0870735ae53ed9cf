//go:build chaos && unix

package chaos

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/docuvault/docuvault/adapters/extract/formats/formatstest"
	"github.com/docuvault/docuvault/internal/testenv"
)

// objects counts what storage holds of each document, by the second part of the keys.
func (r *vaultRun) objects() map[string]int {
	r.t.Helper()
	client, err := minio.New(r.s3.Endpoint, &minio.Options{Creds: credentials.NewStaticV4(r.s3.AccessKey, r.s3.SecretKey, ""), Secure: r.s3.Secure})
	if err != nil {
		r.t.Fatal(err)
	}
	found := map[string]int{}
	for object := range client.ListObjects(r.t.Context(), r.store, minio.ListObjectsOptions{Recursive: true}) {
		if object.Err != nil {
			r.t.Fatal(object.Err)
		}
		if parts := strings.Split(object.Key, "/"); len(parts) == 3 {
			found[parts[1]]++
		}
	}
	return found
}

// TestSameDocuments has two APIs process the same documents at the same time, and delete every second of them meanwhile, while two
// workers read them: each is deleted by one API, of what is deleted nothing is left, and the others are as they should be.
func TestSameDocuments(t *testing.T) {
	r := newVaultRun(t, vaultOptions{apis: 2, workers: 2})
	documents := amount(t, "CHAOS_DOCUMENTS", 100)
	var mu sync.Mutex
	answers := map[string]int{}
	var kept, deleted, wrong []string
	one := func(i int, pause time.Duration) {
		contentType, form, err := newForm("same.pdf", formatstest.PDF(fmt.Sprintf("Page of document %d", i)))
		if err != nil {
			t.Error(err)
			return
		}
		var doc struct{ ID string }
		if _, err := r.call(http.MethodPost, r.addresses[i%2], "/api/documents/upload", contentType, form, &doc); err != nil {
			t.Error(err)
			return
		}
		<-time.After(pause) // anywhere between waiting and read
		gone := 0
		var asking sync.WaitGroup
		for n := range 2 * len(r.addresses) {
			method, path := http.MethodPost, "/api/documents/"+doc.ID+"/process"
			if n >= len(r.addresses) {
				method, path = http.MethodDelete, "/api/documents/"+doc.ID
			}
			if method == http.MethodDelete && i%2 == 1 {
				continue
			}
			asking.Go(func() {
				status, err := r.call(method, r.addresses[n%len(r.addresses)], path, "", bytes.NewReader(nil), nil)
				mu.Lock()
				defer mu.Unlock()
				answers[fmt.Sprintf("%s %d", method, status)]++
				switch {
				case status == http.StatusNoContent:
					gone++
				case status == http.StatusAccepted, status == http.StatusNotFound && i%2 == 0:
				default:
					wrong = append(wrong, fmt.Sprintf("%s %s: %d, %v", method, path, status, err))
				}
			})
		}
		asking.Wait()
		mu.Lock()
		defer mu.Unlock()
		if i%2 == 1 {
			kept = append(kept, doc.ID)
			return
		}
		deleted = append(deleted, doc.ID)
		if gone != 1 {
			wrong = append(wrong, fmt.Sprintf("%s was deleted by %d of two", doc.ID, gone))
		}
	}
	next := make(chan int)
	var clients sync.WaitGroup
	for range 8 {
		pause := between(r.rnd, 0, 60*time.Millisecond)
		clients.Go(func() {
			for i := range next {
				one(i, pause)
			}
		})
	}
	for i := range documents {
		next <- i
	}
	close(next)
	clients.Wait()

	// What is being read while it is deleted is put away by its worker.
	testenv.Eventually(t, 3*time.Minute, func() error {
		for _, id := range kept {
			var got found
			if _, err := r.call(http.MethodGet, r.addresses[0], "/api/documents/"+id, "", nil, &got); err != nil {
				return err
			}
			if got.Status != "ready" || !strings.Contains(got.ExtractedText, "Page of document") {
				return fmt.Errorf("%s is %s: %q", id, got.Status, got.ExtractedText)
			}
		}
		stored := r.objects()
		for _, id := range deleted {
			if status, _ := r.call(http.MethodGet, r.addresses[1], "/api/documents/"+id, "", nil, nil); status != http.StatusNotFound {
				return fmt.Errorf("%s was deleted and answers %d", id, status)
			}
			if stored[id] > 0 {
				return fmt.Errorf("%d objects are left of %s, which was deleted", stored[id], id)
			}
		}
		for _, id := range kept {
			if stored[id] != 2 { // the document and its thumbnail
				return fmt.Errorf("%s has %d objects", id, stored[id])
			}
		}
		return nil
	})
	var list []string
	for _, what := range slices.Sorted(maps.Keys(answers)) {
		list = append(list, fmt.Sprintf("%s: %d", what, answers[what]))
	}
	t.Logf("%d documents deleted by two APIs at once while processed, %d only processed: nothing left of the first, the others ready; %s",
		len(deleted), len(kept), strings.Join(list, ", "))
	for _, what := range wrong {
		t.Error(what)
	}
}
