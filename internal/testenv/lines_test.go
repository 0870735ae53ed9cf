//go:build unix

package testenv

import "testing"

// Each line is had once, and those passed over are gone.
func TestLinesAreTakenOnce(t *testing.T) {
	t.Parallel()
	l := newLineLog()
	if _, err := l.Write([]byte("one\ntwo\none\n")); err != nil {
		t.Fatal(err)
	}
	one := func(line string) bool { return line == "one" }
	for range 2 {
		if _, _, ok := l.take(one); !ok {
			t.Fatal("a line is missing")
		}
	}
	if line, _, ok := l.take(func(string) bool { return true }); ok {
		t.Errorf("%q is still there", line)
	}
}
