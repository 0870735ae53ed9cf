package metrics

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Reconciler returns what to call after each round of the reconciler.
func (m *Metrics) Reconciler() func(enqueued, gaveUp, waiting int, err error) {
	documents := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "docuvault_reconciler_documents_total",
		Help: "Documents that stood still, by what was done: enqueued again, gave_up, or left waiting."}, []string{"action"})
	rounds := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "docuvault_reconciler_rounds_total", Help: "Rounds of the reconciler."}, []string{"outcome"})
	last := prometheus.NewGauge(prometheus.GaugeOpts{Name: "docuvault_reconciler_last_success_timestamp_seconds", Help: "When a round last came to its end, in Unix time."})
	m.registry.MustRegister(documents, rounds, last)
	for _, action := range []string{"enqueued", "gave_up", "waiting"} {
		documents.WithLabelValues(action)
	}
	return func(enqueued, gaveUp, waiting int, err error) {
		documents.WithLabelValues("enqueued").Add(float64(enqueued))
		documents.WithLabelValues("gave_up").Add(float64(gaveUp))
		documents.WithLabelValues("waiting").Add(float64(waiting))
		if err != nil {
			rounds.WithLabelValues("failed").Inc()
			return
		}
		rounds.WithLabelValues("ok").Inc()
		last.Set(float64(m.now().Unix()))
	}
}

// Sweep is what one sweep found.
type Sweep struct {
	Objects, Orphans, Removed, StaleUploads int
	OrphanBytes                             int64
	Documents, Missing, Damaged             int
	At                                      time.Time // when it ended
}

// WriteSweep writes what a sweep found to a file, whole or not at all, as node_exporter's textfile collector reads it: a sweep ends
// before anybody could scrape it. The file's name must end in .prom for it to be found there.
func WriteSweep(path string, s Sweep) error {
	registry := prometheus.NewRegistry()
	for name, metric := range map[string]struct {
		help  string
		value float64
	}{
		"docuvault_sweeper_objects":                        {"Objects that the last sweep saw.", float64(s.Objects)},
		"docuvault_sweeper_orphan_objects":                 {"Objects that no document named in the last sweep.", float64(s.Orphans)},
		"docuvault_sweeper_orphan_bytes":                   {"What these had in bytes.", float64(s.OrphanBytes)},
		"docuvault_sweeper_removed_objects":                {"Objects that the last sweep removed.", float64(s.Removed)},
		"docuvault_sweeper_stale_uploads":                  {"Uploads that were never finished.", float64(s.StaleUploads)},
		"docuvault_sweeper_documents":                      {"Documents that the last sweep saw.", float64(s.Documents)},
		"docuvault_sweeper_documents_without_object":       {"Documents whose object was gone.", float64(s.Missing)},
		"docuvault_sweeper_documents_with_damaged_key":     {"Documents whose row held no key of ours.", float64(s.Damaged)},
		"docuvault_sweeper_last_success_timestamp_seconds": {"When the last sweep ended, in Unix time.", float64(s.At.Unix())},
	} {
		gauge := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: metric.help})
		gauge.Set(metric.value)
		registry.MustRegister(gauge)
	}
	if err := prometheus.WriteToTextfile(path, registry); err != nil {
		return fmt.Errorf("write the metrics: %w", err)
	}
	return nil
}
