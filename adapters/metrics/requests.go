package metrics

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// requests are the metrics of an API.
type requests struct {
	total    *prometheus.CounterVec
	took     *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

func newRequests(registry *prometheus.Registry) requests {
	r := requests{
		total: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "docuvault_http_requests_total",
			Help: "Requests that were answered, by the route's pattern. Status 499: the client went away."}, []string{"method", "route", "status"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "docuvault_http_request_duration_seconds",
			Help: "How long requests took, bodies included, in seconds.", Buckets: slow}, []string{"method", "route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "docuvault_http_requests_in_flight", Help: "Requests that are being answered."}),
	}
	registry.MustRegister(r.total, r.took, r.inFlight)
	return r
}

// methods are the ones that routes have; every other is "other".
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

// Request counts a request: see rest.Observer, which it is. A route of "" is one that does not exist.
func (m *Metrics) Request(r *http.Request) (context.Context, func(route string, status int)) {
	method := r.Method
	if !slices.Contains(methods, method) {
		method = "other"
	}
	began := m.now()
	m.http.inFlight.Inc()
	return r.Context(), func(route string, status int) {
		if route == "" {
			route = "none"
		}
		m.http.inFlight.Dec()
		m.http.took.WithLabelValues(method, route).Observe(m.now().Sub(began).Seconds())
		m.http.total.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	}
}
