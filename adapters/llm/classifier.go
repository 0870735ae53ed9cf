package llm

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// Provider is a protocol.
type Provider string

// The protocols.
const (
	OpenAI    Provider = "openai"
	Anthropic Provider = "anthropic"
)

// DefaultBaseURL is the address of the provider itself.
func DefaultBaseURL(p Provider) string {
	return map[Provider]string{OpenAI: "https://api.openai.com", Anthropic: "https://api.anthropic.com"}[p]
}

// Config says whom to ask and how much. Provider, Model and, for a server that wants one, APIKey are required; of the other fields
// the zero value is the documented default.
type Config struct {
	Provider Provider
	BaseURL  string // of the server, with or without /v1 at its end; default that of the provider itself
	Model    string
	APIKey   string

	MaxText   int           // bytes of a text that are sent, from its start; 16 KiB
	MaxAnswer int           // tokens the model may answer with; 1,000
	MaxTopics int           // topics that are sent; with more the model is not asked; 200
	Timeout   time.Duration // of one request; 30 s
	Tries     int           // requests for one text, when the server is busy or failing; 3
	Pause     time.Duration // before the second try, doubled each time; 1 s. What a server asks for in Retry-After is waited instead
	MaxPause  time.Duration // the longest pause; with a longer one asked for there is no other try; 20 s

	Failures int           // texts in a row without an answer until the server is left alone; 5
	Rest     time.Duration // how long it is left alone; 1 min

	Now func() time.Time // default the system's clock
}

// maxBody is the most bytes of an answer that are read.
const maxBody = 1 << 20

func (c Config) withDefaults() Config {
	if c.BaseURL == "" {
		c.BaseURL = DefaultBaseURL(c.Provider)
	}
	c.MaxText = cmp.Or(c.MaxText, 16<<10)
	c.MaxAnswer = cmp.Or(c.MaxAnswer, 1000)
	c.MaxTopics = cmp.Or(c.MaxTopics, 200)
	c.Timeout = cmp.Or(c.Timeout, 30*time.Second)
	c.Tries = cmp.Or(c.Tries, 3)
	c.Pause = cmp.Or(c.Pause, time.Second)
	c.MaxPause = cmp.Or(c.MaxPause, 20*time.Second)
	c.Failures = cmp.Or(c.Failures, 5)
	c.Rest = cmp.Or(c.Rest, time.Minute)
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// Classifier implements ports.Classifier. It is safe for concurrent use. Close it when done.
//
// Its errors are Unavailable, with a message that says in a few words for people why there is no answer, or Canceled. They never
// hold the key, the text or what the server sent.
type Classifier struct {
	cfg      Config
	url      string
	host     string
	http     *http.Client
	log      *slog.Logger
	rest     breaker
	protocol protocol

	mu    sync.Mutex
	style style // of request that the server last understood
}

var _ ports.Classifier = (*Classifier)(nil)

// New makes a classifier. It calls nobody. An address or provider that cannot be is Invalid and names the field. A nil log
// discards.
func New(cfg Config, log *slog.Logger) (*Classifier, error) {
	cfg = cfg.withDefaults()
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	var p protocol
	switch cfg.Provider {
	case OpenAI:
		p = openAI{}
	case Anthropic:
		p = anthropic{}
	default:
		return nil, domain.InvalidField("provider", "must be openai or anthropic")
	}
	base, err := url.Parse(cfg.BaseURL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, domain.InvalidField("base_url", "must be http:// or https://, a host and perhaps a path")
	}
	if cfg.Model == "" {
		return nil, domain.InvalidField("model", "must name a model")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = 64 << 10
	transport.MaxIdleConnsPerHost = 8
	return &Classifier{
		cfg: cfg, url: strings.TrimSuffix(strings.TrimRight(base.String(), "/"), "/v1") + p.path(), protocol: p, log: log,
		host: base.Host, rest: breaker{most: cfg.Failures, rest: cfg.Rest, now: cfg.Now},
		// Whoever answers with a redirect would get the text and the key sent elsewhere.
		http: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}, nil
}

// Close gives idle connections back.
func (c *Classifier) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// Host is who is asked, and sent the beginnings of texts.
func (c *Classifier) Host() string { return c.host }

// Name implements ports.Classifier.
func (c *Classifier) Name() string { return string(c.cfg.Provider) }

// Classify implements ports.Classifier: the same text gives the same question, and what a model makes of that is its own.
func (c *Classifier) Classify(ctx context.Context, text string, topics []domain.Topic) ([]domain.Suggestion, error) {
	if ctx.Err() != nil {
		return nil, ended(ctx)
	}
	if strings.TrimSpace(text) == "" || len(topics) == 0 {
		return nil, nil
	}
	topics = slices.Clone(topics)
	slices.SortFunc(topics, func(a, b domain.Topic) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), bytes.Compare(a.ID[:], b.ID[:]))
	})
	topics = slices.CompactFunc(topics, func(a, b domain.Topic) bool { return a.Name == b.Name })
	if len(topics) > c.cfg.MaxTopics {
		return nil, because("there are more topics than it is asked about", nil)
	}
	if !c.rest.open() {
		return nil, because("it failed several times in a row and is left alone for a while", nil)
	}
	answer, err := c.ask(ctx, newQuestion(c.cfg, text, topics))
	if err == nil {
		var found []domain.Suggestion
		if found, err = suggestions(answer, topics, c.Name()+" "+c.cfg.Model); err == nil {
			c.rest.succeeded()
			return found, nil
		}
	}
	if ctx.Err() != nil {
		c.rest.undecided()
		return nil, ended(ctx)
	}
	c.rest.failed()
	return nil, err
}

// because says why there is no answer. The message follows "because".
func because(why string, err error) error {
	return &domain.Error{Code: domain.Unavailable, Reason: "no_answer", Message: why, Err: err}
}

func ended(ctx context.Context) error {
	code := domain.Canceled
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		code = domain.Unavailable
	}
	return domain.Wrap(code, ctx.Err(), "classifying was stopped")
}
