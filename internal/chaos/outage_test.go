//go:build chaos && unix

package chaos

import (
	"testing"
	"time"

	"github.com/docuvault/docuvault/internal/testenv"
)

// TestOutages takes one service after the other away under load and gives it back: no answer but those that say to try again,
// none without an end, and afterwards everything is as if nothing had been. Without Redis uploads are even taken.
func TestOutages(t *testing.T) {
	pg, s3 := testenv.OwnPostgres(t), testenv.OwnS3(t)
	r := newVaultRun(t, vaultOptions{apis: 2, workers: 1, postgres: pg, s3: &s3, env: []string{"DATABASE_MAX_CONNS=8"}})
	var out table
	for _, o := range []struct {
		name       string
		begin, end func()
		taken      bool // uploads go on meanwhile
	}{
		{"PostgreSQL killed", func() { pg.Kill(t) }, func() { pg.Start(t) }, false},
		{"PostgreSQL restarted", func() { pg.Stop(t) }, func() { pg.Start(t) }, false},
		{"PostgreSQL frozen", func() { pg.Pause(t) }, func() { pg.Resume(t) }, false},
		{"MinIO killed", func() { s3.Kill(t) }, func() { s3.Start(t) }, false},
		{"MinIO frozen", func() { s3.Pause(t) }, func() { s3.Resume(t) }, false},
		{"Redis killed", func() { r.redis.Kill(t) }, func() { r.redis.Start(t) }, true},
		{"Redis frozen", func() { r.redis.Pause(t) }, func() { r.redis.Resume(t) }, true},
		{"Redis emptied", func() {
			if err := dial(t, r.redis).FlushAll(t.Context()).Err(); err != nil {
				t.Error(err)
			}
		}, func() {}, true},
	} {
		l := startLoad(r, 8, 256<<10)
		<-time.After(2 * time.Second)
		o.begin()
		gone := time.Now()
		<-time.After(5 * time.Second)
		during := l.firstAfter(gone.Add(time.Second))
		o.end()
		back := time.Now()
		testenv.Eventually(t, time.Minute, func() error {
			if l.firstAfter(back) < 0 {
				return errNoUpload
			}
			return nil
		})
		<-time.After(2 * time.Second)
		l.stop()
		lost := l.check(5 * time.Minute)
		out.row(o.name, "first 201 %v after its return; %d documents, %d lost; slowest answer %v; %s", l.firstAfter(back).Round(10*time.Millisecond),
			len(l.accepted), lost, l.slowest.Round(10*time.Millisecond), l.counts())
		l.mustAnswer(t, o.name)
		if o.taken && during < 0 {
			t.Errorf("%s: no upload was taken meanwhile", o.name)
		}
	}
	t.Log(out.String())
}

type errorText string

func (e errorText) Error() string { return string(e) }

const errNoUpload = errorText("no upload is answered with 201")
