// Package app holds the use cases: what the vault does, in terms of the domain and of the ports. Vault serves people, Processor
// serves the queue, Reconciler sees that no accepted upload is forgotten and Sweeper that no bytes are. Each takes only the
// ports it needs, so that a program can compose the ones it wants.
package app

import (
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/domain"
)

// Clock tells the time. A nil Clock is the system's.
type Clock func() time.Time

func (c Clock) orSystem() Clock {
	if c == nil {
		return time.Now
	}
	return c
}

func orDiscard(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return log
}

// newDocumentID makes a UUIDv7, so that ids, and with them the rows' primary key, grow with time.
func newDocumentID() domain.DocumentID { return domain.DocumentID(uuid.Must(uuid.NewV7())) }

func newTaskID() domain.TaskID { return domain.TaskID(uuid.NewString()) }
