package intake

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// OnDuplicate says what becomes of a file whose bytes the vault has already.
type OnDuplicate string

// The ways to treat such a file.
const (
	Existing OnDuplicate = "existing" // leave it: the vault has it
	Reject   OnDuplicate = "reject"   // skip it, as a duplicate
	Keep     OnDuplicate = "keep"     // upload it again, as a document of its own
)

// Config says what to bring in and how. The zero value of every field but Server and Paths is the documented default.
type Config struct {
	Server string   // the API's address, such as http://127.0.0.1:8000
	Paths  []string // files and folders

	Topics         []string      // names of topics that there are already; every document is filed under all of them
	FolderFromPath bool          // put documents into folders of the vault named as those they are in below the path given
	OnDuplicate    OnDuplicate   // default Existing
	Parallel       int           // uploads at once; default 4
	Patience       time.Duration // how long one file is tried again while the vault is unavailable; default 10 min

	Poll   time.Duration // how often Watch looks; default 2 s
	Settle time.Duration // how long a file must not have changed before Watch takes it; default 5 s

	Transport http.RoundTripper // default one that gives a server that stalls up
	Now       func() time.Time  // default time.Now
}

func (c Config) withDefaults() Config {
	if c.OnDuplicate == "" {
		c.OnDuplicate = Existing
	}
	if c.Parallel <= 0 {
		c.Parallel = 4
	}
	if c.Patience <= 0 {
		c.Patience = 10 * time.Minute
	}
	if c.Poll <= 0 {
		c.Poll = 2 * time.Second
	}
	if c.Settle <= 0 {
		c.Settle = 5 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Outcome is what became of a file.
type Outcome string

// The outcomes there are.
const (
	Imported Outcome = "imported" // the vault stored it and has the same bytes
	Present  Outcome = "existing" // the vault had its bytes already
	Skipped  Outcome = "skipped"  // it is nothing to bring in, or the vault does not take its like
	Failed   Outcome = "failed"   // it could not be read or sent; another run may manage
)

// Result is what became of one file.
type Result struct {
	Path     string
	Outcome  Outcome
	Reason   string // of Skipped and Failed, for people
	Document string // its id, if it is in the vault
	Bytes    int64
	Removed  bool // by Watch, once it was stored
}

// Observer is told how an import goes. Its methods may be called from several goroutines at once.
type Observer interface {
	Found(files int, bytes int64) // there are so many more to bring in
	Sent(bytes int64)             // so many bytes of them are done, one way or the other; negative where an upload starts over
	Done(Result)
}

// Intake brings files into one vault. It is safe for concurrent use.
type Intake struct {
	cfg     Config
	api     *client
	topics  []string // ids
	largest int64    // bytes of one document, 0 if the vault does not say
	folders *folders
	watcher Observer
}

// Open asks the vault what it takes and looks up the topics. A server that is no vault, a policy there is not and a topic that
// does not exist are errors. A nil observer is told nothing.
func Open(ctx context.Context, cfg Config, observer Observer) (*Intake, error) {
	cfg = cfg.withDefaults()
	if cfg.OnDuplicate != Existing && cfg.OnDuplicate != Reject && cfg.OnDuplicate != Keep {
		return nil, errors.New("a duplicate can be treated as existing, reject or keep")
	}
	server, err := url.Parse(strings.TrimRight(cfg.Server, "/"))
	if err != nil || server.Scheme != "http" && server.Scheme != "https" || server.Host == "" || server.RawQuery != "" || server.Fragment != "" {
		return nil, errors.New("the server must be an address such as http://127.0.0.1:8000")
	}
	if observer == nil {
		observer = nobody{}
	}
	in := &Intake{cfg: cfg, api: newClient(server.String(), cfg), watcher: observer}
	in.folders = &folders{api: in.api}
	var settings struct {
		MaxUploadBytes int64 `json:"max_upload_bytes"`
	}
	if err := in.api.json(ctx, http.MethodGet, "/api/settings", nil, &settings); err != nil {
		return nil, fmt.Errorf("ask the vault what it takes: %w", err)
	}
	in.largest = settings.MaxUploadBytes
	return in, in.findTopics(ctx)
}

// Close gives the connections back.
func (in *Intake) Close() { in.api.close() }

func (in *Intake) findTopics(ctx context.Context) error {
	if len(in.cfg.Topics) == 0 {
		return nil
	}
	var topics []struct{ ID, Name string }
	if err := in.api.json(ctx, http.MethodGet, "/api/topics", nil, &topics); err != nil {
		return fmt.Errorf("list the topics: %w", err)
	}
	ids := make(map[string]string, len(topics))
	for _, topic := range topics {
		ids[topic.Name] = topic.ID
	}
	for _, name := range in.cfg.Topics {
		id, there := ids[name]
		if !there {
			return fmt.Errorf("the vault has no topic %q; make it first", name)
		}
		in.topics = append(in.topics, id)
	}
	return nil
}

// Run brings everything below the paths in, once. It returns an error only if it could not go on: ctx's when that ended. What
// became of each file, the failed ones too, the observer is told.
func (in *Intake) Run(ctx context.Context) error {
	files, err := in.find(ctx)
	if err != nil {
		return err
	}
	var bytes int64
	for _, f := range files {
		bytes += f.size
	}
	in.watcher.Found(len(files), bytes)
	in.bringAll(ctx, files, func(_ file, r Result) { in.watcher.Done(r) })
	return ctx.Err()
}

// bringAll brings files in, several at a time, until ctx ends. A file that was cut off by that is not done.
func (in *Intake) bringAll(ctx context.Context, files []file, done func(file, Result)) {
	queue := make(chan file)
	var working sync.WaitGroup
	for range min(in.cfg.Parallel, len(files)) {
		working.Go(func() {
			for f := range queue {
				if result := in.bring(ctx, f); ctx.Err() == nil || result.Outcome != Failed {
					done(f, result)
				}
			}
		})
	}
	for _, f := range files {
		select {
		case queue <- f:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(queue)
	working.Wait()
}

type nobody struct{}

func (nobody) Found(int, int64) {}
func (nobody) Sent(int64)       {}
func (nobody) Done(Result)      {}
