package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/docuvault/docuvault/adapters/celery"
	"github.com/docuvault/docuvault/adapters/tasks"
)

// What time it is for rows, leases and tasks is the database's to say: where that is an hour ahead of this machine, so is the vault.
func TestTheVaultGoesByTheDatabasesClock(t *testing.T) {
	t.Parallel()
	s := services(t)
	execute(t, s.db.SuperDSN, fmt.Sprintf(`CREATE SCHEMA fake; GRANT USAGE ON SCHEMA fake TO PUBLIC;
		CREATE FUNCTION fake.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT pg_catalog.clock_timestamp() + interval ''1 hour''';
		ALTER ROLE docuvault_app IN DATABASE %q SET search_path = fake, pg_catalog, public`, s.db.Name))
	api, worker := process(t, s.env, "api"), process(t, s.env, "worker")
	v := listening(t, api)
	doc := v.ready(t, v.mustUpload(t, "a.txt", "text").ID, time.Minute)
	var row struct {
		CreatedAt time.Time `json:"created_at"`
	}
	v.must(t, "GET", "/api/documents/"+doc.ID, "", &row)
	if ahead := time.Until(row.CreatedAt); ahead < 50*time.Minute || ahead > time.Hour {
		t.Errorf("the document came %s from now", ahead)
	}

	// A task for half an hour from now, as clocks go here, is for half an hour ago there.
	broker, err := celery.Open(celery.Config{BrokerURL: s.redis.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close() // nothing depends on it
	id, err := celery.NewProducer(broker).Send(t.Context(), celery.Task{ID: uuid.NewString(), Name: tasks.ExtractAndClassify, Args: []any{doc.ID},
		Queue: tasks.DocumentsQueue, Countdown: 30 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if res, err := celery.NewResults(broker).Wait(ctx, id); err != nil || res.Status != celery.StatusSuccess {
		t.Errorf("the task that is due by the database's clock: %+v, %v", res, err)
	}
	stop(t, api)
	stop(t, worker)
}
