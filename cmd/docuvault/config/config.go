// Package config reads DocuVault's configuration: built-in defaults, then a .env file, then the environment, then flags, each
// over the one before. It is the only user of viper.
//
// The table in settings.go is the one list of what can be set. A command reads the settings it uses and no others, so a
// worker cannot even see DATABASE_MIGRATE_URL (D-13), and a value that is wrong for another command does not stop it.
package config

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/docuvault/docuvault/domain"
)

// Use says which commands read a setting.
type Use uint

// The commands that read settings.
const (
	API Use = 1 << iota
	Worker
	Up
	Sweep
	Schema    // schema plan, apply and drift
	InitRoles // schema init-roles
	Health    // health: asks a running api
	Probe     // health --worker: asks what a worker depends on
	Queue     // queue: looks into Redis alone

	// Everything is what the config command shows.
	Everything = API | Worker | Up | Sweep | Schema | InitRoles | Health
)

// Config is the effective configuration of one command. Settings that the command does not read are zero.
type Config struct {
	DatabaseURL      string // role docuvault_app
	MigrateURL       string // role docuvault_migrate
	SuperuserURL     string
	AppPassword      string
	MigratePassword  string
	MaxConns         int
	StatementTimeout time.Duration

	RedisURL string

	Storage Storage

	SecretKey      string
	MaxUpload      int64    // bytes
	AllowedTypes   []string // empty: every type
	ListenAddr     string
	TrustedProxies []string // addresses and networks
	PublicURL      string   // no trailing slash; empty: not known
	Origins        []string // of pages on other hosts that may use the API; empty: none
	UploadRate     Rate     // of one client; zero: no limit

	Concurrency int // tasks at once; 0: four for each CPU
	Queues      []string
	WorkerName  string // empty: celery@host

	ExtractTimeout  time.Duration
	ExtractCacheDir string // empty: the user's cache folder
	ExtractSandbox  string // auto or require
	SofficePath     string // empty: old office formats are not read
	OCREngine       string // wasm, native or off
	TesseractPath   string // of the native engine: a path or a name on PATH
	OCRLanguages    string // Tesseract's names, joined by +
	TessdataDir     string // empty: the languages that are built in
	OCRMaxPages     int    // pictures of pages read of one document

	AI AI

	LogLevel        slog.Level
	LogFormat       string // text or json
	ShutdownTimeout time.Duration

	MetricsAddr  string            // empty: no metrics
	TracesURL    string            // empty: no traces
	TraceHeaders map[string]string // of requests to TracesURL
	TraceShare   float64           // of traces that are kept

	DataDir string // of up

	// Recovery has no settings of its own: its documented defaults keep the promise that lost work is found within 60 s.
	Recovery domain.Recovery

	values []Value
	notes  []string
}

// Storage says where the bytes are.
type Storage struct {
	Backend        string // minio or filesystem
	Dir            string // of filesystem
	Endpoint       string // host:port of the S3 server
	Bucket         string
	AccessKey      string
	SecretKey      string
	Secure         bool
	PublicEndpoint string // where browsers reach the S3 server; empty: they come through the API
	Region         string
}

// AI says which language model files documents, if one does.
type AI struct {
	Provider string // off, openai or anthropic
	BaseURL  string // empty: the provider's own
	Model    string
	APIKey   string
	Timeout  time.Duration
	MaxText  int64 // bytes of each document that are sent
}

// AIOff is AI.Provider when nothing is sent anywhere.
const AIOff = "off"

// Rate is so many in so long. The zero Rate is no limit.
type Rate struct {
	Count int
	Per   time.Duration
}

// Value is one setting as it is in force.
type Value struct {
	Name   string `json:"name"`
	Value  string `json:"value"` // *** for a secret
	Source string `json:"source"`
}

// Sources of a value.
const (
	FromDefault     = "default"
	FromFile        = ".env"
	FromEnvironment = "environment"
	FromFlag        = "flag"
)

// Values returns every setting the command reads, in the table's order, with secrets masked.
func (c *Config) Values() []Value { return c.values }

// Source says where a setting's value came from; FromDefault for one that the command does not read.
func (c *Config) Source(name string) string {
	for _, v := range c.values {
		if v.Name == name {
			return v.Source
		}
	}
	return FromDefault
}

// Notes are remarks for the log: nothing is wrong, but somebody should know.
func (c *Config) Notes() []string { return c.notes }

// Problem is one value that cannot be used. Secret values are never repeated in it.
type Problem struct {
	Variable string
	Wrong    string // what is wrong
	Do       string // what to do about it
}

// Problems is everything that is wrong with a configuration, in one error.
type Problems []Problem

// Error lists all problems, one a line.
func (p Problems) Error() string {
	var b strings.Builder
	if len(p) == 1 {
		b.WriteString("the configuration has a problem:")
	} else {
		fmt.Fprintf(&b, "the configuration has %d problems:", len(p))
	}
	for _, problem := range p {
		fmt.Fprintf(&b, "\n  %s %s; %s", problem.Variable, problem.Wrong, problem.Do)
	}
	return b.String()
}
