package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/docuvault/docuvault/internal/testenv"
)

// Each dependency is stopped in turn: /health names it and no other, and is well again once it is back (D-07).
func TestHealthNamesWhatIsDown(t *testing.T) {
	t.Parallel()
	postgres, s3 := testenv.OwnPostgres(t), testenv.OwnS3(t)
	s := servicesOn(t, postgres.Schema(t))
	s.env = append(s.env, "MINIO_ENDPOINT="+s3.Endpoint, "MINIO_ACCESS_KEY="+s3.AccessKey, "MINIO_SECRET_KEY="+s3.SecretKey, "MINIO_BUCKET="+testenv.Bucket(t, s3))
	api := process(t, s.env, "api")
	v := listening(t, api)
	v.becomes(t, http.StatusOK, "ok")
	for _, c := range []struct {
		check       string
		code        int
		status      string
		stop, start func(testing.TB)
	}{
		{"postgres", http.StatusServiceUnavailable, "unavailable", postgres.Stop, postgres.Start},
		{"storage", http.StatusServiceUnavailable, "unavailable", s3.Stop, s3.Start},
		{"redis", http.StatusOK, "degraded", s.redis.Stop, s.redis.Start},
	} {
		c.stop(t)
		v.becomes(t, c.code, c.status, c.check)
		c.start(t)
		v.becomes(t, http.StatusOK, "ok")
	}
	stop(t, api)
}

// becomes waits until /health answers with a code and a status, and names these checks and no others as failing.
func (v vault) becomes(t *testing.T, code int, status string, failing ...string) {
	t.Helper()
	pause := time.NewTicker(100 * time.Millisecond)
	defer pause.Stop()
	testenv.Eventually(t, time.Minute, func() error {
		<-pause.C
		response, err := v.client.Get(v.url + "/health")
		if err != nil {
			return err
		}
		defer response.Body.Close() // read to its end
		var health struct {
			Status string `json:"status"`
			Checks map[string]struct {
				Status string  `json:"status"`
				Error  *string `json:"error"`
			} `json:"checks"`
		}
		if err := json.NewDecoder(response.Body).Decode(&health); err != nil {
			return err
		}
		var named []string
		for name, check := range health.Checks {
			if (check.Status == "ok") != (check.Error == nil) {
				t.Errorf("the check of %s is %q, its error %v", name, check.Status, check.Error)
			}
			if check.Status != "ok" {
				named = append(named, name)
			}
		}
		if response.StatusCode != code || health.Status != status || len(health.Checks) != 3 || !slices.Equal(named, failing) {
			return fmt.Errorf("%d %s, failing are %q; want %d %s and %q", response.StatusCode, health.Status, named, code, status, failing)
		}
		return nil
	})
}
