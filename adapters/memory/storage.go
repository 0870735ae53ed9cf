package memory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

var _ ports.StorageBackend = (*Storage)(nil)

// Storage is a ports.StorageBackend that holds whole objects in memory: of the port's promises it breaks the one that memory
// does not grow with the length.
type Storage struct {
	now func() time.Time

	mu      sync.Mutex
	objects map[string]stored
	uploads map[*upload]struct{} // begun and not finished
	faults  faults
	linkTo  string
}

type stored struct {
	content     []byte
	contentType string
	modTime     time.Time
}

type upload struct {
	begun   time.Time
	aborted bool
}

// NewStorage makes an empty store. Now is the clock of modification times and links.
func NewStorage(now func() time.Time) *Storage {
	return &Storage{now: now, objects: map[string]stored{}, uploads: map[*upload]struct{}{}}
}

// Name returns "memory".
func (s *Storage) Name() string { return "memory" }

// LinkTo makes URL answer links below base, as a backend that can presign does. The links say what they allow in their query
// and nobody serves them. Without it, URL is NotSupported.
func (s *Storage) LinkTo(base string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.linkTo = strings.TrimSuffix(base, "/")
}

// Plant puts an object under any name, also one that this vault would not make, as a stranger with access to a bucket might.
func (s *Storage) Plant(name string, content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[name] = stored{content: bytes.Clone(content), modTime: s.now()}
}

// Names returns the names of all objects, sorted.
func (s *Storage) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.objects))
}

// Put stores an object. See ports.StorageBackend.
func (s *Storage) Put(ctx context.Context, key domain.ObjectKey, r io.Reader, size int64, contentType string) (int64, error) {
	if err := s.begin(ctx, PutOp, key); err != nil {
		return 0, err
	}
	if key.IsZero() {
		return 0, domain.Errorf(domain.Internal, "put without a key")
	}
	up := &upload{begun: s.now()}
	s.mu.Lock()
	s.uploads[up] = struct{}{}
	failAt := take(&s.faults.put)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.uploads, up)
		s.mu.Unlock()
	}()

	content, err := readBody(ctx, r, size, failAt)
	if err != nil {
		return 0, err
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if up.aborted {
		return 0, domain.Errorf(domain.Unavailable, "the upload was aborted")
	}
	if _, taken := s.objects[key.String()]; taken {
		return 0, domain.Errorf(domain.Conflict, "an object of this key exists").Because("key_taken")
	}
	if contentType == "" {
		contentType = "application/octet-stream"
	}
	s.objects[key.String()] = stored{content: content, contentType: contentType, modTime: s.now()}
	return int64(len(content)), nil
}

// readBody reads r to its end, holding it to the announced size, ctx and the planned failure.
func readBody(ctx context.Context, r io.Reader, size int64, failAt *streamFault) ([]byte, error) {
	var content bytes.Buffer
	chunk := make([]byte, 32<<10)
	for {
		if err := contextError(ctx); err != nil {
			return nil, err
		}
		n, err := r.Read(chunk)
		content.Write(chunk[:n])
		switch {
		case failAt != nil && (int64(content.Len()) >= failAt.after || errors.Is(err, io.EOF)):
			return nil, failAt.err
		case size >= 0 && int64(content.Len()) > size:
			return nil, domain.Errorf(domain.Malformed, "more bytes came than were announced")
		case errors.Is(err, io.EOF):
			if size >= 0 && int64(content.Len()) < size {
				return nil, domain.Errorf(domain.Malformed, "fewer bytes came than were announced")
			}
			return content.Bytes(), contextError(ctx)
		case err != nil:
			if ended := contextError(ctx); ended != nil {
				return nil, ended
			}
			return nil, fmt.Errorf("read the upload: %w", err)
		}
	}
}

// Get opens an object. See ports.StorageBackend.
func (s *Storage) Get(ctx context.Context, key domain.ObjectKey, part ports.Range) (io.ReadCloser, ports.Object, error) {
	if err := s.begin(ctx, GetOp, key); err != nil {
		return nil, ports.Object{}, err
	}
	found, object, err := s.find(key)
	if err != nil {
		return nil, ports.Object{}, err
	}
	content := found.content
	if part != (ports.Range{}) {
		if part.Offset < 0 || part.Length < 0 || part.Offset >= object.Size {
			return nil, ports.Object{}, domain.Errorf(domain.Invalid, "the range is outside the object").Because("range")
		}
		content = content[part.Offset:]
		if part.Length > 0 && part.Length < int64(len(content)) {
			content = content[:part.Length]
		}
	}
	s.mu.Lock()
	failAt := take(&s.faults.get)
	s.mu.Unlock()
	reader := &opened{ctx: ctx, Reader: bytes.NewReader(content)}
	if failAt != nil {
		reader.Reader = bytes.NewReader(content[:min(failAt.after, int64(len(content)))])
		reader.end = failAt.err
	}
	return reader, object, nil
}

// opened is the reader that Get returns.
type opened struct {
	ctx context.Context
	*bytes.Reader
	end error // what comes after the last byte; nil: io.EOF
}

func (o *opened) Read(p []byte) (int, error) {
	if err := contextError(o.ctx); err != nil {
		return 0, err
	}
	n, err := o.Reader.Read(p)
	if err != nil && o.end != nil {
		err = o.end
	}
	return n, err
}

// WriteTo hides the reader's own, which would not ask ctx.
func (o *opened) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, struct{ io.Reader }{o}) }

func (o *opened) Close() error { return nil }

// Stat describes an object. See ports.StorageBackend.
func (s *Storage) Stat(ctx context.Context, key domain.ObjectKey) (ports.Object, error) {
	if err := s.begin(ctx, StatOp, key); err != nil {
		return ports.Object{}, err
	}
	_, object, err := s.find(key)
	return object, err
}

// Delete removes an object. See ports.StorageBackend.
func (s *Storage) Delete(ctx context.Context, key domain.ObjectKey) error {
	if err := s.begin(ctx, DeleteOp, key); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.objects, key.String())
	return nil
}

// List walks the objects in the order of their names, as they were when it began. See ports.StorageBackend.
func (s *Storage) List(ctx context.Context, prefix string, each func(ports.Object) error) error {
	if err := s.begin(ctx, ListOp, domain.ObjectKey{}); err != nil {
		return err
	}
	for _, name := range s.Names() {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		if err := contextError(ctx); err != nil {
			return err
		}
		s.mu.Lock()
		found, ok := s.objects[name]
		s.mu.Unlock()
		if !ok {
			continue
		}
		if err := each(describe(name, found)); err != nil {
			return err
		}
	}
	return nil
}

// URL is NotSupported before LinkTo was called. See ports.StorageBackend.
func (s *Storage) URL(ctx context.Context, key domain.ObjectKey, link ports.Link) (string, error) {
	if err := s.begin(ctx, URLOp, key); err != nil {
		return "", err
	}
	s.mu.Lock()
	base := s.linkTo
	s.mu.Unlock()
	switch {
	case base == "":
		return "", domain.Errorf(domain.NotSupported, "this storage makes no links")
	case key.IsZero():
		return "", domain.Errorf(domain.Internal, "link without a key")
	case link.TTL < time.Second || link.TTL > 7*24*time.Hour:
		return "", domain.InvalidField("ttl", "must be from one second to seven days")
	}
	query := url.Values{"expires": {strconv.FormatInt(s.now().Add(link.TTL).Unix(), 10)}}
	if link.Disposition != "" {
		query.Set("disposition", link.Disposition)
	}
	if link.ContentType != "" {
		query.Set("content_type", link.ContentType)
	}
	return base + "/" + key.String() + "?" + query.Encode(), nil
}

// AbortStale makes uploads fail that are still under way. See ports.StorageBackend.
func (s *Storage) AbortStale(ctx context.Context, before time.Time, dryRun bool) (int, error) {
	if err := s.begin(ctx, AbortStaleOp, domain.ObjectKey{}); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stale := 0
	for up := range s.uploads {
		if !up.begun.Before(before) {
			continue
		}
		stale++
		if !dryRun {
			up.aborted = true
			delete(s.uploads, up)
		}
	}
	return stale, nil
}

// Health fails only if told to. See ports.StorageBackend.
func (s *Storage) Health(ctx context.Context) error {
	return s.begin(ctx, HealthOp, domain.ObjectKey{})
}

func (s *Storage) find(key domain.ObjectKey) (stored, ports.Object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.objects[key.String()]
	if !ok {
		return stored{}, ports.Object{}, domain.Errorf(domain.NotFound, "no such object")
	}
	return found, describe(key.String(), found), nil
}

func describe(name string, found stored) ports.Object {
	key, _ := domain.ParseObjectKey(name) // the zero key is the answer for a name that is not ours
	return ports.Object{
		Key: key, Name: name, Size: int64(len(found.content)), ContentType: found.contentType, ModTime: found.modTime,
	}
}
