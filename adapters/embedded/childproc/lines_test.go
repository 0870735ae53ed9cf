package childproc_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/docuvault/docuvault/adapters/embedded/childproc"
)

func TestLinesArriveWhole(t *testing.T) {
	t.Parallel()
	var lines []string
	w := childproc.NewLineWriter(func(line string) { lines = append(lines, line) })
	for _, piece := range []string{"one\ntw", "o\r", "\n\nthree", "\nunfinished"} {
		if n, err := w.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatal(n, err)
		}
	}
	if want := []string{"one", "two", "", "three"}; !slices.Equal(lines, want) {
		t.Errorf("got %q, want %q", lines, want)
	}
}

// Nothing grows without bound because a line does not end.
func TestEndlessLineComesInPieces(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	w := childproc.NewLineWriter(func(line string) { all.WriteString(line) })
	const size = 1000
	for i := range 100 {
		if _, err := w.Write(bytes.Repeat([]byte("x"), size)); err != nil {
			t.Fatal(err)
		}
		if kept := (i+1)*size - all.Len(); kept > 8<<10 {
			t.Fatalf("%d bytes are kept", kept)
		}
	}
}
