package rest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/docs"
	"github.com/docuvault/docuvault/domain"
)

// Config says how the API is served. The zero Config is the documented default.
type Config struct {
	Version    string // of the program, for /api/settings; default "dev"
	Classifier string // the name of the classifier in use, for /api/settings; default "none"
	AIProvider string // of language models, for /api/settings; default "off"
	AIHost     string // that documents' texts are sent to; empty: to none

	// PublicURL is the address people reach the API at, such as https://vault.example.org/store, without a slash at its end.
	// Links are built on it; empty, they are built on the host that the request was sent to.
	PublicURL string
	// TrustedProxies are the addresses or networks (CIDR) whose X-Forwarded-For, -Proto and -Host are believed; default none.
	TrustedProxies []string

	HeaderTimeout  time.Duration // for a request's headers to arrive; default 10 s
	IdleTimeout    time.Duration // for the next request on a connection to begin; default 2 min
	MaxHeaderBytes int           // of a request; default 32 KiB

	// A peer that moves fewer than StallBytes of a body in StallWindow, counting only the time that we wait for it, is cut off;
	// defaults 64 KiB and 30 s. The last piece of a body only has to arrive within the window.
	StallWindow time.Duration
	StallBytes  int64

	RetryAfter time.Duration // what a 503 tells the client to wait; default 5 s

	// Observe is told of every request before anything is done with it. The context it returns is the request's; the function is
	// called with the route's pattern, "" if there is none, and the status once the answer is sent. May be nil.
	Observe func(r *http.Request) (context.Context, func(route string, status int))

	Now app.Clock // default the system's clock
}

func (c Config) withDefaults() Config {
	if c.Version == "" {
		c.Version = "dev"
	}
	if c.Classifier == "" {
		c.Classifier = "none"
	}
	if c.AIProvider == "" {
		c.AIProvider = "off"
	}
	if c.HeaderTimeout <= 0 {
		c.HeaderTimeout = 10 * time.Second
	}
	if c.IdleTimeout <= 0 {
		c.IdleTimeout = 2 * time.Minute
	}
	if c.MaxHeaderBytes <= 0 {
		c.MaxHeaderBytes = 32 << 10
	}
	if c.StallWindow <= 0 {
		c.StallWindow = 30 * time.Second
	}
	if c.StallBytes <= 0 {
		c.StallBytes = 64 << 10
	}
	if c.RetryAfter < time.Second {
		c.RetryAfter = 5 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// API is the vault over HTTP, an [http.Handler]. It is safe for concurrent use and keeps no state of a request.
type API struct {
	cfg      Config
	vault    *app.Vault
	log      *slog.Logger
	engine   *gin.Engine
	proxies  []netip.Prefix
	docsPage page
	draining atomic.Bool
}

// New composes the API. A PublicURL or a proxy that cannot be understood is an error. A nil log discards.
func New(cfg Config, vault *app.Vault, log *slog.Logger) (*API, error) {
	cfg = cfg.withDefaults()
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	proxies, err := parseProxies(cfg.TrustedProxies)
	if err != nil {
		return nil, err
	}
	if cfg.PublicURL, err = parsePublicURL(cfg.PublicURL); err != nil {
		return nil, err
	}
	rendered, err := renderDocs(docs.OpenAPI, cfg.Version)
	if err != nil {
		return nil, fmt.Errorf("render the API's description: %w", err)
	}
	a := &API{cfg: cfg, vault: vault, log: slog.New(RequestIDHandler(log.Handler())), proxies: proxies, docsPage: rendered}
	if a.engine, err = a.routes(); err != nil {
		return nil, err
	}
	return a, nil
}

// Drain makes /health answer 503 from now on, so that a load balancer sends no more requests here. Everything else is served
// as before: it is the first step of a shutdown.
func (a *API) Drain() { a.draining.Store(true) }

// routes builds the router. Wherever GET answers, HEAD does too.
func (a *API) routes() (*gin.Engine, error) {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.RedirectTrailingSlash = false // ServeHTTP takes the slash off
	r.HandleMethodNotAllowed = true
	if err := r.SetTrustedProxies(a.cfg.TrustedProxies); err != nil {
		return nil, fmt.Errorf("trusted proxies: %w", err)
	}
	r.Use(note)
	r.NoRoute(func(c *gin.Context) {
		a.fail(c, domain.Errorf(domain.NotFound, "there is nothing at %s; /docs describes what there is", clipped(c.Request.URL.Path)).Because("no_route"))
	})
	r.NoMethod(func(c *gin.Context) {
		a.fail(c, domain.Errorf(codeMethod, "%s is not possible here", c.Request.Method))
	})
	get := func(path string, handler gin.HandlerFunc) { r.GET(path, handler); r.HEAD(path, handler) }

	get("/health", a.health)
	get("/health/live", a.live)
	get("/openapi.yaml", a.openAPI)
	get("/docs", a.docs)

	r.POST("/api/documents/upload", a.upload)
	get("/api/documents", a.listDocuments)
	get("/api/documents/:id", a.readDocument)
	r.PATCH("/api/documents/:id", a.editDocument)
	r.DELETE("/api/documents/:id", a.deleteDocument)
	get("/api/documents/:id/text", a.readText)
	get("/api/documents/:id/content", a.readContent)
	get("/api/documents/:id/thumbnail", a.readThumbnail)
	get("/api/documents/:id/url", a.shareDocument)
	r.POST("/api/documents/:id/process", a.processDocument)
	r.POST("/api/documents/:id/topics/:topic_id/accept", a.acceptTopic)
	r.POST("/api/documents/:id/topics/:topic_id/reject", a.rejectTopic)
	get("/api/links/:token", a.followLink)

	get("/api/topics", a.listTopics)
	r.POST("/api/topics", a.addTopic)
	get("/api/topics/suggestions", a.suggestTopics)
	get("/api/topics/:id", a.readTopic)
	r.PATCH("/api/topics/:id", a.editTopic)
	r.PUT("/api/topics/:id", a.editTopic)
	r.DELETE("/api/topics/:id", a.deleteTopic)

	get("/api/folders", a.listFolders)
	r.POST("/api/folders", a.addFolder)
	get("/api/folders/:id", a.readFolder)
	r.PATCH("/api/folders/:id", a.editFolder)
	r.PUT("/api/folders/:id", a.editFolder)
	r.DELETE("/api/folders/:id", a.deleteFolder)

	get("/api/tasks/:id", a.readTask)
	get("/api/settings", a.settings)
	return r, nil
}

// ownerOf says whose data a request sees and changes. Until authentication exists that is nobody's (D-03).
func ownerOf(*gin.Context) domain.Owner { return domain.Nobody }

func parsePublicURL(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("the public URL must be http:// or https://, a host and perhaps a path")
	}
	return strings.TrimRight(u.String(), "/"), nil
}

func parseProxies(list []string) ([]netip.Prefix, error) {
	var proxies []netip.Prefix
	for _, s := range list {
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			addr, addrErr := netip.ParseAddr(s)
			if addrErr != nil {
				return nil, fmt.Errorf("trusted proxy %q is neither an address nor a network such as 10.0.0.0/8", s)
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		proxies = append(proxies, prefix.Masked())
	}
	return proxies, nil
}

var _ http.Handler = (*API)(nil)
