package extract

import (
	"path/filepath"
	"testing"

	"github.com/docuvault/docuvault/adapters/extract/formats"
)

// TestEnginesAreCompiled runs before all others (`make test`), without the race detector, under which compiling takes minutes.
func TestEnginesAreCompiled(t *testing.T) {
	x := open(t, Config{Children: 1, CacheDir: programsOwn})
	x.Warm(t.Context())
	marks, err := filepath.Glob(filepath.Join(x.cfg.CacheDir, formats.Engine+"-ready-*"))
	if err != nil || len(marks) == 0 {
		t.Errorf("nothing says that the engines are compiled: %v, %v", marks, err)
	}
}
