package rest_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/docuvault/docuvault/domain"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	h := open(t)
	check := func(status int, want string, broken ...string) {
		t.Helper()
		a := h.get("/health").is(status)
		got := a.object()
		if got["status"] != want {
			t.Errorf("status is %v, want %s", got["status"], want)
		}
		if (a.header.Get("Retry-After") != "") != (status == http.StatusServiceUnavailable) {
			t.Errorf("%d with Retry-After %q", status, a.header.Get("Retry-After"))
		}
		for name, raw := range got["checks"].(map[string]any) {
			one := raw.(map[string]any)
			bad := strings.Contains(strings.Join(broken, " "), name)
			if (one["status"] == "error") != bad || (one["error"] != nil) != bad {
				t.Errorf("%s is %v", name, one)
			}
			if strings.Contains(string(a.body), "hunter2") {
				t.Errorf("the answer shows a secret: %s", a.body)
			}
		}
	}
	check(http.StatusOK, "ok")
	h.queue.Fail(domain.Wrap(domain.Unavailable, errors.New("redis://:hunter2@redis"), "redis is out of reach"))
	check(http.StatusOK, "degraded", "redis")
	h.storage.Down()
	check(http.StatusServiceUnavailable, "unavailable", "redis", "storage")
	h.storage.Up()
	h.repo.Fail("Health", errors.New("password hunter2 refused"))
	check(http.StatusServiceUnavailable, "unavailable", "redis", "postgres")
	h.get("/health/live").is(http.StatusOK) // asks nobody
	h.repo.Up()
	h.queue.Fail(nil)
	check(http.StatusOK, "ok")
	h.api.Drain()
	check(http.StatusServiceUnavailable, "unavailable")
	h.get("/api/documents").is(http.StatusOK) // still served
	h.get("/health/live").is(http.StatusOK)
}
