//go:build unix

package testenv_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/docuvault/docuvault/internal/testenv"
)

// refusal is what a test that fails at once is told.
type refusal struct {
	testing.TB
	said string
}

func (*refusal) Helper() {}
func (r *refusal) Fatal(args ...any) {
	r.said = fmt.Sprintln(args...)
	panic(r)
}

// Where a Docker daemon answers, a container serves as a local server does; where none does, or the image is out of reach,
// the test says so.
func TestPostgresContainer(t *testing.T) {
	t.Parallel()
	if ok, why := testenv.DockerAvailable(); !ok {
		r := &refusal{TB: t}
		func() {
			defer func() { _ = recover() }()
			testenv.PostgresContainer(r)
		}()
		if why == "" || !strings.Contains(r.said, why) {
			t.Fatalf("without a daemon (%s) the test is told %q", why, r.said)
		}
		t.Log("tried the refusal alone:", why)
		return
	}
	empty, full := testenv.PostgresContainer(t), testenv.SchemaContainer(t)
	must(t, exec1(t, empty.MigrateDSN, "CREATE TABLE x AS SELECT 1 AS id"))
	must(t, exec1(t, full.AppDSN, "INSERT INTO topics (name) VALUES ('x')"))
	if got := query1(t, full.AppDSN, "SELECT count(*)::text FROM topics"); got != "1" {
		t.Fatalf("%s rows", got)
	}
}
