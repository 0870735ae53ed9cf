//go:build chaos && unix

package chaos

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// load is many clients that upload documents and read them back, one request after the other each, and note how they were
// answered. The bytes of every document are its own.
type load struct {
	run     *vaultRun
	clients int
	largest int // bytes of a document

	http    *http.Client
	next    atomic.Int64
	began   time.Time
	stopped context.CancelFunc
	working sync.WaitGroup

	mu       sync.Mutex
	accepted []stored
	answers  map[string]int // by method and status, "none" for no answer
	wrong    []string       // answers that may never be
	silent   []string       // why there was no answer, where there was none
	slowest  time.Duration  // of the answers
	good     []time.Time    // when uploads were answered with 201
}

// stored is a document that was answered with 201, and its digest.
type stored struct{ id, sha256 string }

func startLoad(r *vaultRun, clients, largest int) *load {
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	l := &load{run: r, clients: clients, largest: largest, began: time.Now(), answers: map[string]int{},
		http: &http.Client{Timeout: time.Minute, Transport: transport}}
	ctx, stop := context.WithCancel(r.t.Context())
	l.stopped = stop
	for i := range clients {
		rnd := rand.New(rand.NewPCG(r.rnd.Uint64(), uint64(i)))
		l.working.Go(func() {
			for ctx.Err() == nil {
				l.upload(rnd)
				l.read(rnd)
			}
		})
	}
	return l
}

// stop lets requests under way end, and returns when all have.
func (l *load) stop() { l.stopped(); l.working.Wait() }

func (l *load) address() string {
	return l.run.addresses[int(l.next.Add(1))%len(l.run.addresses)]
}

// content makes the bytes of a document: words, so that it is a text, in a size between one byte and the largest, mostly small.
func (l *load) content(rnd *rand.Rand) []byte {
	size := 1 + rnd.IntN(4096)
	if rnd.IntN(20) == 0 {
		size = 1 + rnd.IntN(l.largest)
	}
	text := fmt.Appendf(nil, "%016x%016x ", rnd.Uint64(), rnd.Uint64())
	for len(text) < size {
		text = fmt.Appendf(text, "word%d ", rnd.IntN(5000))
	}
	return text
}

func (l *load) upload(rnd *rand.Rand) {
	content := l.content(rnd)
	contentType, form, err := newForm("load.txt", content)
	if err != nil {
		l.refuse("form: %v", err)
		return
	}
	status, answer := l.request(http.MethodPost, "/api/documents/upload", contentType, form)
	if status != http.StatusCreated {
		return
	}
	sum := sha256.Sum256(content)
	doc := stored{sha256: hex.EncodeToString(sum[:])}
	var got struct{ ID, SHA256 string }
	if err := json.Unmarshal(answer, &got); err != nil || got.SHA256 != doc.sha256 {
		l.refuse("an upload's answer has another hash: %s (%v)", answer, err)
	}
	doc.id = got.ID
	l.mu.Lock()
	l.accepted = append(l.accepted, doc)
	l.good = append(l.good, time.Now())
	l.mu.Unlock()
}

// newForm is the body of an upload.
func newForm(name string, content []byte) (contentType string, body io.Reader, err error) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", name)
	if err == nil {
		_, err = part.Write(content)
	}
	return w.FormDataContentType(), &form, errors.Join(err, w.Close())
}

// read fetches a document's bytes, or a page of the list.
func (l *load) read(rnd *rand.Rand) {
	l.mu.Lock()
	n := len(l.accepted)
	var doc stored
	if n > 0 {
		doc = l.accepted[rnd.IntN(n)]
	}
	l.mu.Unlock()
	if n == 0 || rnd.IntN(4) == 0 {
		l.request(http.MethodGet, "/api/documents?limit=20", "", nil)
		return
	}
	status, content := l.request(http.MethodGet, "/api/documents/"+doc.id+"/content", "", nil)
	if sum := sha256.Sum256(content); status == http.StatusOK && hex.EncodeToString(sum[:]) != doc.sha256 {
		l.refuse("the bytes of %s are others than were stored", doc.id)
	}
}

// request makes one request and notes how it was answered. Status 0 is no answer, or one that broke off.
func (l *load) request(method, path, contentType string, body io.Reader) (status int, answer []byte) {
	request, err := http.NewRequest(method, "http://"+l.address()+path, body)
	if err != nil {
		l.refuse("%v", err)
		return 0, nil
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	began := time.Now()
	response, err := l.http.Do(request)
	if err == nil {
		answer, err = io.ReadAll(response.Body)
		_ = response.Body.Close()
	}
	took := time.Since(began)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err != nil && response != nil:
		l.answers[method+" broken off"]++
		return 0, nil
	case errors.Is(err, syscall.ECONNREFUSED):
		l.answers[method+" refused"]++
		return 0, nil
	case err != nil:
		l.answers[method+" none"]++
		l.silent = append(l.silent, err.Error())
		return 0, nil
	}
	l.slowest = max(l.slowest, took)
	l.answers[fmt.Sprintf("%s %d", method, response.StatusCode)]++
	switch response.StatusCode {
	case http.StatusOK, http.StatusCreated:
	case http.StatusServiceUnavailable:
		if response.Header.Get("Retry-After") == "" {
			l.wrong = append(l.wrong, fmt.Sprintf("503 without Retry-After: %s %s", path, answer))
		}
	default:
		l.wrong = append(l.wrong, fmt.Sprintf("%s %s: %d %s", method, path, response.StatusCode, answer))
	}
	return response.StatusCode, answer
}

func (l *load) refuse(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
}

// firstAfter is how long after a time the first upload was answered with 201, below zero if none was.
func (l *load) firstAfter(t time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, good := range l.good {
		if good.After(t) {
			return good.Sub(t)
		}
	}
	return -1
}

// counts says how requests were answered, for people.
func (l *load) counts() string {
	var list []string
	for what, n := range l.answers {
		list = append(list, fmt.Sprintf("%s: %d", what, n))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// check compares every accepted document with what was stored, once it is ready, and reports what is wrong.
func (l *load) check(limit time.Duration) (lost int) {
	r := l.run
	deadline := time.Now().Add(limit)
	pause := time.NewTicker(500 * time.Millisecond)
	defer pause.Stop()
	open := slices.Clone(l.accepted)
	for {
		var last string
		open = slices.DeleteFunc(open, func(doc stored) bool {
			var got found
			if _, err := r.call(http.MethodGet, r.addresses[0], "/api/documents/"+doc.id, "", nil, &got); err != nil {
				last = err.Error()
				return false
			}
			last = doc.id + " is " + got.Status
			return got.Status == "ready" && got.SHA256 == doc.sha256
		})
		if len(open) == 0 {
			break
		}
		if time.Now().After(deadline) {
			r.t.Errorf("%d documents that were answered with 201 are not ready, %s", len(open), last)
			return len(open)
		}
		<-pause.C
	}
	wrong := 0
	rnd := rand.New(rand.NewPCG(1, 1))
	before := len(l.wrong)
	for range min(len(l.accepted), 500) {
		doc := l.accepted[rnd.IntN(len(l.accepted))]
		status, content := l.request(http.MethodGet, "/api/documents/"+doc.id+"/content", "", nil)
		if sum := sha256.Sum256(content); status != http.StatusOK || hex.EncodeToString(sum[:]) != doc.sha256 {
			wrong++
		}
	}
	if wrong > 0 || len(l.wrong) > before {
		r.t.Errorf("%d documents have other bytes than were stored", wrong)
	}
	return wrong
}
