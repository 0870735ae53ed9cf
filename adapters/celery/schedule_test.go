package celery

import (
	"testing"
	"time"
)

// A clock that is set while a message waits changes nothing: how long it waits was decided when it came.
func TestScheduleGoesByWhatHasPassed(t *testing.T) {
	t.Parallel()
	s := newSchedule()
	wrong := time.Now().Add(3 * time.Hour)
	done := ""
	note := func(what string) func() { return func() { done += what } }
	s.add(wrong.Add(-time.Minute), wrong, nil, note("past "))
	s.add(wrong.Add(time.Hour), wrong, nil, note("later "))
	s.add(wrong.Add(20*time.Millisecond), wrong, nil, note("soon "))
	deadline := time.After(10 * time.Second)
	for done != "past soon " {
		ready, wait := s.next()
		for _, d := range ready {
			d.do()
		}
		select {
		case <-time.After(min(wait, 10*time.Millisecond)):
		case <-deadline:
			t.Fatalf("done: %q, the next in %s", done, wait)
		}
	}
	if _, wait := s.next(); wait <= 59*time.Minute || wait > time.Hour || s.len() != 1 {
		t.Errorf("%d are left, the next in %s", s.len(), wait)
	}
}
