package embedded

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
)

// logLines passes the server's output on, line by line: what ends a connection or the server as a warning; what it warns of, and
// errors of statements, which whoever sent them was told of and judges, as information; the rest, and what is part of every start
// and stop, at debug.
type logLines struct {
	log     *slog.Logger
	mu      sync.Mutex
	partial []byte
	noPort  atomic.Bool
}

func newLogLines(log *slog.Logger) *logLines { return &logLines{log: log} }

const maxLine = 8 << 10

func (l *logLines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partial = append(l.partial, b...)
	for {
		i := bytes.IndexByte(l.partial, '\n')
		if i < 0 {
			break
		}
		l.emit(string(l.partial[:i]))
		l.partial = l.partial[i+1:]
	}
	if len(l.partial) > maxLine {
		l.emit(string(l.partial))
		l.partial = nil
	}
	return len(b), nil
}

func (l *logLines) emit(line string) {
	severity, text, ok := strings.Cut(line, ":  ")
	if !ok {
		severity, text = "", line
	}
	level := slog.LevelDebug
	switch {
	case severity == "WARNING", severity == "ERROR":
		level = slog.LevelInfo
	case severity == "FATAL" && (strings.HasPrefix(text, "the database system is ") || strings.HasPrefix(text, "terminating connection due to administrator")):
	case severity == "FATAL", severity == "PANIC":
		level = slog.LevelWarn
	}
	// The server has no other sign of it: it exits with 1 as for every failed start. Settings force these messages
	// to be English.
	if strings.HasPrefix(text, "could not bind IPv4 address") || strings.HasPrefix(text, "could not create any TCP/IP sockets") {
		l.noPort.Store(true)
	}
	l.log.Log(context.Background(), level, "postgres log", "severity", severity, "line", text)
}

func (l *logLines) portTaken() bool { return l.noPort.Load() }
