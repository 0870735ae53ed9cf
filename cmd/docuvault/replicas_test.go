package main

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/schema"
	"github.com/docuvault/docuvault/internal/testenv"
)

// Any number of APIs and workers share one database, one bucket and one Redis: what is uploaded to one is read by another, once
// (STORE-07).
func TestReplicasShareTheWork(t *testing.T) {
	t.Parallel()
	const replicas, uploads = 3, 48
	s := services(t)
	var apis, workers []*testenv.ChildProcess
	var vaults []vault
	for range replicas {
		apis, workers = append(apis, process(t, s.env, "api")), append(workers, process(t, s.env, "worker"))
	}
	for i := range replicas {
		workers[i].WaitLine(t, "worker ")
		v := listening(t, apis[i])
		v.client = patientClient()
		vaults = append(vaults, v)
	}
	errs := make([]error, uploads)
	var running sync.WaitGroup
	for i := range uploads {
		running.Go(func() {
			errs[i] = vaults[i%replicas].thereAndBack(fmt.Sprint(i, ".txt"), fmt.Sprintf("This is text %d of many.", i))
		})
	}
	running.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("upload %d: %v", i, err)
		}
	}

	db, err := schema.Open(s.db.AppDSN)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() // nothing depends on it
	pause := time.NewTicker(100 * time.Millisecond)
	defer pause.Stop()
	testenv.Eventually(t, 3*time.Minute, func() error {
		<-pause.C
		var ready, wrong int
		err := db.QueryRowContext(t.Context(), `SELECT count(*) FILTER (WHERE status = 'ready'),
			count(*) FILTER (WHERE attempts > 1 OR requeues > 0 OR extracted_text <> 'This is text ' || split_part(filename, '.', 1) || ' of many.')
			FROM documents`).Scan(&ready, &wrong)
		if err == nil && wrong > 0 {
			t.Fatalf("%d documents were processed twice or have another's text", wrong)
		}
		if err == nil && ready != uploads {
			err = fmt.Errorf("%d of %d are ready", ready, uploads)
		}
		return err
	})
	for i := range replicas {
		stop(t, apis[i])
		stop(t, workers[i])
	}
}
