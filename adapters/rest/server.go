package rest

import (
	"log/slog"
	"net/http"
)

// Server returns an HTTP server for the API with every timeout set. The caller sets Addr or serves a listener of its own, and
// shuts it down. Errors of connections that never became a request are logged as warnings.
//
// The two whole-request timeouts only bound what happens before the API takes a request over; from then on ServeHTTP moves the
// deadlines along with the bytes, so that a large upload may take as long as it needs and a stalled one may not.
func (a *API) Server() *http.Server {
	return &http.Server{
		Handler:           a,
		ReadHeaderTimeout: a.cfg.HeaderTimeout,
		ReadTimeout:       a.cfg.HeaderTimeout + a.cfg.StallWindow,
		WriteTimeout:      a.cfg.HeaderTimeout + a.cfg.StallWindow,
		IdleTimeout:       a.cfg.IdleTimeout,
		MaxHeaderBytes:    a.cfg.MaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelWarn),
	}
}
