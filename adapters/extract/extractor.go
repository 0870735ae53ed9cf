package extract

import (
	"bytes"
	"context"
	"errors"
	"image/jpeg"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/docuvault/docuvault/adapters/extract/formats"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// marker is set in the environment of children, so that one never starts children of its own.
const marker = "DOCUVAULT_EXTRACT_WORKER"

// Types lists the content types that an Extractor reads, sorted. All others are Unreadable as unsupported.
func Types() []string { return formats.Types() }

// Extractor reads documents in child processes. It is safe for concurrent use.
type Extractor struct {
	cfg   Config
	log   *slog.Logger
	pool  *pool
	reads map[string]bool

	warming  chan struct{} // held by the one who warms
	warmDone bool          // guarded by warming
}

var _ ports.Extractor = (*Extractor)(nil)

// New checks the configuration. It starts no process: the first document does, or Warm.
func New(cfg Config, log *slog.Logger) (*Extractor, error) {
	if insideChild() {
		return nil, errors.New("an extraction worker must not start its own: the program has to call extract.Main first of all")
	}
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	x := &Extractor{cfg: cfg, log: log, pool: newPool(cfg, log), reads: map[string]bool{}, warming: make(chan struct{}, 1)}
	for _, t := range Types() {
		x.reads[t] = true
	}
	return x, nil
}

// Close ends all children, the busy ones too, and returns when they are gone. Documents that were being read, and any that
// come later, are answered with Unavailable. Closing twice is closing.
func (x *Extractor) Close() error {
	x.pool.close()
	return nil
}

// Extract implements ports.Extractor. A Read of source.Content that blocks is waited for: let it end with ctx, as the readers
// of every StorageBackend do.
func (x *Extractor) Extract(ctx context.Context, source ports.Source) (ports.Extraction, error) {
	if err := stopped(ctx); err != nil {
		return ports.Extraction{}, err
	}
	if old, ok := legacyTypes[source.ContentType]; ok {
		return x.extractLegacy(ctx, source, old)
	}
	if !x.reads[source.ContentType] {
		return ports.Extraction{}, domain.Errorf(domain.Unreadable, "documents of type %s are kept, but no text can be read from them",
			source.ContentType).Because(ports.ReasonUnsupported)
	}
	if source.Size > x.cfg.MaxInput {
		return ports.Extraction{}, x.tooLarge()
	}
	engines := x.cfg.setup().Needs(source.ContentType)
	if engines != 0 {
		x.Warm(ctx)
	}
	c, err := x.pool.take(ctx, source.Owner, engines)
	if err != nil {
		if ctx.Err() != nil {
			return ports.Extraction{}, stopped(ctx)
		}
		return ports.Extraction{}, domain.Wrap(domain.Unavailable, err, "documents cannot be read at the moment")
	}
	extraction, fit, err := x.read(ctx, c, source)
	x.pool.give(c, fit)
	return extraction, err
}

// read has one document read by c, and says whether c may be used again.
func (x *Extractor) read(ctx context.Context, c *child, source ports.Source) (ports.Extraction, bool, error) {
	c.documents++
	x.allowCPU(ctx, c)
	stop := context.AfterFunc(ctx, func() { c.kill(byCaller) })
	answer, err := x.exchange(ctx, c, source)
	alive := stop() && ctx.Err() == nil
	switch {
	case !alive:
		return ports.Extraction{}, false, stopped(ctx)
	case errors.Is(err, errTooLarge):
		return ports.Extraction{}, usable(err), x.tooLarge()
	case isReaderError(err):
		return ports.Extraction{}, usable(err), err
	case domain.ErrorCode(err) == domain.Unreadable, domain.ErrorCode(err) == domain.Unavailable: // of the program that it waited for
		return ports.Extraction{}, false, err
	case err != nil:
		return ports.Extraction{}, false, x.loss(c, source, err)
	case answer.Fault != "":
		x.log.Error("an extraction child is at fault", "content_type", source.ContentType, "fault", answer.Fault)
		return ports.Extraction{}, false, domain.Wrap(domain.Unavailable, errors.New(answer.Fault), "documents cannot be read at the moment")
	case answer.Reason != "":
		return ports.Extraction{}, !answer.Last, verdict(answer)
	case !acceptable(answer.text, x.cfg.MaxText) || !acceptableStarts(answer) || !acceptablePicture(answer.thumbnail) || !acceptable(answer.Title+answer.Author+answer.Language, 3*ports.MaxTitle):
		c.end(byRecycling)
		return ports.Extraction{}, false, crash(errors.New("the child's answer is not what was agreed"))
	}
	return ports.Extraction{
		Text: answer.text, Truncated: answer.Truncated, PageCount: answer.Pages, PageStarts: answer.starts, Thumbnail: answer.thumbnail,
		Title: answer.Title, Author: answer.Author, Language: answer.Language, Created: answer.Created.UTC(), Modified: answer.Modified.UTC(),
		Warning: warning(source.ContentType, source.Name),
	}, true, nil
}

func (x *Extractor) exchange(ctx context.Context, c *child, source ports.Source) (answer, error) {
	err := c.send(request{ContentType: source.ContentType, Size: source.Size}, source.Content, x.cfg.MaxInput, x.cfg.Timeout)
	if err != nil {
		return answer{}, err
	}
	// A picture is looked at up to five times, to find which way is up.
	const looks = 5
	more := looks * x.cfg.MaxScans
	return c.receive(utf8.UTFMax*x.cfg.MaxText, func(said reply) error {
		if more--; more < 0 {
			return errNonsense
		}
		if said.Look != nil {
			if err := x.look(ctx, c, *said.Look); err != nil {
				return err
			}
		}
		c.deadline.Reset(x.cfg.Timeout)
		x.allowCPU(ctx, c)
		return nil
	})
}

// allowCPU lets a child use as much processor time as a document may have, from now on.
func (x *Extractor) allowCPU(ctx context.Context, c *child) {
	if err := limitCPU(c.cmd.Process.Pid, x.cfg.CPU); err != nil && slices.Contains(c.layers, layerCPU) {
		x.log.WarnContext(ctx, "the processor time of an extraction child could not be limited", "err", err)
	}
}

// loss says why a child did not answer.
func (x *Extractor) loss(c *child, source ports.Source, cause error) error {
	// A process that ends closes its pipes first: wait for how it ended before making an end of it.
	if !errors.Is(cause, errNonsense) {
		timer := time.NewTimer(time.Second)
		select {
		case <-c.done:
		case <-timer.C:
		}
		timer.Stop()
	}
	why, gone := ending(c.why.Load()), c.gone()
	c.end(byRecycling)
	state := c.cmd.ProcessState
	x.log.Warn("an extraction child was lost", "content_type", source.ContentType, "size", source.Size, "state", state.String(),
		"cause", cause.Error(), "stderr", c.stderr.String())
	switch {
	case why == byDeadline:
		return domain.Errorf(domain.Unreadable, "reading the document took longer than %s", x.cfg.Timeout).Because(ports.ReasonTimeout)
	case why == byClose:
		return domain.Wrap(domain.Unavailable, errClosed, "documents cannot be read at the moment")
	case state.ExitCode() == exitCPU:
		return domain.Errorf(domain.Unreadable, "reading the document took more than %s of processor time", x.cfg.CPU).Because(ports.ReasonTimeout)
	case c.outOfMemory():
		return domain.Errorf(domain.Unreadable, "reading the document takes too much memory").Because(ports.ReasonTooComplex)
	case why == byItself && gone && killedFromOutside(state), state.ExitCode() == exitProtocol:
		return domain.Wrap(domain.Unavailable, cause, "documents cannot be read at the moment")
	default:
		return crash(cause)
	}
}

func (x *Extractor) tooLarge() error {
	return domain.Errorf(domain.Unreadable, "the document is larger than the %d bytes up to which text is read", x.cfg.MaxInput).
		Because(ports.ReasonTooComplex)
}

func crash(cause error) error {
	e := domain.Errorf(domain.Unreadable, "the document made its parser crash").Because(ports.ReasonCrashed)
	e.Err = cause
	return e
}

// verdict turns a child's word about a document into an error.
func verdict(answer answer) error {
	message := strings.ToValidUTF8(cut(answer.Message), "")
	e := domain.Errorf(domain.Unreadable, "%s", message)
	switch answer.Reason {
	case ports.ReasonEncrypted, ports.ReasonCorrupt, ports.ReasonTooComplex, ports.ReasonCrashed, ports.ReasonUnsupported:
		e.Reason = answer.Reason
	default:
		e.Reason = ports.ReasonCorrupt
	}
	if answer.Cause != "" {
		e.Err = errors.New(answer.Cause)
	}
	return e
}

// acceptable checks a child's text against the port's promise: a child that a document took over must not reach the database.
func acceptable(text string, most int) bool {
	return utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 && (len(text) <= most || utf8.RuneCountInString(text) <= most)
}

// acceptableStarts checks page starts against the port's promise.
func acceptableStarts(a answer) bool {
	length := utf8.RuneCountInString(a.text)
	return slices.IsSorted(a.starts) && (len(a.starts) == 0 || a.starts[0] == 0 && a.starts[len(a.starts)-1] <= length)
}

// acceptablePicture checks a thumbnail against the port's promise, as far as its head tells.
func acceptablePicture(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	head, err := jpeg.DecodeConfig(bytes.NewReader(b))
	return err == nil && head.Width <= ports.ThumbnailSize && head.Height <= ports.ThumbnailSize
}

func stopped(ctx context.Context) error {
	return domain.ContextError(ctx, "reading the document took too long")
}

func isReaderError(err error) bool {
	var e readerError
	return errors.As(err, &e)
}

func usable(err error) bool {
	var e childError
	return !errors.As(err, &e)
}
