package embedded

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"

	"github.com/docuvault/docuvault/adapters/embedded/childproc"
)

// logLines passes the server's output on, line by line: what ends a connection or the server as a warning; what it warns of, and
// errors of statements, which whoever sent them was told of and judges, as information; the rest, and what is part of every start
// and stop, at debug.
type logLines struct {
	*childproc.LineWriter
	log    *slog.Logger
	noPort atomic.Bool
}

func newLogLines(log *slog.Logger) *logLines {
	l := &logLines{log: log}
	l.LineWriter = childproc.NewLineWriter(l.emit)
	return l
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
