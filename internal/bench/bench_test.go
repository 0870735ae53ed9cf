//go:build bench

package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
)

// TestBenchUpload measures uploads while nobody processes them.
func TestBenchUpload(t *testing.T) {
	s := newStack(t)
	bare, api := newBare(t, s), s.startAPI(t)
	ctx := t.Context()

	large := noise(1 << 20)
	b, v := alternate(t, 5,
		func() rate { return rateOf(t, func() error { return bare.put(ctx, newKey(uuid.New()), large) }) },
		func() rate { return rateOf(t, func() error { return api.upload(ctx, "large.pdf", large) }) })
	compare(t, "upload 1 MiB, to PUT", b, v, 0.7, 0.8)

	small := text(4 << 10)
	b, v = alternate(t, 5,
		func() rate { return rateOf(t, func() error { return bare.accept(ctx, small) }) },
		func() rate { return rateOf(t, func() error { return api.upload(ctx, "small.txt", small) }) })
	compare(t, "upload 4 KiB, to PUT+INSERT+LPUSH", b, v, 0.7, 0)
}

// round is how long a round lasts: a time, not a number, so that the whole takes as long on a slow machine.
const round = 5 * time.Second

// rateOf calls do for a round.
func rateOf(t *testing.T, do func() error) rate {
	t.Helper()
	began, cpu := time.Now(), used(t)
	n := during(t, clients, round, do)
	t.Log(used(t).since(cpu, n))
	return since(began, n)
}

// accept does what an upload takes.
func (b *bare) accept(ctx context.Context, content []byte) error {
	id := uuid.Must(uuid.NewV7())
	key := newKey(id)
	if err := b.put(ctx, key, content); err != nil {
		return err
	}
	if err := b.insert(ctx, id, key, content); err != nil {
		return err
	}
	return b.push(ctx)
}

// through does what an upload and its processing take.
func (b *bare) through(ctx context.Context, content []byte) error {
	id := uuid.Must(uuid.NewV7())
	key := newKey(id)
	if err := b.put(ctx, key, content); err != nil {
		return err
	}
	if err := b.insert(ctx, id, key, content); err != nil {
		return err
	}
	if err := b.push(ctx); err != nil {
		return err
	}
	if err := b.get(ctx, key); err != nil {
		return err
	}
	return b.update(ctx, id, content)
}

// The Python stack that this one replaces made so many documents a second from upload to ready, on a machine of two cores.
const pythonRate = 69

// TestBenchUploadToReady measures documents a second from upload to ready, with one API and one worker process.
func TestBenchUploadToReady(t *testing.T) {
	s := newStack(t)
	bare, api := newBare(t, s), s.startAPI(t)
	start(t, s.bin, s.env(), "worker")
	ctx := t.Context()
	ready := func() (count int) {
		if err := bare.db.QueryRow(ctx, `SELECT count(*) FROM documents WHERE status = 'ready'`).Scan(&count); err != nil {
			t.Fatal(err)
		}
		return count
	}
	b, v := alternate(t, 3,
		func() rate { return rateOf(t, func() error { return bare.through(ctx, text(4<<10)) }) },
		func() rate {
			before := ready()
			return toReady(t, api, func(n int) error {
				if done := ready() - before; done < n {
					return fmt.Errorf("%d of %d ready", done, n)
				}
				return nil
			})
		})
	compare(t, "upload to ready 4 KiB, to the bare loop", b, v, 0.5, 0)
	Add(t, Row{What: "upload to ready, real services, to Python's", Figures: fmt.Sprintf("vault %.0f/s, Python %d/s", float64(v), pythonRate),
		Value: float64(v) / pythonRate, Aim: 5})
}

// toReady uploads documents for a round and waits until done says that all n of them are ready.
func toReady(t *testing.T, api *api, done func(n int) error) rate {
	t.Helper()
	began, cpu := time.Now(), used(t)
	n := during(t, clients, round, func() error { return api.upload(t.Context(), "small.txt", text(4<<10)) })
	uploaded := time.Since(began)
	await(t, func() error { return done(n) })
	v := since(began, n)
	t.Logf("%d uploads took %.1f s, all ready after %.1f s; %s", n, uploaded.Seconds(), time.Since(began).Seconds(), used(t).since(cpu, n))
	return v
}

// await asks until done answers nil, seldom enough that the asking itself does not count.
func await(t *testing.T, done func() error) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(2 * time.Minute)
	for {
		err := done()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		<-tick.C
	}
}

// TestBenchEmbedded measures the same with everything in one process, as `docuvault up` runs it.
func TestBenchEmbedded(t *testing.T) {
	addr := freeAddr(t)
	data := dataDir(t)
	p := start(t, program(t), []string{"PATH=/usr/bin:/bin", "HOME=" + data, "LOG_LEVEL=warn"}, "up", "--data", data, "--listen", addr)
	api := waitReady(t, p, addr)
	ready := func() rate { return toReady(t, api, func(int) error { return api.nonePending(t.Context()) }) }
	ready()
	v := median([]rate{ready(), ready(), ready()})
	Add(t, Row{What: "upload to ready, embedded, to Python's", Figures: fmt.Sprintf("vault %.0f/s, Python %d/s", float64(v), pythonRate),
		Value: float64(v) / pythonRate, Aim: 15})
}

// nonePending asks the API whether a document still waits or is being processed.
func (a *api) nonePending(ctx context.Context) error {
	for _, status := range []string{"pending", "processing"} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+"/api/documents?limit=1&status="+status, nil)
		if err != nil {
			return err
		}
		resp, err := a.http.Do(req)
		if err != nil {
			return err
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(bytes.TrimSpace(body)) != "[]" {
			return fmt.Errorf("some are %s", status)
		}
	}
	return nil
}

// TestBenchMemory measures the API's memory at rest and by how much uploads make it grow.
func TestBenchMemory(t *testing.T) {
	s := newStack(t)
	rest, _ := s.startAPI(t).memory(t)
	Add(t, Row{What: "memory of the API at rest", Figures: fmt.Sprintf("%d MiB", rest>>20), Value: float64(rest >> 20)})

	// A process of its own for each: memory that an earlier measure left behind would hide what the next one takes.
	grew := func(what string, most float64, upload func(*api)) {
		api := s.startAPI(t)
		before, _ := api.memory(t)
		api.resetPeak(t)
		upload(api)
		_, peak := api.memory(t)
		Add(t, Row{What: what, Figures: "growth in MiB", Value: float64((peak - before) >> 20), Reach: most, Most: true})
	}
	grew("memory for 64 parallel uploads of 256 KiB", 256, func(api *api) {
		content := noise(256 << 10)
		times(t, 64, 640, func() error { return api.upload(t.Context(), "p.pdf", content) })
	})
	grew("memory for 1 GiB of unknown length", 64, func(api *api) { api.stream(t, 1<<30) })
}

// stream uploads size bytes without saying how many there are.
func (a *api) stream(t *testing.T, size int) {
	t.Helper()
	read, write := io.Pipe()
	form := multipart.NewWriter(write)
	go func() {
		part, err := form.CreateFormFile("file", "huge.pdf")
		block := noise(1 << 20)
		for sent := 0; err == nil && sent < size; sent += len(block) {
			_, err = part.Write(block)
		}
		if err == nil {
			err = form.Close()
		}
		write.CloseWithError(err)
	}()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.base+"/api/documents/upload", read)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	resp, err := a.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusCreated {
		t.Fatalf("upload: %s %s", resp.Status, answer)
	}
}
