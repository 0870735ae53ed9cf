// Package metrics counts what a program does and shows it to Prometheus, by Prometheus' conventions for names
// (https://prometheus.io/docs/practices/naming/): base units, _total for counters, docuvault_ before what is ours. It knows the
// vault only through functions it is called with and functions it calls at each scrape.
//
// Every label has few values: routes are patterns, content types and methods that are not known are "other", and nothing that a
// person or a document brings along becomes one. docs/operations.md lists all metrics.
package metrics
