//go:build chaos && unix

package chaos

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/docuvault/docuvault/adapters/schema"
	"github.com/docuvault/docuvault/internal/testenv"
)

// clockFile is where a program of clockedBinary reads, ten times a second, by how many seconds its wall clock is ahead.
const clockFile = "clock"

// followClock is what the program is built with beside its own files.
const followClock = `package main

import (
	"os"
	"path/filepath"
	"strconv"
	"time"
)

func init() {
	path, err := filepath.Abs(os.Getenv("CHAOS_CLOCK"))
	if err != nil || os.Getenv("CHAOS_CLOCK") == "" {
		return
	}
	go func() {
		for range time.Tick(100 * time.Millisecond) {
			text, err := os.ReadFile(path)
			if ahead, bad := strconv.ParseInt(string(text), 10, 64); err == nil && bad == nil {
				time.Ahead.Store(ahead)
			}
		}
	}()
}
`

// clockedBinary builds the program by a Go whose wall clock can be set: a program cannot have one of its own, and the machine's is
// not ours to set. Timers and durations go on by the monotonic clock, as they do when a real clock is set.
func clockedBinary(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	original := filepath.Join(string(bytes.TrimSpace(out)), "src", "time", "time.go")
	source, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{"\t\"math/bits\"\n", "\t\"math/bits\"\n\t\"sync/atomic\"\n"},
		{"func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n", "var Ahead atomic.Int64\n\nfunc Now() Time {\n\tsec, nsec, mono := runtimeNow()\n\tsec += Ahead.Load()\n"},
	} {
		if bytes.Count(source, []byte(change[0])) != 1 {
			t.Fatalf("this Go's time.go has no %q to change", change[0])
		}
		source = bytes.Replace(source, []byte(change[0]), []byte(change[1]), 1)
	}
	// A folder that stays, or all of Go would be compiled anew in every run.
	dir := folder(t, "bin/_clock")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	replace := map[string]string{}
	for name, file := range map[string]struct{ as, text string }{
		"time.go":   {original, string(source)},
		"follow.go": {folder(t, "cmd/docuvault/clock_chaos.go"), followClock},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(file.text), 0o644); err != nil {
			t.Fatal(err)
		}
		replace[file.as] = path
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return build(t, "docuvault-clock", "-overlay", filepath.Join(dir, "overlay.json"))
}

// setClock sets the wall clock of one program, which has it a moment later.
func (p *program) setClock(ahead time.Duration) {
	p.t.Helper()
	path := filepath.Join(p.cfg.Dir, clockFile)
	err := os.WriteFile(path+".new", strconv.AppendInt(nil, int64(ahead/time.Second), 10), 0o644)
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// databaseClock makes the clock that the app sees in the database one that can be set, and returns what sets it.
func databaseClock(t *testing.T, db testenv.Database) (set func(ahead time.Duration)) {
	t.Helper()
	super, err := schema.Open(db.SuperDSN)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = super.Close() })
	run := func(statement string, args ...any) {
		t.Helper()
		if _, err := super.ExecContext(t.Context(), statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	run("CREATE SCHEMA chaos")
	run("CREATE TABLE chaos.clock AS SELECT interval '0' AS ahead")
	for _, name := range []string{"clock_timestamp", "now"} {
		run(fmt.Sprintf(`CREATE FUNCTION chaos.%s() RETURNS timestamptz LANGUAGE sql SECURITY DEFINER
			AS 'SELECT pg_catalog.%[1]s() + ahead FROM chaos.clock'`, name))
	}
	run("GRANT USAGE ON SCHEMA chaos TO PUBLIC")
	run(fmt.Sprintf("ALTER ROLE docuvault_app IN DATABASE %q SET search_path = chaos, pg_catalog, public", db.Name))
	return func(ahead time.Duration) {
		t.Helper()
		run("UPDATE chaos.clock SET ahead = make_interval(secs => $1)", ahead.Seconds())
	}
}

// TestClocks sets the database's clock and those of the programs forward and back under load, and kills a worker while the
// database's is ahead: what it held does not wait for that time to come.
func TestClocks(t *testing.T) {
	r := newVaultRun(t, vaultOptions{apis: 2, workers: 2, bin: clockedBinary(t), env: []string{"CHAOS_CLOCK=" + clockFile}})
	database := databaseClock(t, r.db)
	// Connections that are older than the setting do not have it.
	for _, p := range append(r.apis, r.workers...) {
		p.restart()
	}
	for _, address := range r.addresses {
		testenv.Eventually(t, time.Minute, func() error {
			_, err := r.call("GET", address, "/health", "", nil, nil)
			return err
		})
	}
	const hour = time.Hour
	var out table
	for _, o := range []struct {
		name       string
		begin, end func()
	}{
		{"the database's an hour ahead, then right", func() { database(hour) }, func() { database(0) }},
		{"the same, workers killed meanwhile", func() { database(hour) }, func() {
			for _, w := range r.workers {
				w.proc.Kill()
			}
			database(0)
			for _, w := range r.workers {
				w.start()
			}
		}},
		{"the database's an hour behind, then right", func() { database(-hour) }, func() { database(0) }},
		{"an API's ten minutes ahead, then right", func() { r.apis[0].setClock(10 * time.Minute) }, func() { r.apis[0].setClock(0) }},
		{"an API's an hour behind, then right", func() { r.apis[0].setClock(-hour) }, func() { r.apis[0].setClock(0) }},
		{"a worker's ten minutes behind, then right", func() { r.workers[0].setClock(-10 * time.Minute) }, func() { r.workers[0].setClock(0) }},
		{"a worker's two hours ahead, then right", func() { r.workers[0].setClock(2 * hour) }, func() { r.workers[0].setClock(0) }},
	} {
		l := startLoad(r, 8, 256<<10)
		<-time.After(2 * time.Second)
		o.begin()
		<-time.After(15 * time.Second) // longer than a reading of the database's clock is gone by
		o.end()
		<-time.After(2 * time.Second)
		l.stop()
		stopped := time.Now()
		lost := l.check(5 * time.Minute)
		out.row(o.name, "%d documents, %d lost, the last ready %v later; slowest answer %v; %s", len(l.accepted), lost,
			time.Since(stopped).Round(time.Second), l.slowest.Round(10*time.Millisecond), l.counts())
		l.mustAnswer(t, o.name)
	}
	t.Log(out.String())
}
